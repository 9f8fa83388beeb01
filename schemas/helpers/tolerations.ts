import type { Taint, Toleration } from '../generated/core-v1.ts';

interface Tainted {
  readonly key: string;
  readonly effect: string;
  readonly value?: string | undefined;
}
interface Tolerating {
  readonly key?: string | undefined;
  readonly effect?: string | undefined;
  readonly operator?: string | undefined;
  readonly value?: string | undefined;
}
/**
 * Of nodes and of devices. Source: api core/v1 Toleration.ToleratesTaint (empty key with Exists tolerates all, empty effect
 * every effect), dynamic-resource-allocation/resourceclaim ToleratesTaint.
 */
export function tolerates(t: Tolerating, taint: Tainted): boolean {
  if (t.effect && t.effect !== taint.effect) return false;
  if (t.key && t.key !== taint.key) return false;
  switch (t.operator || 'Equal') {
    case 'Equal':
      return (t.value ?? '') === (taint.value ?? '');
    case 'Exists':
      return true;
    default:
      return false;
  }
}
/** The first taint with one of `effects` that nothing tolerates. */
export function untoleratedTaint(
  taints: readonly Taint[] | undefined,
  tolerations: readonly Toleration[] | undefined,
  ...effects: readonly string[]
): Taint | undefined {
  return taints?.find(
    (taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)),
  );
}
