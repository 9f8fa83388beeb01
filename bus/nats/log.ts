import type { NatsConnection } from '@nats-io/transport-node';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import type { Subscription } from '../bus.ts';
import {
  BATCH_HEADERS,
  EVENT_HEADERS,
  handOut,
  isNoSpace,
  type Log,
  type LogBounds,
  type LogEntry,
  type NewEntry,
} from '../log.ts';
import { logToken } from '../log-key.ts';
import { eventAll } from '../subjects.ts';
import { delay, type World } from '../world.ts';
import { SharedBarrier } from './barrier.ts';
import { directBatch, type Batch, type BatchQuery, type StoredMessage } from './direct.ts';
import { headerValue, NatsEntry } from './entry.ts';
import { JsApi, parseAnswer } from './js-api.ts';
import { Link } from './link.ts';
import { rawHeaders } from './raw-headers.ts';
import { infoOf, openStream } from './stream.ts';

export interface NatsLogOptions {
  /** Stays the caller's: close() of the log leaves it open. */
  readonly connection: NatsConnection;
  readonly world: World;
  /** Copies of the stream; default: as the stream is. A new one gets three in a cluster of servers, else one. */
  readonly replicas?: number | undefined;
  /** Refuse a stream that may lose acknowledged writes; default true. */
  readonly durable?: boolean | undefined;
  /** Bounds one call to JetStream; default 5 s, and 2 s in a cluster, where it is asked again and another may answer. */
  readonly timeoutMs?: number | undefined;
  /** How long to go on asking servers that have no JetStream yet, or no leader; default 30 s. */
  readonly waitMs?: number | undefined;
}

const BUCKET = 'kubus';
const STREAM = `KV_${BUCKET}`;
const PREFIX = `$KV.${BUCKET}.`;
const EVENT_PREFIX = eventAll.slice(0, -1);
const BARRIER_KEY = '/kubus/barrier';
const DUPLICATE_WINDOW_MS = 120_000;
const BATCH = { batch: 1000, max_bytes: 4 * 1024 * 1024 } as const;
/** How long a reader waits for a replica that lags behind what is known to be committed. */
const LAG_MS = 5_000;
/** Room for the key and the headers, here and in the answer of whoever reads the value. */
const ENVELOPE_BYTES = 16 * 1024;
/** Batches that were cut before their first message, one after the other, before a reader gives up. */
const MAX_EMPTY_BATCHES = 20;
/** Servers elect a leader within 4 to 9 s (a constant of nats-server); who asks meanwhile waits. */
const ELECTION_MS = 12_000;
const RETRY_MS = 100;
const EMPTY = new Uint8Array(0);

/**
 * The log on JetStream. Resolves when the stream is there.
 * Thrown: ServiceUnavailable or Timeout (no JetStream in time), Invalid (too old a server, a stream that must not be used; see
 * openStream).
 */
export async function openNatsLog(options: NatsLogOptions): Promise<Log> {
  const { connection, world, replicas, durable = true } = options;
  const timeoutMs = options.timeoutMs ?? (connection.info?.cluster === undefined ? 5_000 : 2_000);
  const link = new Link(connection, () => log?.reconnected());
  const api = new JsApi(connection, world, timeoutMs, link);
  let log: NatsLog | undefined;
  try {
    const wish = { stream: STREAM, subjects: `${PREFIX}>`, events: eventAll, replicas, durable };
    const info = await openStream(connection, api, world, wish, options.waitMs ?? 30_000);
    log = new NatsLog(connection, world, api, link, durable, info.config.num_replicas ?? 1);
    return log;
  } catch (error) {
    link.close();
    api.close();
    throw error;
  }
}

interface Listener {
  readonly onEntry: (entry: LogEntry) => void;
  readonly onDoubt: (() => void) | undefined;
}

class NatsLog implements Log {
  readonly durable: boolean;
  readonly replicated: boolean;
  readonly #connection: NatsConnection;
  readonly #world: World;
  readonly #api: JsApi;
  readonly #link: Link;
  readonly #listeners = new Set<Listener>();
  readonly #barrier: SharedBarrier;
  readonly #unsubscribe: () => void;
  #closed = false;

