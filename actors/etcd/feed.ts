import type { Subscription } from '../../bus/bus.ts';
import { isOpen, type Log, type LogBounds, type LogEntry } from '../../bus/log.ts';
import { delay, type TimerId, type World } from '../../bus/world.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Index } from './index.ts';
import type { Version } from './version.ts';

export interface FeedHooks {
  /** After each entry that went into the index. */
  readonly onApplied: (version: Version) => void;
  /** Entries are missing: catchUp() must run. */
  readonly onBehind: () => void;
}
interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
}

/** Events held back while older ones are fetched; beyond it they are dropped and read from the log like the rest. */
const MAX_QUEUE = 20_000;
/** How long a reader or writer waits for the index to get somewhere. Source: etcd3 store's wait for a future revision. */
export const WAIT_MS = 3_000;

/** The index can no longer be brought up to date entry by entry: load it anew. */
export class LostTrack extends Error {}

/** Brings the log's entries into the index in order and whole: nothing newer is shown while something older is missing. */
export class Feed {
  readonly #world: World;
  readonly #log: Log;
  readonly #index: Index;
  readonly #hooks: FeedHooks;
  readonly #waiters = new Set<Waiter>();
  #subscription: Subscription | undefined;
  #queue: LogEntry[] = [];
  /** The next entries, of a transaction whose last one has not come: readers must not see half of it. */
  #held: LogEntry[] = [];
  /** Nothing is applied from events while this is set; catchUp() does. */
  #behind = true;
  /** The end of the log is unknown: events may have been lost without a later one to show it. */
  #doubtful = true;

  constructor(world: World, log: Log, index: Index, hooks: FeedHooks) {
    this.#world = world;
    this.#log = log;
    this.#index = index;
    this.#hooks = hooks;
  }

  start(): void {
    this.#subscription ??= this.#log.subscribe(
      (entry) => this.#onEntry(entry),
      () => this.doubt(),
    );
  }
  stop(): void {
    this.#subscription?.unsubscribe();
    this.#subscription = undefined;
    this.#queue = [];
    this.#held = [];
  }
  get behind(): boolean {
    return this.#behind;
  }

  /** The tail of the log is to be read again before anything counts as up to date. */
  doubt(): void {
    this.#doubtful = true;
    this.#fallBehind();
  }

  /**
   * Reads what is missing until nothing is. Thrown: LostTrack; what the log throws.
   * `identity` is the log's that the index was built from. `fromStart`: the index is empty, and purged entries are no loss.
   */
  async catchUp(identity: string, signal: AbortSignal, fromStart = false): Promise<void> {
    const base = this.#index.revision;
    let holes = 0;
    for (;;) {
      signal.throwIfAborted();
      this.#drain();
      const [first] = this.#queue;
      if (this.#doubtful) {
        const bounds = await this.#log.bounds();
        assertSame(identity, bounds, this.#index.revision);
        this.#doubtful = false;
        holes += await this.#readTo(bounds.last, signal);
      } else if (first !== undefined) holes += await this.#readTo(first.revision - 1, signal);
      else if (holes > 0) {
        // What was purged were versions that newer ones replace, unless tombstones went too. Whoever purges writes the
        // new mark first, so having passed a barrier we know it.
        holes = 0;
        await this.#log.barrier();
        this.#drain();
        if (!fromStart && this.#index.forgotten > base)
          throw new LostTrack(`entries after revision ${base} are purged`);
      } else break;
    }
    this.#behind = false;
  }

  /** Resolves when the index has reached `revision`. Thrown: Timeout after `ms`. */
  async reached(revision: number, ms = WAIT_MS, signal?: AbortSignal): Promise<void> {
    if (this.#index.revision >= revision) return;
    const { clock } = this.#world;
    let timer: TimerId | undefined;
    let waiter: Waiter | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        waiter = { revision, resolve };
        this.#waiters.add(waiter);
        timer = clock.setTimeout(() => {
          const why = `revision ${revision} was not seen within ${ms} ms, the store is at ${this.#index.revision}`;
          reject(new ApiError('Timeout', why, { details: { retryAfterSeconds: 1 } }));
        }, ms);
        signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      });
    } finally {
      clock.clearTimeout(timer!);
      this.#waiters.delete(waiter!);
    }
  }

  /** Resolves when everything acknowledged before now is in the index. Thrown: Timeout, ServiceUnavailable. */
  async fresh(): Promise<void> {
    await this.#log.barrier();
    const last = this.#queue.at(-1)?.revision;
    if (last !== undefined) await this.reached(last);
    for (let waited = 0; this.#behind; waited += 5) {
      if (waited > WAIT_MS) throw new ApiError('Timeout', 'the store is catching up with its log');
      await delay(this.#world.clock, 5);
    }
  }

  #onEntry(entry: LogEntry): void {
    const { revision } = this.#index;
    if (entry.revision <= revision) return;
    if (!this.#behind && entry.revision === revision + this.#held.length + 1) {
      if (isOpen(entry)) this.#held.push(entry);
      else if (this.#held.length === 0) this.#apply(entry);
      else for (const one of [...this.#held.splice(0), entry]) this.#apply(one);
      return;
    }
    if (this.#queue.length >= MAX_QUEUE) {
      this.#queue = [];
      this.#doubtful = true;
    } else this.#queue.push(entry);
    this.#fallBehind();
  }
  #fallBehind(): void {
    if (this.#behind) return;
    this.#behind = true;
    this.#queue = [...this.#held.splice(0), ...this.#queue];
    this.#hooks.onBehind();
  }
  #apply(entry: LogEntry): void {
    const version = this.#index.apply(entry);
    this.#hooks.onApplied(version);
    for (const waiter of this.#waiters) if (waiter.revision <= version.revision) waiter.resolve();
  }
  /** Applies the queued events that follow on the index. */
  #drain(): void {
    let taken = 0;
    for (const entry of this.#queue) {
      if (entry.revision > this.#index.revision + 1) break;
      taken++;
      if (entry.revision === this.#index.revision + 1) this.#apply(entry);
    }
    if (taken > 0) this.#queue = this.#queue.slice(taken);
  }
  /** Returns how many revisions are gone from the log. */
  async #readTo(to: number, signal: AbortSignal): Promise<number> {
    let holes = 0;
    if (to <= this.#index.revision) return 0;
    for await (const entry of this.#log.read(this.#index.revision + 1, to)) {
      signal.throwIfAborted();
      holes += entry.revision - this.#index.revision - 1;
      this.#apply(entry);
    }
    holes += to - this.#index.revision;
    this.#index.hole(to);
    return holes;
  }
}

function assertSame(identity: string, bounds: LogBounds, revision: number): void {
  if (bounds.identity !== identity) throw new LostTrack(`the log is another one (${bounds.identity})`);
  if (bounds.last < revision)
    throw new LostTrack(`the log ends at revision ${bounds.last}, before ${revision} that was seen: it lost writes`);
}
