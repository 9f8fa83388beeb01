import type { Pod, ResourceQuota } from '../../../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget } from '../../../../schemas/generated/policy-v1.ts';
import { isFinished, isReady, nameOf, type Invariant } from '../invariant.ts';

/** What a quota limits by number: the kind, and which of them count. */
const COUNTED: Readonly<Record<string, { readonly kind: string; readonly counts?: (object: Pod) => boolean }>> = {
  pods: { kind: 'Pod', counts: (pod) => !isFinished(pod) },
  configmaps: { kind: 'ConfigMap' },
  secrets: { kind: 'Secret' },
  services: { kind: 'Service' },
};

/** Once a quota is established, nothing is created that it leaves no room for. */
export const quotaKept = (): Invariant => ({
  name: 'quota',
  check: ({ before, after, kind }, history) => {
    if (before || !after) return undefined;
    for (const quota of history.objects<ResourceQuota>('ResourceQuota', after.metadata.namespace))
      for (const [resource, hard] of Object.entries(quota.status?.hard ?? {})) {
        const counted = COUNTED[resource];
        if (counted?.kind !== kind) continue;
        const used = history
          .objects<Pod>(kind, after.metadata.namespace)
          .filter((one) => counted.counts?.(one) ?? true).length;
        if (used > Number(hard)) return `${nameOf(quota)} allows ${hard} ${resource}, there are ${used}`;
      }
    return undefined;
  },
});

/** No eviction takes the last pod that a budget wants: for disturbances of the control plane alone. */
export const budgetKept = (): Invariant => ({
  name: 'disruption-budget',
  check: ({ kind, before, after }, history) => {
    if (kind !== 'Pod' || !before || before.metadata.deletionTimestamp !== undefined) return undefined;
    const evicted = (((after ?? before) as Pod).status?.conditions ?? []).some(
      ({ type, reason }) => type === 'DisruptionTarget' && reason === 'EvictionByEvictionAPI',
    );
    if (!evicted || (after && after.metadata.deletionTimestamp === undefined)) return undefined;
    const { namespace, labels = {} } = before.metadata;
    for (const budget of history.objects<PodDisruptionBudget>('PodDisruptionBudget', namespace)) {
      const wanted = Object.entries(budget.spec?.selector?.matchLabels ?? {});
      const falls = (of: Readonly<Record<string, string>>): boolean =>
        wanted.every(([key, value]) => of[key] === value);
      const least = budget.spec?.minAvailable;
      if (!falls(labels) || typeof least !== 'number') continue;
      const healthy = history
        .objects<Pod>('Pod', namespace)
        .filter((pod) => falls(pod.metadata.labels ?? {}) && isReady(pod)).length;
      if (healthy < least)
        return `${nameOf(before)} was evicted: ${healthy} pods are left, ${nameOf(budget)} wants ${least}`;
    }
    return undefined;
  },
});
