import type { CountRow, FlowRow, HandledRow } from './protocol.ts';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Numbers of many components on their way to the page: the newest of each count, the sum of all that happened. */
export class Ledger {
  /** Some component came, went, or is in another state than was told. */
  componentsChanged = false;
  readonly #counts = new Map<string, CountRow>();
  readonly #handled = new Map<string, Mutable<HandledRow>>();
  readonly #flow = new Map<string, Mutable<FlowRow>>();

  count(row: CountRow): void {
    this.#counts.set(`${row.component}/${row.id} ${row.machine} ${row.state}`, row);
  }
  handled(row: HandledRow): void {
    const key = `${row.machine} ${row.state} ${row.event}`;
    const known = this.#handled.get(key);
    if (known === undefined) this.#handled.set(key, { ...row });
    else known.count += row.count;
  }
  flow(row: FlowRow): void {
    const key = `${row.from} ${row.to} ${row.kind}`;
    const known = this.#flow.get(key);
    if (known === undefined) this.#flow.set(key, { ...row });
    else {
      known.count += row.count;
      known.bytes += row.bytes;
    }
  }
  /** What has come since the last time. */
  take(): {
    readonly componentsChanged: boolean;
    readonly counts: readonly CountRow[];
    readonly handled: readonly HandledRow[];
    readonly flow: readonly FlowRow[];
  } {
    const taken = {
      componentsChanged: this.componentsChanged,
      counts: [...this.#counts.values()],
      handled: [...this.#handled.values()],
      flow: [...this.#flow.values()],
    };
    this.componentsChanged = false;
    this.#counts.clear();
    this.#handled.clear();
    this.#flow.clear();
    return taken;
  }
}
