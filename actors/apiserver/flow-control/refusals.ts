import type { Clock } from '../../../bus/world.ts';

const TICK_MS = 10;
/** Answers that leave in a tick without being held. */
const PER_TICK = 8;
/** Ticks after which the last that is held has left. */
const TICKS = 100;
/** More are not held: they would only take memory. */
const MAX_HELD = 2048;

/**
 * Says no slowly to who asks too fast: a client that tries again at once would otherwise take, by refusals alone, the time
 * that others are to have. All hear within a second, which is what `Retry-After` asks them to wait anyway.
 */
export class Refusals {
  readonly #clock: Clock;
  #left = PER_TICK;
  #isTicking = false;
  #held: (() => void)[] = [];
  constructor(clock: Clock) {
    this.#clock = clock;
  }
  /** To be waited for before the refusal is sent; undefined: at once. */
  turn(): Promise<void> | undefined {
    this.#tick();
    if (this.#left > 0) {
      this.#left--;
      return undefined;
    }
    if (this.#held.length >= MAX_HELD) return undefined;
    return new Promise((resolve) => this.#held.push(resolve));
  }
  #tick(): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#clock.setTimeout(() => {
      this.#isTicking = false;
      const leaving = this.#held.splice(0, Math.max(PER_TICK, Math.ceil(this.#held.length / TICKS)));
      for (const leave of leaving) leave();
      this.#left = Math.max(0, PER_TICK - leaving.length);
      if (this.#held.length > 0) this.#tick();
    }, TICK_MS);
  }
}

const MAX_SECONDS = 32;
const FEW = 3;
/** How long the refused are asked to wait: longer while many are refused for long. Source: dropped_requests_tracker.go. */
export class RetryAfter {
  seconds = 1;
  #updated = 0;
  #now = 0;
  #count = 0;
  #history: { readonly second: number; readonly count: number }[] = [];
  refused(nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    if (second === this.#now) {
      this.#count++;
      return;
    }
    if (this.#count > 0) this.#history.push({ second: this.#now, count: this.#count });
    const oldest = this.#now - Math.min(2 * this.seconds, MAX_SECONDS);
    this.#history = this.#history.filter((one) => one.second >= oldest);
    [this.#now, this.#count] = [second, 1];
    let refused = 0;
    for (const one of this.#history) if (second - one.second <= this.seconds) refused += one.count;
    if (second - this.#updated >= this.seconds && refused >= FEW * this.seconds) {
      this.seconds = Math.min(2 * this.seconds, MAX_SECONDS);
      this.#updated = second;
    } else if (refused < this.seconds && this.seconds > 1) this.seconds--;
  }
}
