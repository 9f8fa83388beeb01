import type { Bus, Message, Subscription } from '../../../bus/bus.ts';
import { keepCopy, type KeepValue } from '../../../bus/kept-values.ts';
import type { ChangesRequest, ChangesResponse, RangeRequest, RangeResponse } from '../../../bus/protocol/etcd.ts';
import * as subjects from '../../../bus/subjects.ts';
import type { Logger } from '../../../bus/world.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { Committed, WatchCache } from './watch-cache.ts';

const PAGE = 2000;
/**
 * Revisions before the present one that are loaded as changes, not as what they led to: who watched another API server until
 * a moment ago goes on here, though this one has only just started.
 */
const TAIL = 256;
/** A facade of the store that has not answered by then may be dead; the next is asked. */
const ANSWER_MS = 2_000;
const NEVER = new AbortController().signal;

/**
 * Keeps the watch cache in step with the store: events first, then the load, then the events after it; a hole in the
 * sequence is filled from the store before anything newer is shown.
 */
export class Sync {
  readonly #bus: Bus;
  readonly #cache: WatchCache;
  readonly #log: Logger;
  readonly #keep: KeepValue;
  #subscription: Subscription | undefined;
  #queue: Committed[] = [];
  #live = false;
  #repairing: Promise<void> | undefined;
  /** Told when a repair starts and when it ends. */
  onRepair: (running: boolean) => void = () => {};

  constructor(bus: Bus, cache: WatchCache, log: Logger, keep: KeepValue = keepCopy) {
    this.#keep = keep;
    this.#bus = bus;
    this.#cache = cache;
    this.#log = log;
  }
  /** Resolves when the cache holds what the store held when it was asked, and all that was heard since. */
  async load(signal: AbortSignal): Promise<void> {
    await this.#loadAll(signal);
    await this.#refill();
  }
  /** As of a little while ago if the store still knows that; what came since is to be filled in. */
  async #loadAll(signal: AbortSignal): Promise<void> {
    const { revision } = await this.#range({ key: '/', limit: 1, keysOnly: true }, signal);
    if (revision <= 1) return this.#loadAt(undefined, signal);
    try {
      await this.#loadAt(Math.max(revision - TAIL, 1), signal);
    } catch (error) {
      if (reasonOf(error) !== 'Expired') throw error;
      await this.#loadAt(undefined, signal);
    }
  }
  #range(request: RangeRequest, signal: AbortSignal): Promise<RangeResponse> {
    return this.#bus.request(subjects.etcd('range'), request, { signal, timeoutMs: ANSWER_MS });
  }
  async #loadAt(at: number | undefined, signal: AbortSignal): Promise<void> {
    this.#live = false;
    this.#queue = [];
    this.#subscription ??= this.#bus.subscribe(subjects.eventAll, (message) => this.#onMessage(message));
    await this.#bus.flush();
    signal.throwIfAborted();
    this.#cache.reset();
    let key = '/';
    let revision = at;
    for (;;) {
      const page = await this.#range({ key, rangeEnd: '0', limit: PAGE, revision }, signal);
      for (const kv of page.kvs) this.#cache.load(kv.key, kv.modRevision, kv.createRevision, kv.value);
      revision ??= page.revision;
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) break;
      key = `${last.key}\0`;
    }
    this.#cache.loaded(revision);
    this.#live = true;
  }
  #onMessage(message: Message): void {
    const committed = this.#parse(message);
    if (this.#live && this.#repairing === undefined && committed.revision === this.#cache.revision + 1) {
      this.#cache.apply(committed);
      return;
    }
    this.#queue.push(committed);
    if (this.#live && this.#repairing === undefined) this.#drainQueue();
  }
  #parse({ headers, bytes, subject }: Message): Committed {
    const operation = headers['KV-Operation'];
    const revision = Number(headers['Nats-Sequence']);
    const deleted = operation === 'DEL' || operation === 'PURGE' || bytes.length === 0;
    return { revision, key: subjects.keyOfEvent(subject), value: deleted ? undefined : this.#keep(revision, bytes) };
  }
  #drainQueue(): void {
    const queue = this.#queue;
    let i = 0;
    for (; i < queue.length; i++) {
      const next = queue[i]!;
      if (next.revision <= this.#cache.revision) continue;
      if (next.revision !== this.#cache.revision + 1) break;
      this.#cache.apply(next);
    }
    this.#queue = queue.slice(i);
    if (this.#queue.length > 0) this.repair();
  }
  /** Asks the store for what the events left out (after a hole, or after the connection was lost). */
  repair(): void {
    if (!this.#live || this.#repairing !== undefined) return;
    this.onRepair(true);
    void this.#refill().finally(() => this.onRepair(false));
  }
  async #refill(): Promise<void> {
    this.#repairing ??= this.#fill().finally(() => {
      this.#repairing = undefined;
      if (this.#queue.length > 0) this.#drainQueue();
    });
    await this.settled();
  }
  async #fill(): Promise<void> {
    for (;;) {
      try {
        const request: ChangesRequest = { after: this.#cache.revision, limit: PAGE };
        const answer: ChangesResponse = await this.#bus.request(subjects.etcd('changes'), request, {
          timeoutMs: ANSWER_MS,
        });
        for (const change of answer.changes) if (change.revision > this.#cache.revision) this.#cache.apply(change);
        if (answer.more) continue;
        this.#cache.skipTo(answer.revision);
        return;
      } catch (error) {
        if (reasonOf(error) === 'Expired') {
          // Too far behind: load anew. Watchers have ended and list again.
          this.#log.warn('history is compacted, loading anew', { err: error });
          await this.#loadAll(NEVER);
          continue;
        }
        this.#log.warn('repair failed, trying again', { err: error });
        await this.pause();
      }
    }
  }
  /** Replaced by the actor, which has the clock. */
  pause: () => Promise<void> = () => Promise.resolve();
  /** Resolves when no repair is running. */
  async settled(): Promise<void> {
    while (this.#repairing !== undefined) await this.#repairing;
  }
  get repairing(): boolean {
    return this.#repairing !== undefined;
  }
  stop(): void {
    this.#subscription?.unsubscribe();
  }
}

/** A consistent read waits for a round trip that began after it asked; all that wait share one. */
export class Barrier {
  readonly #flush: () => Promise<void>;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  constructor(flush: () => Promise<void>) {
    this.#flush = flush;
  }
  pass(): Promise<void> {
    if (this.#running === undefined) return (this.#running = this.#start());
    return (this.#next ??= this.#running.then(this.#turn, this.#turn));
  }
  readonly #turn = (): Promise<void> => {
    this.#next = undefined;
    return (this.#running = this.#start());
  };
  async #start(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      this.#running = undefined;
    }
  }
}
