import { nanos, type Allocated, type Candidate, type Pool } from './devices.ts';

/** What is left of each counter of each pool, by claims that are allocated. The same for all nodes, so counted once. */
export class CounterBalance {
  readonly #allocated: Allocated;
  readonly #left = new Map<string, ReadonlyMap<string, ReadonlyMap<string, bigint>>>();

  constructor(allocated: Allocated) {
    this.#allocated = allocated;
  }
  leftIn(pool: Pool): ReadonlyMap<string, ReadonlyMap<string, bigint>> {
    let left = this.#left.get(pool.id);
    if (left === undefined) this.#left.set(pool.id, (left = this.#count(pool)));
    return left;
  }
  #count(pool: Pool): ReadonlyMap<string, ReadonlyMap<string, bigint>> {
    const left = new Map([...pool.counters].map(([name, counters]) => [name, new Map(counters)]));
    for (const consumer of pool.consumers)
      if (this.#allocated.isHeld(consumer.id))
        for (const [set, name, amount] of consumptionOf(consumer)) {
          const counters = left.get(set);
          const before = counters?.get(name);
          if (before !== undefined) counters!.set(name, before - amount);
        }
    return left;
  }
}
/** What the devices of one search take from the counters besides. */
export class CounterBook {
  readonly #balance: CounterBalance;
  readonly #taken = new Map<string, bigint>();

  constructor(balance: CounterBalance) {
    this.#balance = balance;
  }
  /** False, and nothing taken, if something would be overdrawn: also something that the device does not take from. */
  take(candidate: Candidate): boolean {
    this.#add(candidate, 1n);
    for (const [set, counters] of this.#balance.leftIn(candidate.pool))
      for (const [name, left] of counters)
        if ((this.#taken.get(key(candidate.pool, set, name)) ?? 0n) > left) {
          this.#add(candidate, -1n);
          return false;
        }
    return true;
  }
  release(candidate: Candidate): void {
    this.#add(candidate, -1n);
  }
  #add(candidate: Candidate, sign: 1n | -1n): void {
    for (const [set, name, amount] of consumptionOf(candidate)) {
      const at = key(candidate.pool, set, name);
      this.#taken.set(at, (this.#taken.get(at) ?? 0n) + sign * amount);
    }
  }
}
const key = (pool: Pool, set: string, name: string): string => `${pool.id} ${set} ${name}`;
function* consumptionOf({ device }: Candidate): Iterable<readonly [set: string, name: string, amount: bigint]> {
  for (const { counterSet, counters } of device.consumesCounters ?? [])
    for (const [name, { value }] of Object.entries(counters)) yield [counterSet, name, nanos(value)];
}
