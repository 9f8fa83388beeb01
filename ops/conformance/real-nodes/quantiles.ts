export const ms = (value: number): string => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
export const quantile = (all: readonly number[], q: number): number =>
  all.toSorted((a, b) => a - b)[Math.floor(all.length * q)] ?? Number.NaN;
export const median = (all: readonly number[]): number => quantile(all, 0.5);
