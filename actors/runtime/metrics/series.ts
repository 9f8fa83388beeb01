import { goDouble } from '../../../schemas/helpers/go-double.ts';

export type Stability = 'STABLE' | 'BETA' | 'ALPHA' | 'INTERNAL';
export type Labels = Readonly<Record<string, string>>;
/** Upper bounds in seconds. Source: apiserver pkg/endpoints/metrics requestLatencies. */
export const LATENCY_BUCKETS = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
] as const;

/** `a="x",b="y"`, with the escapes of the text format. */
export const labelText = (labels: Labels): string =>
  Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`)
    .join(',');

/** One labelled histogram: an add is a comparison loop and two additions. */
export class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;
  #count = 0;
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = bounds.map(() => 0);
  }
  add(value: number): void {
    this.#sum += value;
    this.#count++;
    // Nearly all fall into the first buckets.
    for (let i = 0; i < this.#bounds.length; i++)
      if (value <= this.#bounds[i]!) {
        this.#counts[i]!++;
        return;
      }
  }
  get count(): number {
    return this.#count;
  }
  *render(name: string, labels: string): Generator<string> {
    const more = labels === '' ? '' : `${labels},`;
    let below = 0;
    for (const [i, bound] of this.#bounds.entries()) {
      below += this.#counts[i]!;
      yield `${name}_bucket{${more}le="${goDouble(bound)}"} ${goDouble(below)}`;
    }
    yield `${name}_bucket{${more}le="+Inf"} ${goDouble(this.#count)}`;
    yield `${name}_sum${braced(labels)} ${goDouble(this.#sum)}`;
    yield `${name}_count${braced(labels)} ${goDouble(this.#count)}`;
  }
}
/** Counts of one name, by labels; labels are printed in the order they are given in. */
export class Counter {
  readonly #counts = new Map<string, { n: number }>();
  add(labels: Labels): void {
    this.at(labels).n++;
  }
  /** The count itself, for who counts often. */
  at(labels: Labels): { n: number } {
    const key = labelText(labels);
    let count = this.#counts.get(key);
    if (count === undefined) this.#counts.set(key, (count = { n: 0 }));
    return count;
  }
  /** Without what was never counted, and nothing if nothing was. */
  render(name: string, help: string): string[] {
    const counted = this.lines(name).filter((line) => !line.endsWith(' 0'));
    return counted.length === 0 ? [] : [...head(name, 'counter', 'ALPHA', help), ...counted];
  }
  lines(name: string): string[] {
    return [...this.#counts].map(([key, { n }]) => `${name}${braced(key)} ${goDouble(n)}`);
  }
}
/** Histograms of one name, by labels. */
export class Histograms {
  readonly #bounds: readonly number[];
  readonly #all = new Map<string, Histogram>();
  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
  }
  add(labels: Labels, value: number): void {
    this.at(labels).add(value);
  }
  /** The histogram itself, for who adds often. */
  at(labels: Labels): Histogram {
    const key = labelText(labels);
    let histogram = this.#all.get(key);
    if (histogram === undefined) this.#all.set(key, (histogram = new Histogram(this.#bounds)));
    return histogram;
  }
  render(name: string, stability: string, help: string): string[] {
    return this.#all.size === 0 ? [] : [...head(name, 'histogram', stability, help), ...this.lines(name)];
  }
  lines(name: string): string[] {
    return [...this.#all].flatMap(([labels, histogram]) => [...histogram.render(name, labels)]);
  }
}
export const braced = (labels: string): string => (labels === '' ? '' : `{${labels}}`);
export const head = (name: string, type: string, stability: string, help: string): string[] => [
  `# HELP ${name} [${stability}] ${help.replace(/[\\\n]/g, (c) => (c === '\n' ? '\\n' : '\\\\'))}`,
  `# TYPE ${name} ${type}`,
];
/** `count` bounds from `first` on, each `factor` times the one before. Source: prometheus ExponentialBuckets. */
export function exponentialBuckets(first: number, factor: number, count: number): number[] {
  const bounds: number[] = [];
  for (let bound = first; bounds.length < count; bound *= factor) bounds.push(bound);
  return bounds;
}
