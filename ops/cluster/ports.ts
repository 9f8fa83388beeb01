import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';

/** Binds for a moment; the port that was bound, or the error. */
function attempt(port: number, host: string): Promise<number | NodeJS.ErrnoException> {
  return new Promise((resolve) => {
    const server: Server = createServer();
    server.once('error', resolve);
    server.listen(port, host, () => {
      const address = server.address();
      const bound = address !== null && typeof address === 'object' ? address.port : port;
      server.close(() => resolve(bound));
    });
  });
}
/** A TCP port of `host` that nothing listens on now. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const bound = await attempt(0, host);
  if (typeof bound !== 'number') throw bound;
  return bound;
}
export const isFree = async (port: number, host = '127.0.0.1'): Promise<boolean> =>
  typeof (await attempt(port, host)) === 'number';

/** Why nobody can listen there, and what to do about it; undefined if one can. `option` chooses the port. */
export async function obstacle(port: number, host: string, option = '--port'): Promise<string | undefined> {
  const bound = await attempt(port, host);
  if (typeof bound === 'number') return undefined;
  switch (bound.code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use by another program: stop that one, or choose another port with ${option} N`;
    case 'EACCES':
      return `port ${port} is not for everyone on this machine: choose one above 1023 with ${option} N`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `this machine has no address ${host}: choose another with --host, such as 127.0.0.1`;
    default:
      return `nothing can listen on port ${port} of ${host} (${bound.message}): choose others with ${option} and --host`;
  }
}

/**
 * Takes the port for one cluster of this machine, so that two which start at once do not share it; undefined if another
 * has it. It is a name that the kernel forgets with the process, in the network that the port is of.
 */
export function claimPort(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', () => resolve(undefined));
    server.listen(`\0kubus/${host}/${port}`, () => resolve(server.unref()));
  });
}

const PROBE_MS = 3000;
/** As `obstacle`, but the port may be that of API servers of the same cluster: they share it. `pki`: the cluster's keys. */
export async function sharedObstacle(port: number, host: string, pki: string): Promise<string | undefined> {
  if (await isFree(port, host)) return undefined;
  return (await isOurs(port, host, pki)) ? undefined : obstacle(port, host);
}
/** Whether who listens there shows a certificate that the cluster's own authority signed. */
function isOurs(port: number, host: string, pki: string): Promise<boolean> {
  let ca: string;
  try {
    ca = readFileSync(join(pki, 'ca.crt'), 'utf8');
  } catch {
    return Promise.resolve(false);
  }
  return new Promise((resolve) => {
    const to = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
    const socket = connect({ host: to, port, ca, checkServerIdentity: () => undefined, timeout: PROBE_MS });
    const done = (ours: boolean): void => {
      socket.destroy();
      resolve(ours);
    };
    socket.once('secureConnect', () => done(socket.authorized));
    socket.once('error', () => done(false));
    socket.once('timeout', () => done(false));
  });
}
