import type { IntOrString } from '../../schemas/generated/util-intstr.ts';

/** `25%` of `total`, rounded up or down, or the number itself; 0 for none. */
export function scaled(value: IntOrString | undefined, total: number, up: boolean): number {
  if (value === undefined) return 0;
  if (typeof value === 'number') return value;
  const part = (Number.parseInt(value, 10) * total) / 100;
  return up ? Math.ceil(part) : Math.floor(part);
}
