import type { TimerId, World } from '../../bus/world.ts';
import type { Version } from './version.ts';

interface Due {
  readonly at: number;
  readonly key: string;
  readonly revision: number;
}
const MIN_DELAY_MS = 50;
/** Timers take 31 bits. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/**
 * Knows when values expire. It is fed by every entry that the index takes, whoever wrote it, and anew on every load, so
 * nothing lives for ever because the process that wrote it has ended. (JetStream could expire messages by itself, but
 * its delete markers go after the shortest TTL of the stream, and what overwrote a message with a TTL loses its past.)
 */
export class Expiry {
  readonly #world: World;
  readonly #expire: (key: string, revision: number) => void;
  /** A heap by `at`. */
  readonly #heap: Due[] = [];
  #timer: TimerId | undefined;
  #armedFor = Infinity;
  #running = false;

  constructor(world: World, expire: (key: string, revision: number) => void) {
    this.#world = world;
    this.#expire = expire;
  }
  start(): void {
    this.#running = true;
    this.#arm();
  }
  stop(): void {
    this.#running = false;
    if (this.#timer !== undefined) this.#world.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = Infinity;
  }
  /** Forgets all: the index is loaded anew. */
  clear(): void {
    this.#heap.length = 0;
  }
  add({ expiresAt: at, key, revision }: Version): void {
    if (at === 0) return;
    this.#push({ at, key, revision });
    if (this.#running && at < this.#armedFor) this.#arm();
  }

  #arm(): void {
    const first = this.#heap[0];
    if (this.#timer !== undefined) this.#world.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#armedFor = first?.at ?? Infinity;
    if (first === undefined) return;
    const ms = Math.min(Math.max(first.at - this.#world.clock.now(), MIN_DELAY_MS), MAX_DELAY_MS);
    this.#timer = this.#world.clock.setTimeout(() => {
      const now = this.#world.clock.now();
      while (this.#heap[0] !== undefined && this.#heap[0].at <= now) {
        const { key, revision } = this.#pop();
        this.#expire(key, revision);
      }
      this.#arm();
    }, ms);
  }
  #push(due: Due): void {
    const heap = this.#heap;
    let i = heap.push(due) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= due.at) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = due;
  }
  #pop(): Due {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && heap[child + 1]!.at < heap[child]!.at) child++;
      if (heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}