  constructor(connection: NatsConnection, world: World, api: JsApi, link: Link, durable: boolean, replicas: number) {
    this.#link = link;
    this.durable = durable;
    this.#connection = connection;
    this.#world = world;
    this.#api = api;
    this.replicated = replicas > 1;
    const subscription = connection.subscribe(eventAll, {
      callback: (error, message) => {
        if (error !== null) return;
        const { values } = rawHeaders(message);
        const revision = Number(values[EVENT_HEADERS.revision]);
        if (!(revision > 0)) return;
        const token = message.subject.slice(EVENT_PREFIX.length);
        const previous = Number(values[EVENT_HEADERS.previous] ?? 0);
        const entry = new NatsEntry(token, revision, previous, values, message.data);
        for (const { onEntry } of this.#listeners) handOut(entry, onEntry, world.log);
      },
    });
    this.#unsubscribe = () => subscription.unsubscribe();
    // One server queues a republished entry before it acknowledges the write, so a PING on the connection that carries
    // the entries is enough. Of several servers an old leader may answer: only a write committed since then proves it.
    this.#barrier = new SharedBarrier(replicas > 1 ? () => this.#barrierWrite() : () => this.#ping());
  }

  async append(entry: NewEntry): Promise<number> {
    const { expect, id } = entry;
    const { subject, value, headers } = this.#messageOf(entry);
    const reply = await this.#api.send(subject, value, 'append', headers);
    try {
      return (parseAnswer(reply, 'append') as { seq: number }).seq;
    } catch (error) {
      if (reasonOf(error) !== 'Conflict') throw error;
      // The server compares the revision before it looks at the id, so a repeated write meets its own first attempt.
      const first = await this.#ownAttempt(subject, (expect ?? 0) + 1, id);
      if (first === undefined) throw error;
      return first;
    }
  }

  async appendAll(entries: readonly NewEntry[], last?: number): Promise<number> {
    const messages = entries.map((entry) => this.#messageOf(entry));
    const batch = this.#world.ids.token();
    for (const [i, { headers }] of messages.entries()) {
      headers[BATCH_HEADERS.id] = batch;
      headers[BATCH_HEADERS.sequence] = String(i + 1);
      const { expectOf } = entries[i]!;
      if (expectOf !== undefined) headers['Nats-Expected-Last-Subject-Sequence-Subject'] = PREFIX + logToken(expectOf);
    }
    if (last !== undefined) messages[0]!.headers['Nats-Expected-Last-Sequence'] = String(last);
    const end = messages.pop()!;
    end.headers[BATCH_HEADERS.commit] = '1';
    // What the server finds wrong with one of these it says of the last one.
    for (const { subject, value, headers } of messages) this.#api.tell(subject, value, 'appendAll', headers);
    const reply = await this.#api.send(end.subject, end.value, 'appendAll', end.headers);
    return (parseAnswer(reply, 'appendAll') as { seq: number }).seq;
  }

  /** Thrown: BadRequest, RequestEntityTooLarge. */
  #messageOf(entry: NewEntry): { subject: string; value: Uint8Array; headers: Record<string, string> } {
    const { value = EMPTY, expect, id } = entry;
    const subject = PREFIX + logToken(entry.key);
    const limit = (this.#connection.info?.max_payload ?? 1024 * 1024) - ENVELOPE_BYTES;
    if (value.length > limit)
      throw new ApiError('RequestEntityTooLarge', `value of ${value.length} bytes is above the limit of ${limit}`);
    const headers: Record<string, string> = { [EVENT_HEADERS.id]: id };
    if (expect !== undefined) headers['Nats-Expected-Last-Subject-Sequence'] = String(expect);
    if (entry.value === undefined) headers[EVENT_HEADERS.operation] = 'DEL';
    for (const name in entry.headers) headers[name] = headerValue(entry.headers[name]!);
    return { subject, value, headers };
  }

  async find(id: string): Promise<number | undefined> {
    const start = new Date(this.#world.clock.now() - DUPLICATE_WINDOW_MS).toISOString();
    const { last } = await this.bounds();
    let batch = await this.#batch({ start_time: start, ...BATCH });
    for (;;) {
      const found = batch.messages.find(({ headers }) => headers[EVENT_HEADERS.id] === id);
      if (found !== undefined) return found.sequence;
      const next = (batch.messages.at(-1)?.sequence ?? last) + 1;
      if (next > last) return undefined;
      batch = await this.#batch({ seq: next, ...BATCH });
      if (batch.end && batch.messages.length === 0) return undefined;
    }
  }

  async *read(from: number, to?: number): AsyncIterable<LogEntry> {
    const until = to ?? (await this.bounds()).last;
    let next = Math.max(1, from);
    let nothing = 0;
    let ahead = next <= until ? this.#batch({ seq: next, ...BATCH }) : undefined;
    while (ahead !== undefined) {
      const { messages, end } = await ahead;
      ahead = undefined;
      const last = messages.at(-1)?.sequence;
      nothing = last === undefined && !end ? nothing + 1 : 0;
      if (nothing > MAX_EMPTY_BATCHES)
        throw new ApiError('ServiceUnavailable', `reading the log: nothing comes from revision ${next}`);
      if (last !== undefined) next = last + 1;
      const done = next > until;
      if (!done && !end) {
        ahead = this.#batch({ seq: next, ...BATCH });
        ahead.catch(() => undefined);
      }
      for (const message of messages) {
        if (message.sequence > until) return;
        yield entryOf(message);
      }
      if (done || !end) continue;
      // Nothing more here. One server's word is final; a replica may lag, so the leader confirms what is left.
      if (!this.replicated) return;
      const missed = await this.#nextOnLeader(next, until);
      if (missed === undefined) return;
      ahead = this.#batch({ seq: missed, ...BATCH });
    }
  }

  subscribe(onEntry: (entry: LogEntry) => void, onDoubt?: () => void): Subscription {
    const listener = { onEntry, onDoubt };
    this.#listeners.add(listener);
    return { unsubscribe: () => void this.#listeners.delete(listener) };
  }

  barrier(): Promise<void> {
    return this.#barrier.wait();
  }

  async bounds(): Promise<LogBounds> {
    const info = await infoOf(this.#api, STREAM);
    if (info === undefined) throw new ApiError('ServiceUnavailable', `the stream ${STREAM} is gone`);
    const { first_seq, last_seq, messages } = info.state;
    return { first: Math.max(first_seq, 1), last: last_seq, count: messages, identity: `${STREAM}@${info.created}` };
  }

  async purge(key: string, before: number): Promise<void> {
    await this.#api.call(`STREAM.PURGE.${STREAM}`, { filter: PREFIX + logToken(key), seq: before });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#listeners.clear();
    this.#unsubscribe();
    this.#link.close();
    this.#api.close();
  }
  /** Subscriptions are restored by now, and what was republished meanwhile is lost to this connection. */
  reconnected(): void {
    for (const { onDoubt } of this.#listeners) onDoubt?.();
  }

  #batch(query: BatchQuery): Promise<Batch> {
    return directBatch(this.#connection, this.#world, STREAM, query, this.#link.signal);
  }

  /** The revision under which an earlier attempt with this id was stored on this subject. */
  async #ownAttempt(subject: string, from: number, id: string): Promise<number | undefined> {
    for (let seq = from; ;) {
      const { messages, end } = await this.#batch({ seq, next_by_subj: subject, ...BATCH });
      const own = messages.find(({ headers }) => headers[EVENT_HEADERS.id] === id);
      if (own !== undefined) return own.sequence;
      if (end) return undefined;
      seq = (messages.at(-1)?.sequence ?? seq - 1) + 1;
    }
  }

  /** The first revision that the leader holds in `from..until`; undefined once it is sure that there is none. */
  async #nextOnLeader(from: number, until: number): Promise<number | undefined> {
    const deadline = this.#world.clock.now() + LAG_MS;
    for (;;) {
      const { last } = await this.bounds();
      const found = await this.#leaderGet(from);
      if (found !== undefined) return found <= until ? found : undefined;
      if (last >= until) return undefined;
      if (this.#world.clock.now() >= deadline)
        throw new ApiError('Timeout', `the log's leader ends at ${last}, before revision ${until} that was committed`);
      await delay(this.#world.clock, 50);
    }
  }

  async #leaderGet(from: number): Promise<number | undefined> {
    try {
      const query = { seq: from, next_by_subj: `${PREFIX}>` };
      return (await this.#api.call<{ message: { seq: number } }>(`STREAM.MSG.GET.${STREAM}`, query)).message.seq;
    } catch (error) {
      if (reasonOf(error) === 'NotFound') return undefined;
      throw error;
    }
  }

  async #ping(): Promise<void> {
    const { clock } = this.#world;
    const { signal } = this.#link;
    signal.throwIfAborted();
    const silence = Promise.withResolvers<never>();
    const timer = clock.setTimeout(() => silence.reject(new ApiError('Timeout', 'the bus does not answer')), LAG_MS);
    const onLost = (): void => silence.reject(signal.reason);
    signal.addEventListener('abort', onLost, { once: true });
    try {
      await Promise.race([this.#connection.flush(), silence.promise]);
    } catch (cause) {
      if (reasonOf(cause) !== undefined) throw cause;
      const why = (cause as Error).message;
      throw new ApiError('ServiceUnavailable', `the bus is not connected: ${why}`, { cause });
    } finally {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', onLost);
    }
  }

  /** Repeats what may be repeated for as long as an election of a leader may take. */
  async #insist<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock } = this.#world;
    const deadline = clock.now() + ELECTION_MS;
    for (;;) {
      try {
        return await attempt();
      } catch (error) {
        const passing = reasonOf(error) === 'ServiceUnavailable' || reasonOf(error) === 'Timeout';
        if (!passing || isNoSpace(error) || this.#closed || clock.now() >= deadline) throw error;
        await delay(clock, RETRY_MS);
      }
    }
  }

  async #barrierWrite(): Promise<void> {
    const id = this.#world.ids.token();
    const arrived = Promise.withResolvers<void>();
    const listener = this.subscribe((entry) => {
      if (entry.id === id) arrived.resolve();
    });
    const done = new AbortController();
    try {
      await this.#insist(() => this.append({ key: BARRIER_KEY, value: EMPTY, id }));
      await Promise.race([arrived.promise, delay(this.#world.clock, LAG_MS, done.signal).then(lagging)]);
    } finally {
      done.abort();
      listener.unsubscribe();
    }
  }
}

const lagging = (): never => {
  throw new ApiError('Timeout', 'the barrier was written but its event did not arrive');
};

const entryOf = ({ sequence, subject, headers, data }: StoredMessage): LogEntry =>
  new NatsEntry(subject.slice(PREFIX.length), sequence, 0, headers, data);
