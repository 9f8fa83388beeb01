import type { PodAddress } from '../../runtime/pod-dialer.ts';
import type { BackendKey } from '../routing/plan.ts';
import { addressOf } from './pool.ts';

/** So long an address that could not be reached is passed over while there are others; in ticks of two seconds. */
const SHUNNED_TICKS = 2;
const MOST_SHUNNED = 10_000;

/** Whose turn it is: the addresses of a backend one after the other. */
export class Balancer {
  readonly #turns = new Map<BackendKey, number>();
  readonly #shunned = new Map<string, number>();
  #ticks = 0;

  /** undefined: all were tried. */
  next(key: BackendKey, addresses: readonly PodAddress[], tried: ReadonlySet<string>): PodAddress | undefined {
    const turn = this.#turns.get(key) ?? 0;
    this.#turns.set(key, turn + 1);
    if (tried.size === 0 && this.#shunned.size === 0) return addresses[turn % addresses.length];
    let last: PodAddress | undefined;
    for (let i = 0; i < addresses.length; i++) {
      const one = addresses[(turn + i) % addresses.length]!;
      const name = addressOf(one);
      if (tried.has(name)) continue;
      if ((this.#shunned.get(name) ?? 0) <= this.#ticks) return one;
      last ??= one;
    }
    return last;
  }
  unreachable(address: string): void {
    if (this.#shunned.size >= MOST_SHUNNED) this.#shunned.clear();
    this.#shunned.set(address, this.#ticks + SHUNNED_TICKS);
  }
  /** Every two seconds while there are requests. */
  tick(): void {
    this.#ticks++;
    for (const [address, until] of this.#shunned) if (until <= this.#ticks) this.#shunned.delete(address);
  }
  /** Forgets backends that are no more. */
  keep(keys: ReadonlyMap<BackendKey, unknown>): void {
    for (const key of this.#turns.keys()) if (!keys.has(key)) this.#turns.delete(key);
  }
}
