import type { ResourceQuota } from '../../../schemas/generated/core-v1.ts';
import { concerns, inScope, subjectOf, usageOf, type QuotaSubject } from '../../../schemas/helpers/quota-usage.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { DynamicObject } from '../../../schemas/meta/object.ts';
import { addQuantities, compareQuantities } from '../../../schemas/meta/quantity.ts';
import type { Decision } from '../../runtime/intent.ts';

export const resourceQuotas = { group: '', version: 'v1', resource: 'resourcequotas' } as const;
/** Nothing tells when a pod that is being deleted stops counting: look again. Source: kube-controller-manager resource-quota-sync-period. */
export const RESYNC_MS = 5 * 60_000;

export interface Observed {
  readonly quota: ResourceQuota;
  /** All objects of a kind in the quota's namespace; undefined: no such kind is known, nothing is said of it. */
  readonly objects: (subject: QuotaSubject) => Iterable<DynamicObject> | undefined;
}
/** Kinds that a quota is about, each once. */
export function subjectsOf(quota: ResourceQuota): QuotaSubject[] {
  const found = new Map<string, QuotaSubject>();
  for (const name of Object.keys(quota.spec?.hard ?? {})) {
    const subject = subjectOf(name);
    if (subject !== undefined) found.set(`${subject.group}/${subject.resource}`, subject);
  }
  return [...found.values()];
}

/** Status says what the spec limits and what is used of it. Source: kubernetes pkg/controller/resourcequota. */
export function reconcile({ quota, objects }: Observed, now: number): Decision {
  if (quota.metadata.deletionTimestamp) return { intents: [] };
  const hard = (quota.spec?.hard ?? {}) as Readonly<Record<string, string>>;
  const used: Record<string, string> = {};
  for (const subject of subjectsOf(quota)) {
    const all = objects(subject);
    if (all === undefined) continue;
    const names = Object.keys(hard).filter((name) => concerns(subject, name));
    for (const name of names) used[name] = '0';
    for (const object of all) {
      if (!inScope(subject, quota, object)) continue;
      const usage = usageOf(subject, object, now);
      for (const name of names) if (usage[name] !== undefined) used[name] = addQuantities(used[name]!, usage[name]);
    }
  }
  const { status } = quota;
  const right =
    equal(status?.hard, hard) &&
    Object.keys(used).length === Object.keys(status?.used ?? {}).length &&
    Object.entries(used).every(([name, amount]) => {
      const said = (status?.used as Readonly<Record<string, string>> | undefined)?.[name];
      return said !== undefined && compareQuantities(said, amount) === 0;
    });
  if (right) return { intents: [], requeueAfterMs: RESYNC_MS };
  const object = { ...quota, status: { ...status, hard, used } } as ResourceQuota;
  return {
    intents: [{ op: 'update', gvr: resourceQuotas, object, subresource: 'status', tolerate: ['NotFound'] }],
    requeueAfterMs: RESYNC_MS,
  };
}
