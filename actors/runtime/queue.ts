import type { Clock, TimerId, World } from '../../bus/world.ts';
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts';

/**
 * A work queue as client-go's: a key is handed to one worker at a time; adding it while it waits changes nothing; adding
 * it while it is worked on queues it again when that ends. Source: client-go util/workqueue.
 */
export class WorkQueue<K extends string = string> {
  private readonly waiting: K[] = [];
  private head = 0;
  private readonly dirty = new Set<K>();
  private readonly processing = new Set<K>();
  private readonly failures = new Map<K, number>();
  private readonly delayed = new Map<K, { readonly at: number; readonly timer: TimerId }>();
  private readonly takers: { resolve: (key: K | undefined) => void; cancel: () => void }[] = [];
  private readonly clock: Clock;
  private readonly limiter: RateLimiter;
  private closed = false;

  constructor(world: World, limiter: RateLimiter = createRateLimiter(world.clock)) {
    this.clock = world.clock;
    this.limiter = limiter;
  }
  /** Keys that wait for a worker. */
  get length(): number {
    return this.waiting.length - this.head;
  }
  get isClosed(): boolean {
    return this.closed;
  }
  add(key: K): void {
    if (this.closed || this.dirty.has(key)) return;
    this.dirty.add(key);
    if (!this.processing.has(key)) this.push(key);
  }
  /** Adds the key once `ms` have passed; of several delays the soonest counts. */
  addAfter(key: K, ms: number): void {
    if (this.closed) return;
    if (ms <= 0) return this.add(key);
    const at = this.clock.now() + ms;
    const present = this.delayed.get(key);
    if (present) {
      if (present.at <= at) return;
      this.clock.clearTimeout(present.timer);
    }
    const timer = this.clock.setTimeout(() => {
      this.delayed.delete(key);
      this.add(key);
    }, ms);
    this.delayed.set(key, { at, timer });
  }
  /** Adds the key after the backoff that its failures in a row earn. */
  addRateLimited(key: K): void {
    const failures = this.failures.get(key) ?? 0;
    this.failures.set(key, failures + 1);
    this.addAfter(key, this.limiter.delayMs(failures));
  }
  requeues(key: K): number {
    return this.failures.get(key) ?? 0;
  }
  /** The key did well: its next failure is its first. */
  forget(key: K): void {
    this.failures.delete(key);
  }
  /** The next key, marked as worked on until `done(key)`; undefined when the queue is closed and empty. */
  take(signal?: AbortSignal): Promise<K | undefined> {
    if (this.length > 0) return Promise.resolve(this.shift());
    if (this.closed || signal?.aborted) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const taker = { resolve, cancel: () => signal?.removeEventListener('abort', onAbort) };
      const onAbort = (): void => {
        this.takers.splice(this.takers.indexOf(taker), 1);
        resolve(undefined);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.takers.push(taker);
    });
  }
  done(key: K): void {
    this.processing.delete(key);
    if (this.dirty.has(key)) this.push(key);
  }
  /** Takes no more keys; those that wait are still handed out. */
  close(): void {
    this.closed = true;
    for (const { timer } of this.delayed.values()) this.clock.clearTimeout(timer);
    this.delayed.clear();
    if (this.length > 0) return;
    for (const taker of this.takers.splice(0)) {
      taker.cancel();
      taker.resolve(undefined);
    }
  }

  private push(key: K): void {
    const taker = this.takers.shift();
    if (!taker) return void this.waiting.push(key);
    this.begin(key);
    taker.cancel();
    taker.resolve(key);
  }
  private shift(): K {
    const key = this.waiting[this.head++]!;
    // Array.shift is linear: cut the consumed part off only now and then.
    if (this.head > 1_024 && this.head * 2 > this.waiting.length) {
      this.waiting.splice(0, this.head);
      this.head = 0;
    }
    this.begin(key);
    return key;
  }
  private begin(key: K): void {
    this.processing.add(key);
    this.dirty.delete(key);
  }
}
