import { closeSync, constants, openSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { dirname, basename, join } from 'node:path';

/** Passes connections on, byte by byte. */
export interface Relay {
  readonly port: number;
  close(): void;
}
function join2(a: Socket, b: Socket): void {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.setNoDelay(true);
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
} // prettier-ignore
const relay = (dial: () => Socket): { server: Server; close: () => void } => {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    join2(socket, dial());
  });
  return {
    server,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
};
/**
 * On the machine's side: a socket in a node's folder that leads to the bus, whoever may open the file. Paths of sockets end
 * at 108 bytes, and folders of clusters may be longer: it is reached by way of the open folder.
 */
export async function relayToBus(file: string, natsPort: () => number): Promise<Relay> {
  const { server, close } = relay(() => connect(natsPort(), '127.0.0.1'));
  const folder = openSync(dirname(file), constants.O_RDONLY | constants.O_DIRECTORY);
  rmSync(file, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const umask = process.umask(0o177);
    server.listen(join('/proc/self/fd', String(folder), basename(file)), resolve);
    process.umask(umask);
  });
  return {
    port: 0,
    close: () => {
      close();
      closeSync(folder);
      rmSync(file, { force: true });
    },
  };
}
/** On the node's side: a port of its loopback that leads to the socket. */
export async function relayToSocket(file: string): Promise<Relay> {
  const { server, close } = relay(() => connect(file));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: '127.0.0.1', port: 0 }, resolve);
  });
  return { port: (server.address() as AddressInfo).port, close };
}
