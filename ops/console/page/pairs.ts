import type { FlowRate } from './flow.ts';

/** Two components that talk, both ways together. */
export interface Pair {
  readonly a: string;
  readonly b: string;
  /** Messages a second from a to b, and back. */
  readonly there: number;
  readonly back: number;
}
/** What stands in the middle of a cluster, from the asking to the asked. Everyone else asks. */
const DEPTH: Readonly<Record<string, number>> = { workers: 1, apiserver: 2, etcd: 3, nats: 4 };
export const depthOf = (name: string): number => DEPTH[name] ?? 0;

/** Pairs in a lasting order: whoever asks is `a`. What a component says to itself is left to the table. */
export function pairsOf(rates: readonly FlowRate[]): Pair[] {
  const pairs = new Map<string, { a: string; b: string; there: number; back: number }>();
  for (const { from, to, rate } of rates) {
    if (from === to) continue;
    const forward = depthOf(from) === depthOf(to) ? from < to : depthOf(from) < depthOf(to);
    const [a, b] = forward ? [from, to] : [to, from];
    const pair = pairs.get(`${a}\n${b}`) ?? { a, b, there: 0, back: 0 };
    pairs.set(`${a}\n${b}`, pair);
    if (forward) pair.there += rate;
    else pair.back += rate;
  }
  return [...pairs.values()].sort((x, y) => (`${x.a}\n${x.b}` < `${y.a}\n${y.b}` ? -1 : 1));
}
/** Width of a line: one pixel for next to nothing, one more for each tenfold. */
export const strokeOf = (rate: number): number => (rate === 0 ? 1 : Math.min(6, 1.5 + Math.log10(1 + rate) * 1.5));
