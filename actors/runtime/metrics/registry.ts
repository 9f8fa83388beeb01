import { goDouble } from '../../../schemas/helpers/go-double.ts';
import { braced, Counter, head, Histograms, labelText, type Labels, type Stability } from './series.ts';

/** A name and all its lines, the two of its head first. */
export interface Family {
  readonly name: string;
  readonly lines: readonly string[];
}
export interface Description {
  readonly name: string;
  readonly stability: Stability;
  readonly help: string;
}
export type Sample = readonly [labels: Labels, value: number];

/**
 * What one component counts, under upstream's names. Who counts asks once for a cell (`at`) and adds to it, which costs an
 * addition; text is made when somebody reads it. A name is one family, whoever asks for it first.
 */
export interface Registry {
  /** Labels in alphabetical order, as they are printed. */
  counter(description: Description): Counter;
  histogram(description: Description, bounds: readonly number[]): Histograms;
  /** Values that others keep, read with each scrape; readers of one name are told of together. */
  gauge(description: Description, read: () => Iterable<Sample>): void;
  /** In order of their names; those without a value are left out. */
  families(): Family[];
}

export function createRegistry(): Registry {
  const families = new Map<string, { readonly head: () => string[]; readonly of: unknown; lines(): string[] }>();
  function family<T>({ name, stability, help }: Description, type: string, make: () => T, lines: (of: T) => string[]): T {
    const known = families.get(name);
    if (known !== undefined) return known.of as T;
    const of = make();
    families.set(name, { head: () => head(name, type, stability, help), of, lines: () => lines(of) });
    return of;
  }
  return {
    counter: (d) => family(d, 'counter', () => new Counter(), (counter) => counter.lines(d.name)),
    histogram: (d, bounds) => family(d, 'histogram', () => new Histograms(bounds), (all) => all.lines(d.name)),
    gauge(d, read) {
      const lines = (readers: readonly (() => Iterable<Sample>)[]): string[] => {
        // Where two readers tell of the same labels they are two parts of one.
        const sums = new Map<string, number>();
        for (const each of readers)
          for (const [labels, value] of each()) {
            const key = labelText(labels);
            sums.set(key, (sums.get(key) ?? 0) + value);
          }
        return [...sums].map(([labels, value]) => `${d.name}${braced(labels)} ${goDouble(value)}`);
      };
      family(d, 'gauge', () => [] as (() => Iterable<Sample>)[], lines).push(read);
    },
    families: () =>
      [...families]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([name, { head: first, lines }]) => {
          const values = lines();
          return values.length === 0 ? [] : [{ name, lines: [...first(), ...values] }];
        }),
  };
} // prettier-ignore
