export interface Condition {
  readonly type: string;
  readonly status: string;
  readonly lastProbeTime: null;
  readonly lastTransitionTime?: string | null;
  readonly reason?: string;
  readonly message?: string;
}
/** In the place of the one of its type; since when, if its status is no other. Source: pkg/api/pod UpdatePodCondition. */
export function withCondition(
  conditions: readonly Condition[],
  condition: Omit<Condition, 'lastProbeTime' | 'lastTransitionTime'>,
  now: string,
): Condition[] {
  const at = conditions.findIndex((c) => c.type === condition.type);
  const { type, status, ...why } = condition;
  const before = conditions[at];
  const since = before?.status === status ? (before.lastTransitionTime ?? null) : now;
  const next: Condition = { type, status, lastProbeTime: null, lastTransitionTime: since, ...why };
  return at < 0 ? [...conditions, next] : conditions.with(at, next);
}
