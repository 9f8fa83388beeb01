/**
 * Quantities as plain numbers, for code that sums and compares many of them (scheduler, kubelet). Exact up to 2^53;
 * what is malformed counts as 0, because the apiserver has refused it before. Results are remembered by text.
 * Source: apimachinery pkg/api/resource Quantity.MilliValue and .Value (both round up).
 */
const SCALE: Readonly<Record<string, number>> = {
  n: 1e-9, u: 1e-6, m: 1e-3, '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, E: 1e18,
  Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40, Pi: 2 ** 50, Ei: 2 ** 60,
}; // prettier-ignore
const FORM = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:[eE]([+-]?\d+)|([numkMGTPE]|[KMGTPE]i)?)$/;

const remembered = new Map<string, number>();
const REMEMBER = 10_000;

/** Thousandths, rounded up: `100m` -> 100, `2` -> 2000. */
export const milliValue = (quantity: string | number | undefined): number => ceil(parse(quantity) * 1000);
/** Whole units, rounded up: `1Ki` -> 1024, `1500m` -> 2. */
export const value = (quantity: string | number | undefined): number => ceil(parse(quantity));

/** Undoes the binary fraction's dust before rounding up: 0.1 * 1000 must not become 101. */
const ceil = (n: number): number => {
  const near = Math.round(n);
  return Math.abs(n - near) < 1e-6 ? near : Math.ceil(n);
};
function parse(quantity: string | number | undefined): number {
  if (quantity === undefined) return 0;
  if (typeof quantity === 'number') return quantity;
  const known = remembered.get(quantity);
  if (known !== undefined) return known;
  const m = FORM.exec(quantity.trim());
  const number = m === null ? 0 : Number(m[1]) * (m[2] === undefined ? SCALE[m[3] ?? '']! : 10 ** Number(m[2]));
  if (remembered.size >= REMEMBER) remembered.clear();
  remembered.set(quantity, number);
  return number;
}
