import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../../schemas/generated/policy-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { withDisruptionAllowed } from '../../../schemas/policy/disruption-allowed.ts';
import { scaled } from '../../runtime/int-or-percent.ts';
import { isPodReady, isPodTerminal, podCondition } from '../../runtime/pods.ts';
import { timeOf } from '../../runtime/time.ts';

/** As long as a pod that was evicted may take to be deleted, and one that says that it will be disrupted to be so. */
const TIMEOUT_MS = 120_000;

export interface Observed {
  readonly budget: PodDisruptionBudget;
  /** Those that it selects, also the ones on their way out. */
  readonly pods: readonly Pod[];
  /** How many pods the controllers of `pods` want together. */
  readonly scale: number;
}
export interface Verdict {
  readonly status: PodDisruptionBudgetStatus;
  /** Evicted, and still there. */
  readonly late: readonly Pod[];
  /** When the next of them is late, in ms. */
  readonly recheckMs: number | undefined;
}
/** Whether it matters how many pods their controllers want: not where a number of pods is to stay. */
export const needsScale = ({ spec }: PodDisruptionBudget): boolean =>
  spec?.maxUnavailable !== undefined || typeof spec?.minAvailable === 'string';

/** Source: pkg/controller/disruption getExpectedPodCount. */
function expectation({ budget, pods, scale }: Observed): { readonly expected: number; readonly desired: number } {
  const { maxUnavailable, minAvailable } = budget.spec ?? {};
  if (maxUnavailable !== undefined)
    return { expected: scale, desired: Math.max(0, scale - scaled(maxUnavailable, scale, true)) };
  if (typeof minAvailable === 'number') return { expected: pods.length, desired: minAvailable };
  if (minAvailable !== undefined) return { expected: scale, desired: scaled(minAvailable, scale, true) };
  return { expected: 0, desired: 0 };
}
/** Source: pkg/controller/disruption trySync. */
export function reconcile(observed: Observed, now: number): Verdict {
  const { budget, pods } = observed;
  const { expected, desired } = expectation(observed);
  const evicted = budget.status?.disruptedPods ?? {};
  const waiting: Record<string, string> = {};
  const late: Pod[] = [];
  let recheckMs: number | undefined;
  let healthy = 0;
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    const name = pod.metadata.name!;
    const since = Object.hasOwn(evicted, name) ? timeOf(evicted[name]) : undefined;
    const leftMs = since === undefined ? 0 : since + TIMEOUT_MS - now;
    if (leftMs > 0) {
      waiting[name] = evicted[name]!;
      recheckMs = Math.min(recheckMs ?? leftMs, leftMs);
      continue;
    }
    if (since !== undefined) late.push(pod);
    if (isPodReady(pod)) healthy++;
  }
  const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  const generation = budget.metadata.generation;
  const status: PodDisruptionBudgetStatus = {
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    ...(Object.keys(waiting).length > 0 && { disruptedPods: waiting }),
    ...(generation && { observedGeneration: generation }),
    conditions: withDisruptionAllowed(budget.status?.conditions, { allowed, generation }, formatTime(now)),
  };
  return { status, late, recheckMs };
}
/** Nobody may go while it is not known how many may. Source: failSafe. */
export function failed({ status }: PodDisruptionBudget, failure: string, now: number): PodDisruptionBudgetStatus {
  const generation = status?.observedGeneration;
  const conditions = withDisruptionAllowed(status?.conditions, { allowed: 0, generation, failure }, formatTime(now));
  return { ...status, disruptionsAllowed: 0, conditions };
}

/** How long until a pod that said it would be disrupted takes that back, in ms; undefined: it need not. */
export function staleInMs(pod: Pod, now: number): number | undefined {
  const condition = podCondition(pod, 'DisruptionTarget');
  if (pod.metadata.deletionTimestamp !== undefined || isPodTerminal(pod)) return undefined;
  // The kubelet may take its time.
  if (condition?.status !== 'True' || condition.reason === 'TerminationByKubelet') return undefined;
  return Math.max(0, (timeOf(condition.lastTransitionTime) ?? 0) + TIMEOUT_MS - now);
}
/** Source: pkg/controller/disruption trySync; selectors print themselves as LabelSelector.String does. */
export function unmanagedMessage({ spec }: PodDisruptionBudget): string {
  const { matchLabels = {}, matchExpressions = [] } = spec?.selector ?? {};
  const labels = Object.entries(matchLabels).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, value]) => `${key}: ${value},`); // prettier-ignore
  const terms = matchExpressions.map(({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`); // prettier-ignore
  const selector = `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${terms.join('')}},}`;
  return (
    `Pods selected by this PodDisruptionBudget (selector: ${spec?.selector ? selector : 'nil'}) were found to be unmanaged. ` +
    'As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. ' +
    'To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.'
  );
}
/** The pod's conditions once it has taken it back. */
export const undisrupted = (pod: Pod, now: number): NonNullable<NonNullable<Pod['status']>['conditions']> =>
  (pod.status?.conditions ?? []).map((c) =>
    c.type === 'DisruptionTarget'
      ? {
          type: c.type,
          observedGeneration: pod.metadata.generation,
          status: 'False',
          lastProbeTime: undefined,
          lastTransitionTime: formatTime(now),
        }
      : c,
  );
