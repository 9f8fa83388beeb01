import { createServer, type Server, type Socket } from 'node:net';
import { HandedConnections } from './handed-connections.ts';

/** Someone who answers connections. */
export interface Answerer {
  readonly isOpen: boolean;
  /** False: it could not be given the connection after all. */
  hand(socket: Socket): boolean | void;
}
/** The one address of a cluster's API servers: accepts connections here and deals them out in turn. */
export interface Front {
  /** Those of the API server of this process. */
  readonly own: HandedConnections;
  add(one: Answerer): void;
  remove(one: Answerer): void;
  /** At another address too. Thrown: the error of listening. */
  listen(host: string): Promise<void>;
  /** Somebody is open now who was not. */
  opened(): void;
  close(): void;
}
/** A connection waits for so long for somebody who answers. */
const PATIENCE_MS = 10_000;

/**
 * Listens on `port`. A connection that was accepted belongs to one API server from then on, so the others come and go
 * without a reset: where several listen on one port, the kernel resets what waits for one that stops listening. The port
 * can be shared nevertheless, with API servers of the same cluster that were started by `kubus run`.
 * Thrown: the error of listening.
 */
export async function openFront(host: string, port: number): Promise<Front> {
  const own = new HandedConnections();
  const all: Answerer[] = [own];
  const waiting = new Set<Socket>();
  let next = 0;
  const deal = (socket: Socket): boolean => {
    for (let i = 0; i < all.length; i++) {
      const one = all[(next + i) % all.length]!;
      if (!one.isOpen || one.hand(socket) === false) continue;
      next = (next + i + 1) % all.length;
      return true;
    }
    return false;
  };
  const answer = (socket: Socket): void => {
    socket.on('error', () => undefined);
    if (deal(socket)) return;
    waiting.add(socket);
    const timer = setTimeout(() => {
      if (waiting.delete(socket)) socket.destroy();
    }, PATIENCE_MS);
    timer.unref();
  };
  const servers: Server[] = [];
  const listen = async (at: string): Promise<void> => {
    const server = createServer({ pauseOnConnect: true }, answer);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: at, port, reusePort: true }, () => {
        server.off('error', reject);
        resolve();
      });
    });
    servers.push(server);
  };
  await listen(host);
  const opened = (): void => {
    for (const socket of waiting) {
      if (!deal(socket)) return;
      waiting.delete(socket);
    }
  };
  own.onOpen = opened;
  return {
    own,
    listen,
    opened,
    add: (one) => {
      all.push(one);
      opened();
    },
    remove: (one) => {
      const i = all.indexOf(one);
      if (i >= 0) all.splice(i, 1);
    },
    close: () => {
      for (const server of servers) server.close();
      for (const socket of waiting) socket.destroy();
    },
  };
}
