import type { Clock } from '../../../bus/world.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { FAMILIES, familyName } from '../plan/address.ts';

/** Twice upstream's syncPeriod: changes that are not written so long after they came are a sign of trouble. */
const TIMEOUT_MS = 60_000;

/** Whether rules follow what happens. Source: pkg/proxy/healthcheck ProxyHealthServer. */
export class Liveness {
  readonly #clock: Clock;
  #updated: number;
  #queuedSince: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#updated = clock.now();
  }
  queued(): void {
    this.#queuedSince ??= this.#clock.now();
  }
  updated(): void {
    this.#updated = this.#clock.now();
    this.#queuedSince = undefined;
  }
  get isHealthy(): boolean {
    return this.#queuedSince === undefined || this.#clock.now() - this.#queuedSince < TIMEOUT_MS;
  }
  /** As `/healthz` (with `isEligible`) and `/livez` (without) say it. */
  report(isEligible?: boolean): { readonly code: 200 | 503; readonly body: string } {
    const isHealthy = this.isHealthy;
    const code = isHealthy && isEligible !== false ? 200 : 503;
    const now = formatTime(this.#clock.now());
    const lastUpdated = formatTime(this.#updated);
    const status = Object.fromEntries(FAMILIES.map((family) => [familyName(family), { lastUpdated, healthy: isHealthy }]));
    return {
      code,
      body: JSON.stringify({
        lastUpdated: code === 200 ? now : lastUpdated,
        currentTime: now,
        ...(isEligible !== undefined && { nodeEligible: isEligible }),
        healthy: isHealthy,
        status,
      }),
    };
  } // prettier-ignore
}
