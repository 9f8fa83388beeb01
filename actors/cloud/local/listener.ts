import { createServer, type Socket } from 'node:net';
import { fromPromise } from 'xstate';
import type { World } from '../../../bus/world.ts';
import type { Inspection } from '../../runtime/inspection.ts';
import { startActor, type RunningActor } from '../../runtime/start-actor.ts';
import { listenerMachine } from './machine.ts';

export interface Listener {
  /** Resolves when it listens; rejects with the system's error. */
  readonly open: Promise<void>;
  readonly connections: number;
  state(): string;
  /** Takes no more connections, and ends with its last. */
  retire(): void;
  /** Ends at once. */
  remove(): void;
}
const KEEP_ALIVE_MS = 60_000;

/** Listens on one port of one address of this machine. `onConnection` gets sockets from which nothing was read. */
export function startListener(o: {
  readonly world: World;
  readonly ip: string;
  readonly port: number;
  readonly onConnection: (socket: Socket) => void;
  readonly inspection?: Inspection | undefined;
}): Listener {
  const { ip, port, world } = o;
  const sockets = new Set<Socket>();
  const opened = Promise.withResolvers<void>();
  const ended = Promise.withResolvers<void>();
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: KEEP_ALIVE_MS }, (socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
      if (sockets.size === 0 && !server.listening) ended.resolve();
    });
    socket.on('error', () => socket.destroy());
    o.onConnection(socket);
  }); // prettier-ignore
  const actor: RunningActor<typeof listenerMachine> = startActor(
    listenerMachine.provide({
      actors: {
        listen: fromPromise<void>(
          () =>
            new Promise((resolve, reject) => {
              server.once('error', reject);
              server.listen({ host: ip, port, ipv6Only: ip.includes(':'), exclusive: true }, () => {
                server.off('error', reject);
                // Too many open files: the one who wanted to connect is refused, the others go on.
                server.on('error', (err) => world.log.warn('connection not accepted', { ip, port, err }));
                resolve();
              });
            }),
        ),
        connectionsEnd: fromPromise<void>(() => ended.promise),
      },
      actions: {
        noteOpened: () => opened.resolve(),
        noteRefused: (_, { error }) => opened.reject(error as Error),
        stopListening: () => {
          opened.reject(new Error('no longer wanted'));
          server.close();
          if (sockets.size === 0) ended.resolve();
        },
        cutConnections: () => {
          for (const socket of sockets) socket.destroy();
        },
      },
    }),
    { world, id: `listener/${ip}:${port}`, machine: 'listener', inspection: o.inspection, restart: false },
  );
  opened.promise.catch(() => undefined);
  return {
    open: opened.promise,
    get connections() {
      return sockets.size;
    },
    state: () => actor.state(),
    retire: () => actor.send({ type: 'retirement.asked' }),
    remove: () => actor.send({ type: 'removal.asked' }),
  };
}
