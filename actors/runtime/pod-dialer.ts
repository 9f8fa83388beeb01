import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Bus } from '../../bus/bus.ts';
import { NODE_SILENCE_MS, type PortForwardRequest } from '../../bus/protocol/node.ts';
import { SessionStream } from '../../bus/session-stream.ts';
import * as subjects from '../../bus/subjects.ts';
import type { World } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';

/** Where a pod listens. Without `node` and `pod`, as of an endpoint that is not a pod, it is an address and nothing else. */
export interface PodAddress {
  readonly ip: string;
  readonly port: number;
  readonly node?: string | undefined;
  readonly namespace?: string | undefined;
  readonly pod?: string | undefined;
}
/**
 * Opens a connection to a port of a pod. Rejects with a system error (`code`: ECONNREFUSED, ETIMEDOUT, EHOSTUNREACH, ...),
 * or with the signal's reason.
 */
export type PodDialer = (to: PodAddress, signal?: AbortSignal) => Promise<Duplex>;

const DIAL_MS = 5_000;
/** For so long a node that did not listen on the bus is not asked again. */
const ELSEWHERE_MS = 30_000;
const MOST_NODES = 10_000;

/**
 * Pods of nodes that have no network (simulated ones) are reached by a session with their node's agent, all others by TCP.
 * Which it is, is asked with the first connection to a node, and again every 30 s of those that did not answer. A node
 * that once answered is never dialled: behind the address of a pod that is only said to run there may be a stranger.
 */
export function createPodDialer({ bus, world }: { readonly bus: Bus; readonly world: World }): PodDialer {
  const onBus = new Set<string>();
  const elsewhere = new Map<string, number>();
  const remember = (node: string): void => {
    if (elsewhere.size >= MOST_NODES) elsewhere.clear();
    elsewhere.set(node, world.clock.now() + ELSEWHERE_MS);
  };
  return async (to, signal) => {
    const { node, pod, namespace } = to;
    if (node === undefined || pod === undefined || namespace === undefined) return dialTcp(world, to, signal);
    if ((elsewhere.get(node) ?? 0) > world.clock.now()) return dialTcp(world, to, signal);
    try {
      const wanted: PortForwardRequest = { namespace, name: pod, ip: to.ip, port: to.port };
      const session = await bus.open(subjects.node(node, 'portforward'), wanted, {
        signal,
        timeoutMs: DIAL_MS,
        silenceMs: NODE_SILENCE_MS,
      });
      if (onBus.size >= MOST_NODES) onBus.clear();
      onBus.add(node);
      return new SessionStream(session);
    } catch (error) {
      signal?.throwIfAborted();
      const reason = reasonOf(error);
      if (reason === 'Timeout') throw failure('ETIMEDOUT', to, error);
      if (reason !== 'ServiceUnavailable') {
        onBus.add(node);
        throw failure('ECONNREFUSED', to, error);
      }
      if (onBus.has(node)) throw failure('EHOSTUNREACH', to, error);
      remember(node);
      return dialTcp(world, to, signal);
    }
  };
}
function dialTcp(world: World, to: PodAddress, signal: AbortSignal | undefined): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect({ host: to.ip, port: to.port, allowHalfOpen: true, noDelay: true });
    const leave = (): void => {
      world.clock.clearTimeout(late);
      signal?.removeEventListener('abort', onAbort);
    };
    const give = (error: Error): void => {
      leave();
      socket.destroy();
      reject(error);
    };
    const onAbort = (): void => give(signal!.reason as Error);
    const late = world.clock.setTimeout(() => give(failure('ETIMEDOUT', to)), DIAL_MS);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('error', give);
    socket.once('connect', () => {
      leave();
      socket.off('error', give);
      resolve(socket);
    });
  });
}
const failure = (code: string, { ip, port }: PodAddress, cause?: unknown): Error =>
  Object.assign(new Error(`connect ${code} ${ip}:${port}`, { cause }), { code });
