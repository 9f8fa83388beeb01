import type { Condition } from '../generated/meta-v1.ts';

const DISRUPTION_ALLOWED = 'DisruptionAllowed';
interface Allowance {
  /** How many more pods may go. */
  readonly allowed: number;
  /** Of the budget that was looked at. */
  readonly generation: number | undefined;
  /** Why it is not known. */
  readonly failure?: string;
}
/**
 * The conditions of a disruption budget with the one that says whether another pod may go, in its place if there was one.
 * `now` in RFC 3339. Source: component-helpers apps/poddisruptionbudget.
 */
export function withDisruptionAllowed(
  conditions: readonly Condition[] | undefined,
  { allowed, generation, failure }: Allowance,
  now: string,
): Condition[] {
  const status = allowed > 0 ? 'True' : 'False';
  const at = conditions?.findIndex((c) => c.type === DISRUPTION_ALLOWED) ?? -1;
  const before = conditions?.[at];
  const condition: Condition = {
    type: DISRUPTION_ALLOWED,
    status,
    ...(generation && { observedGeneration: generation }),
    lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    reason: failure === undefined ? (allowed > 0 ? 'SufficientPods' : 'InsufficientPods') : 'SyncFailed',
    message: failure ?? '',
  };
  return conditions === undefined || at < 0 ? [...(conditions ?? []), condition] : conditions.with(at, condition);
}
