import { connect, createServer, type Server, type Socket } from 'node:net';
import { plainAddress, type Balancer } from './balancer.ts';
import type { Front } from './fronts.ts';

/** Until the next endpoint is tried. Source: the former userspace proxier's endpointDialTimeouts. */
const DIAL_MS = 2_000;
export interface Listener {
  /** What it does from the next client on. */
  front: Front;
  close(): void;
}

/** Rejects where the address is not this machine's, or taken. Clients that are there stay when it is closed, as with the kernel's. */
export function listenTcp(first: Front, balancer: Balancer): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
      client.on('error', () => client.destroy());
      const from = plainAddress(client.remoteAddress);
      const { front } = listener;
      const left = [...balancer.order(front, from)];
      const next = (): void => {
        const target = left.shift();
        if (target === undefined || client.destroyed) return void client.resetAndDestroy();
        const upstream = connect({ host: target.ip, port: target.port, allowHalfOpen: true, noDelay: true });
        upstream.setTimeout(DIAL_MS, () => upstream.destroy(new Error('nobody answers')));
        upstream.once('error', next);
        upstream.once('connect', () => {
          upstream.setTimeout(0);
          upstream.off('error', next);
          balancer.took(front, from, target);
          join(client, upstream);
        });
      };
      next();
    });
    const listener: Listener = { front: first, close: () => void server.close() };
    server.once('error', reject);
    server.listen({ host: first.host, port: first.port, ipv6Only: true }, () => resolve(listener));
  });
}
/** What one says the other hears, at the pace of who is slower; the end of one is the end of the other. */
function join(a: Socket, b: Socket): void {
  for (const [one, other] of [
    [a, b],
    [b, a],
  ] as const) {
    one.on('error', () => other.resetAndDestroy());
    one.once('close', () => other.destroy());
    one.pipe(other);
  }
}
