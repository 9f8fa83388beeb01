import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { fromPromise } from 'xstate';
import type { TimerId, World } from '../../../bus/world.ts';
import type { Inspection } from '../../runtime/inspection.ts';
import { startActor } from '../../runtime/start-actor.ts';
import type { Backend } from './endpoints.ts';
import type { Listener } from './listener.ts';
import { listenerMachine } from './machine.ts';

interface Flow {
  readonly socket: Socket;
  /** When the last datagram went either way. */
  at: number;
}
/** A client that is silent for so long is another afterwards. Source: nf_conntrack_udp_timeout, doubled as of streams. */
const SILENCE_MS = 60_000;
/** Clients at once; what comes from more is dropped. */
const MOST_FLOWS = 4_096;

/**
 * Passes datagrams on from one port of one address of this machine, and the answers back. All of a client go to the
 * backend that `choose` names for the first; undefined: they are dropped.
 */
export function startDatagrams(o: {
  readonly world: World;
  readonly ip: string;
  readonly port: number;
  readonly choose: (client: string) => Backend | undefined;
  readonly inspection?: Inspection | undefined;
}): Listener {
  const { world, ip, port } = o;
  const { clock } = world;
  const flows = new Map<string, Flow>();
  const opened = Promise.withResolvers<void>();
  const server = createSocket({ type: ip.includes(':') ? 'udp6' : 'udp4', reuseAddr: false });
  let isOpen = false;
  let timer: TimerId | undefined;

  function end(key: string): void {
    flows.get(key)?.socket.close();
    flows.delete(key);
  }
  /** Runs only while there are clients. */
  function sweep(): void {
    timer = undefined;
    const now = clock.now();
    for (const [key, { at }] of flows) if (now - at >= SILENCE_MS) end(key);
    if (flows.size > 0) timer = clock.setTimeout(sweep, SILENCE_MS);
  }
  function begin(key: string, client: RemoteInfo): Flow | undefined {
    const backend = flows.size < MOST_FLOWS ? o.choose(client.address) : undefined;
    if (backend === undefined) return undefined;
    const socket = createSocket(backend.ip.includes(':') ? 'udp6' : 'udp4');
    const flow: Flow = { socket, at: clock.now() };
    socket.on('message', (answer) => {
      flow.at = clock.now();
      if (isOpen) server.send(answer, client.port, client.address);
    });
    // Nobody listens there: the next datagram may find another.
    socket.on('error', () => {
      if (flows.get(key) === flow) end(key);
    });
    // What is sent before it is connected waits for that.
    socket.connect(backend.port, backend.ip);
    flows.set(key, flow);
    timer ??= clock.setTimeout(sweep, SILENCE_MS);
    return flow;
  }
  server.on('message', (datagram, client) => {
    const key = `${client.address} ${client.port}`;
    const flow = flows.get(key) ?? begin(key, client);
    if (flow === undefined) return;
    flow.at = clock.now();
    const send = (): void => flow.socket.send(datagram, () => undefined);
    if (flow.socket.listenerCount('connect') > 0 || !isConnected(flow.socket)) flow.socket.once('connect', send);
    else send();
  });
  const close = (): void => {
    if (timer !== undefined) clock.clearTimeout(timer);
    timer = undefined;
    for (const key of flows.keys()) end(key);
    if (!isOpen) return;
    isOpen = false;
    server.close();
  };
  const actor = startActor(
    listenerMachine.provide({
      actors: {
        listen: fromPromise<void>(
          () =>
            new Promise((resolve, reject) => {
              server.once('error', reject);
              server.bind({ address: ip, port, exclusive: true }, () => {
                isOpen = true;
                server.off('error', reject);
                server.on('error', (err) => world.log.warn('datagram lost', { ip, port, err }));
                resolve();
              });
            }),
        ),
        // Datagrams have no end that could be waited for.
        connectionsEnd: fromPromise<void>(() => Promise.resolve()),
      },
      actions: {
        noteOpened: () => opened.resolve(),
        noteRefused: (_, { error }) => opened.reject(error as Error),
        stopListening: () => {
          opened.reject(new Error('no longer wanted'));
          close();
        },
        cutConnections: close,
      },
    }),
    { world, id: `listener/${ip}:${port}/udp`, machine: 'listener', inspection: o.inspection, restart: false },
  );
  opened.promise.catch(() => undefined);
  return {
    open: opened.promise,
    get connections() {
      return flows.size;
    },
    state: () => actor.state(),
    retire: () => actor.send({ type: 'retirement.asked' }),
    remove: () => actor.send({ type: 'removal.asked' }),
  };
}
function isConnected(socket: Socket): boolean {
  try {
    return socket.remoteAddress() !== undefined;
  } catch {
    return false;
  }
}
