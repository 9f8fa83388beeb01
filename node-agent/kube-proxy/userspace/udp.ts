import { createSocket, type Socket } from 'node:dgram';
import type { World } from '../../../bus/world.ts';
import { withPort } from '../plan/address.ts';
import type { Target } from '../plan/choose.ts';
import type { Balancer } from './balancer.ts';
import type { Front } from './fronts.ts';
import type { Listener } from './tcp.ts';

/** A conversation in which nobody speaks for so long is over. Source: the kernel's nf_conntrack_udp_timeout. */
const IDLE_MS = 30_000;
const MAX_CLIENTS = 4_096;
interface Conversation {
  readonly socket: Socket;
  readonly target: Target;
  heard: number;
}

/** Rejects where the address is not this machine's, or taken. */
export function listenUdp(first: Front, balancer: Balancer, { clock }: World): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = first.host.includes(':') ? createSocket({ type: 'udp6', ipv6Only: true }) : createSocket('udp4');
    const conversations = new Map<string, Conversation>();
    let timer: ReturnType<typeof clock.setTimeout> | undefined;
    const end = (client: string, { socket }: Conversation): void => {
      if (conversations.get(client)?.socket === socket) conversations.delete(client);
      socket.close();
    };
    const sweep = (): void => {
      timer = undefined;
      for (const [client, conversation] of conversations)
        if (clock.now() - conversation.heard >= IDLE_MS) end(client, conversation);
      if (conversations.size > 0) timer = clock.setTimeout(sweep, IDLE_MS);
    };
    const open = (address: string, port: number): Conversation | undefined => {
      const { front } = listener;
      const target = balancer.order(front, address)[0];
      if (target === undefined) return undefined;
      balancer.took(front, address, target);
      const socket = createSocket(target.ip.includes(':') ? 'udp6' : 'udp4');
      const conversation = { socket, target, heard: clock.now() };
      const client = withPort(address, port);
      socket.on('message', (bytes, from) => {
        // Anybody may send to it.
        if (from.address !== target.ip || from.port !== target.port) return;
        conversation.heard = clock.now();
        server.send(bytes, port, address, () => undefined);
      });
      socket.on('error', () => end(client, conversation));
      const oldest = conversations.entries().next().value;
      if (conversations.size >= MAX_CLIENTS && oldest !== undefined) end(...oldest);
      conversations.set(client, conversation);
      timer ??= clock.setTimeout(sweep, IDLE_MS);
      return conversation;
    };
    server.on('message', (bytes, { address, port }) => {
      const known = conversations.get(withPort(address, port));
      const { front } = listener;
      const isGood = known !== undefined && front.targets(address)?.some(({ ip, port: to }) => ip === known.target.ip && to === known.target.port) === true; // prettier-ignore
      // Whom it spoke with may be gone.
      if (known !== undefined && !isGood) end(withPort(address, port), known);
      const conversation = isGood ? known : open(address, port);
      if (conversation === undefined) return;
      conversation.heard = clock.now();
      conversation.socket.send(bytes, conversation.target.port, conversation.target.ip, () => undefined);
    });
    const listener: Listener = {
      front: first,
      close: () => {
        clock.clearTimeout(timer ?? 0);
        for (const [client, conversation] of conversations) end(client, conversation);
        server.close();
      },
    };
    server.once('error', reject);
    server.bind(first.port, first.host, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve(listener);
    });
  });
}
