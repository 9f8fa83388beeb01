import type { Toleration } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';

/** All of both, without those that another one covers; of equal ones the first stays. Source: kubernetes pkg/util/tolerations. */
export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [i, t] of all.entries()) {
    if (merged.some((m) => covers(m, t))) continue;
    if (all.slice(i + 1).some((later) => !equal(later, t) && covers(later, t))) continue;
    merged.push(t);
  }
  return merged;
}
/** Whether each toleration is covered by one of those allowed; an empty list allows all. */
export const allAllowed = (tolerations: readonly Toleration[], allowed: readonly Toleration[]): boolean =>
  allowed.length === 0 || tolerations.every((t) => allowed.some((a) => covers(a, t)));

/** Whether what `t` tolerates `by` tolerates too. */
function covers(by: Toleration, t: Toleration): boolean {
  if (equal(by, t)) return true;
  if ((t.key ?? '') !== (by.key ?? '') && ((by.key ?? '') !== '' || by.operator !== 'Exists')) return false;
  if ((t.effect ?? '') !== (by.effect ?? '') && (by.effect ?? '') !== '') return false;
  if (by.effect === 'NoExecute' && by.tolerationSeconds !== undefined)
    if (t.tolerationSeconds === undefined || t.tolerationSeconds > by.tolerationSeconds) return false;
  if ((by.operator ?? '') === '' || by.operator === 'Equal')
    return t.operator === 'Equal' && (t.value ?? '') === (by.value ?? '');
  return by.operator === 'Exists';
}
