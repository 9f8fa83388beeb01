import type { World } from '../../../bus/world.ts';
import { RCODE, TYPE } from '../wire/codes.ts';
import { readMessage, type Message } from '../wire/message.ts';
import { ForwardCache, type Cached } from './cache.ts';
import { questionOf } from './relay.ts';
import { askByTcp, askByUdp, upstreamText, type Upstream } from './upstream.ts';

/** Source: coredns plugin/forward: defaultTimeout, maxTimeout of a read, maxfails; kubeadm's Corefile: max_concurrent. */
const ALL_MS = 5_000;
const ONE_MS = 2_000;
const MAX_FAILS = 2;
const MAX_CONCURRENT = 1_000;
/** One that has failed is not asked, unless none is left, for this long, doubling. */
const REST_MS = { first: 500, most: 10_000 };

export interface Asked {
  /** Name and type, as a query's key. */
  readonly key: string;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}
/** What it counts. */
export interface ForwardMetrics {
  asked(to: string, rcode: number, ms: number): void;
  failed(to: string): void;
  refused(): void;
  cache(hit: boolean, denial: boolean): void;
}
export interface Forwarder {
  /** A number is the code to answer with: nobody answers, or too many ask. Never rejects. */
  ask(question: Asked): Cached | number | Promise<Cached | number>;
  /** Age of what was cached, in whole seconds. */
  ageOf(cached: Cached): number;
  /** Whether this question is one that was sent out to see whether it comes back. */
  isProbe(key: string): boolean;
  readonly isLooping: boolean;
  readonly cached: number;
  readonly pending: number;
  stop(): void;
}
interface Server extends Upstream {
  readonly text: string;
  fails: number;
  restUntil: number;
}

/** Asks other servers: one after the other until one answers, each question once at a time whoever asks it. */
export function createForwarder(o: {
  readonly world: World;
  readonly upstreams: readonly Upstream[];
  readonly metrics: ForwardMetrics;
}): Forwarder {
  const { world, metrics } = o;
  const { clock, log } = world;
  const now = clock.elapsed ?? (() => clock.now());
  const servers = o.upstreams.map((u): Server => ({ ...u, text: upstreamText(u), fails: 0, restUntil: 0 }));
  const cache = new ForwardCache(now);
  const pending = new Map<string, Promise<Cached | number>>();
  const probes = new Set<string>();
  const end = new AbortController();
  let isLooping = false;
  let turn = 0;

  /** Unforeseeable, as the port is. */
  const newId = (): number => {
    const bytes = Buffer.from(world.ids.token(), 'base64url');
    return bytes.length >= 2 ? bytes.readUInt16BE(0) : Math.floor(world.random() * 65_536);
  };
  const inOrder = (): Server[] => {
    const first = turn++ % servers.length;
    const all = [...servers.slice(first), ...servers.slice(0, first)];
    const fit = all.filter((s) => s.fails < MAX_FAILS || s.restUntil <= now());
    return fit.length === 0 ? all : fit;
  };
  async function askOne(to: Server, { key, dnssecOk, checkingDisabled }: Asked, timeoutMs: number): Promise<Message> {
    const name = Buffer.from(key.slice(0, -2), 'latin1');
    const type = (key.charCodeAt(key.length - 2) << 8) | key.charCodeAt(key.length - 1);
    const question = questionOf({ id: newId(), name, type, dnssecOk, checkingDisabled });
    const asking = { to, ...question, timeoutMs, clock, signal: end.signal };
    const since = now();
    let message = readMessage(await askByUdp(asking));
    if (message?.isTruncated) message = readMessage(await askByTcp(asking)) ?? message;
    if (message === undefined) throw new Error('its answer cannot be read');
    metrics.asked(to.text, message.rcode, now() - since);
    return message;
  }
  async function askAny(asked: Asked): Promise<Cached | number> {
    const until = now() + ALL_MS;
    let failure: Message | undefined;
    for (const server of inOrder()) {
      const left = until - now();
      if (left <= 0 || end.signal.aborted) break;
      try {
        const message = await askOne(server, asked, Math.min(ONE_MS, left));
        server.fails = 0;
        // It cannot say; perhaps another one can.
        if (message.rcode === RCODE.SERVFAIL || message.rcode === RCODE.REFUSED) failure ??= message;
        else return cache.put(keyOf(asked), message);
      } catch (err) {
        if (end.signal.aborted) break;
        metrics.failed(server.text);
        if (++server.fails === MAX_FAILS) log.warn('a name server does not answer', { server: server.text, err });
        server.restUntil = now() + Math.min(REST_MS.first * 2 ** Math.max(0, server.fails - MAX_FAILS), REST_MS.most);
      }
    }
    return failure === undefined ? RCODE.SERVFAIL : cache.put(keyOf(asked), failure);
  }
  async function probe(server: Server): Promise<void> {
    const label = Buffer.from(world.ids.token()).toString('hex').slice(0, 32);
    const key = `${String.fromCharCode(label.length)}${label}\0\0${String.fromCharCode(TYPE.HINFO)}`;
    probes.add(key);
    await askOne(server, { key, dnssecOk: false, checkingDisabled: false }, ONE_MS).catch(() => undefined);
    probes.delete(key);
  }
  if (servers.length > 0) queueMicrotask(() => servers.forEach((server) => void probe(server)));

  return {
    ask(asked) {
      if (servers.length === 0) return RCODE.REFUSED;
      if (isLooping) return RCODE.SERVFAIL;
      const key = keyOf(asked);
      const cached = cache.get(key);
      if (cached !== undefined) {
        metrics.cache(true, isDenial(cached.message));
        return cached;
      }
      metrics.cache(false, false);
      const same = pending.get(key);
      if (same !== undefined) return same;
      if (pending.size >= MAX_CONCURRENT) {
        metrics.refused();
        return RCODE.REFUSED;
      }
      const asking = askAny(asked).finally(() => pending.delete(key));
      pending.set(key, asking);
      return asking;
    },
    ageOf: ({ since }) => Math.floor((now() - since) / 1_000),
    isProbe(key) {
      if (probes.size === 0 || !probes.has(key)) return false;
      if (!isLooping) {
        isLooping = true;
        const to = servers.map((s) => s.text).join(', ');
        log.error('names of others are not answered: questions to the name servers come back here; name others with --dns-upstream', { servers: to }); // prettier-ignore
      }
      return true;
    },
    get isLooping() {
      return isLooping;
    },
    get cached() {
      return cache.size;
    },
    get pending() {
      return pending.size;
    },
    stop: () => end.abort(),
  };
}
/** An answer with signatures is another one. */
const keyOf = ({ key, dnssecOk, checkingDisabled }: Asked): string =>
  `${key}${dnssecOk ? 'd' : ''}${checkingDisabled ? 'c' : ''}`;
const isDenial = ({ rcode, records }: Message): boolean =>
  rcode !== RCODE.NOERROR || !records.some(({ section }) => section === 0);
