import type { Clock } from '../../bus/world.ts';

/**
 * How long a key that failed waits: per key 5 ms doubling to 1000 s, and together no more than 10 retries a second after
 * a burst of 100. Source: client-go util/workqueue DefaultTypedControllerRateLimiter.
 */
export interface RateLimiter {
  /** Milliseconds to wait after the key's `failures`-th failure in a row (0 for the first); takes a token. */
  delayMs(failures: number): number;
}
export interface RateLimits {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly perSecond: number;
  readonly burst: number;
}
export const CONTROLLER_LIMITS: RateLimits = { firstMs: 5, maxMs: 1_000_000, perSecond: 10, burst: 100 };

export function createRateLimiter(clock: Clock, limits: RateLimits = CONTROLLER_LIMITS): RateLimiter {
  let tokens = limits.burst;
  let filledAt = clock.now();
  return {
    delayMs(failures) {
      const now = clock.now();
      // A clock that was set back takes nothing away: else nobody would be let through until it is where it was.
      tokens = Math.min(limits.burst, tokens + (Math.max(now - filledAt, 0) / 1_000) * limits.perSecond);
      filledAt = now;
      tokens -= 1;
      const bucketMs = tokens >= 0 ? 0 : (-tokens / limits.perSecond) * 1_000;
      // 2 ** 1000 is Infinity, which min() bounds.
      return Math.max(Math.min(limits.firstMs * 2 ** failures, limits.maxMs), bucketMs);
    },
  };
}
