import type { FlowMessage, FlowRow } from '../protocol.ts';

/** Seconds after which what was heard counts a third: calm numbers that still follow. */
const MEMORY_SECONDS = 3;

export interface FlowRate {
  readonly from: string;
  readonly to: string;
  readonly kind: string;
  /** Messages a second, smoothed. */
  readonly rate: number;
  readonly bytesRate: number;
  /** Messages since the page listens. */
  readonly total: number;
}
interface Cell {
  readonly row: Pick<FlowRow, 'from' | 'to' | 'kind'>;
  rate: number;
  bytesRate: number;
  total: number;
}
/** Rates of the messages between components, from the counts of each interval. */
export class Flow {
  readonly #cells = new Map<string, Cell>();

  add(message: Pick<FlowMessage, 'ms' | 'rows'>): void {
    const seconds = Math.max(message.ms, 1) / 1000;
    const keep = Math.exp(-seconds / MEMORY_SECONDS);
    const heard = new Map(message.rows.map((row) => [`${row.from}\n${row.to}\n${row.kind}`, row]));
    for (const [key, row] of heard)
      if (!this.#cells.has(key)) this.#cells.set(key, { row, rate: 0, bytesRate: 0, total: 0 });
    for (const [key, cell] of this.#cells) {
      const row = heard.get(key);
      cell.rate = settle(cell.rate * keep + ((row?.count ?? 0) / seconds) * (1 - keep));
      cell.bytesRate = settle(cell.bytesRate * keep + ((row?.bytes ?? 0) / seconds) * (1 - keep));
      cell.total += row?.count ?? 0;
    }
  }
  rates(): FlowRate[] {
    return [...this.#cells.values()].map(({ row, rate, bytesRate, total }) => ({
      from: row.from,
      to: row.to,
      kind: row.kind,
      rate,
      bytesRate,
      total,
    }));
  }
}
/** What has all but ended has ended. */
const settle = (rate: number): number => (rate < 0.01 ? 0 : rate);

/** `12.3/s`, `0.4/s`, `1,204/s`; nothing for nothing. */
export const rateText = (rate: number): string =>
  rate === 0 ? '0' : rate < 10 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en');
export const bytesText = (bytes: number): string =>
  bytes < 1000
    ? `${Math.round(bytes)} B`
    : bytes < 1e6
      ? `${(bytes / 1e3).toFixed(1)} kB`
      : `${(bytes / 1e6).toFixed(1)} MB`;
