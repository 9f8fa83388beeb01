import type { Pod, ResourceQuota } from '../../../schemas/generated/core-v1.ts';
import type { Quantities } from '../../../schemas/helpers/pod-quantities.ts';
import { concerns, inScope, isTerminating, unsaid, usageOf } from '../../../schemas/helpers/quota-usage.ts';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  subtractQuantities,
} from '../../../schemas/meta/quantity.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { forbid, kind, operations, type AdmissionContext } from './common.ts';

/** A charge is tried anew when someone else has changed the quota meanwhile. */
const ATTEMPTS = 10;
const print = (amounts: Quantities): string =>
  Object.keys(amounts)
    .sort()
    .map((name) => `${name}=${canonicalQuantity(amounts[name]!)}`)
    .join(',');
const pick = (from: Quantities | undefined, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.filter((n) => from?.[n] !== undefined).map((n) => [n, from![n]!]));

/**
 * Charges new objects to the quotas of their namespace, and refuses what they do not leave room for. Charges of one
 * namespace go one after another. Source: apiserver pkg/admission/plugin/resourcequota/controller.go.
 */
export function resourceQuota(context: AdmissionContext): AdmissionPlugin {
  const resource = kind(context, '', 'resourcequotas');
  /** What this server wrote last: the cache may not have it yet. */
  const latest = new Map<string, ResourceQuota>();
  const turns = new Map<string, Promise<void>>();
  const version = (q: ResourceQuota): number => Number(q.metadata.resourceVersion ?? 0);
  const newest = (q: ResourceQuota): ResourceQuota => {
    const key = `${q.metadata.namespace ?? ''}/${q.metadata.name ?? ''}`;
    const own = latest.get(key);
    if (own === undefined || own.metadata.uid !== q.metadata.uid) return q;
    if (version(own) > version(q)) return own;
    latest.delete(key);
    return q;
  };
  const charge = async (a: AdmissionAttributes): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const charged = settle(a, [...context.cache.list<ResourceQuota>(resource, a.namespace)].map(newest));
      if (a.dryRun || charged.length === 0) return;
      try {
        for (const quota of charged) {
          const written = await context.loopback.update(resource, quota, 'status');
          latest.set(`${a.namespace}/${quota.metadata.name ?? ''}`, written);
        }
        return;
      } catch (error) {
        const reason = reasonOf(error);
        if (reason === 'NotFound') latest.clear();
        else if (reason !== 'Conflict' || attempt >= ATTEMPTS) throw error;
        await context.fresh();
      }
    }
  };
  /** The quotas with what they will have been charged; throws Forbidden. */
  const settle = (a: AdmissionAttributes, quotas: readonly ResourceQuota[]): ResourceQuota[] => {
    const subject = a.resource;
    const object = a.object!;
    const now = context.world.clock.now();
    const matching: { quota: ResourceQuota; names: readonly string[] }[] = [];
    for (const quota of quotas) {
      const names = Object.keys(quota.status?.hard ?? {}).filter((name) => concerns(subject, name));
      if (names.length === 0 || !inScope(subject, quota, object)) continue;
      const name = quota.metadata.name ?? '';
      const missing = isPods(a) ? unsaid(object, names) : undefined;
      if (missing !== undefined) throw forbid(a, `failed quota: ${name}: must specify ${missing}`);
      if (names.some((n) => quota.status?.used?.[n] === undefined))
        throw forbid(a, `status unknown for quota: ${name}, resources: ${names.toSorted().join(',')}`);
      matching.push({ quota, names });
    }
    if (matching.length === 0) return [];
    const usage = usageOf(subject, object, now);
    const negative = Object.keys(usage).filter((n) => compareQuantities(usage[n]!, '0') < 0);
    if (negative.length > 0) throw forbid(a, `quota usage is negative for resource(s): ${negative.sort().join(',')}`);
    const out: ResourceQuota[] = [];
    for (const { quota, names } of matching) {
      const before =
        a.operation === 'UPDATE' && a.old !== undefined && inScope(subject, quota, a.old)
          ? usageOf(subject, a.old, now)
          : {};
      const delta: Record<string, string> = {};
      for (const name of names) {
        if (usage[name] === undefined) continue;
        const more = before[name] === undefined ? usage[name] : subtractQuantities(usage[name], before[name]);
        if (compareQuantities(more, '0') > 0) delta[name] = more;
      }
      const changed = Object.keys(delta);
      if (changed.length === 0) continue;
      const { hard = {}, used = {} } = (quota.status ?? {}) as { hard?: Quantities; used?: Quantities };
      const next: Record<string, string> = {};
      for (const name of changed) next[name] = addQuantities(used[name] ?? '0', delta[name]!);
      const exceeded = changed.filter((name) => compareQuantities(next[name]!, hard[name]!) > 0);
      if (exceeded.length > 0 && a.subresource?.name !== 'status')
        throw forbid(
          a,
          `exceeded quota: ${quota.metadata.name ?? ''}, requested: ${print(pick(delta, exceeded))}, used: ${print(pick(used, exceeded))}, limited: ${print(pick(hard, exceeded))}`,
        );
      out.push({ ...quota, status: { ...quota.status, used: { ...used, ...next } } });
    }
    return out;
  };
  return {
    name: 'ResourceQuota',
    handles: operations('CREATE', 'UPDATE'),
    validate(a) {
      if (a.namespace === '' || a.object === undefined || !isCharged(a)) return;
      let any = false;
      for (const _ of context.cache.list(resource, a.namespace)) {
        any = true;
        break;
      }
      if (!any) return;
      const turn = (turns.get(a.namespace) ?? Promise.resolve()).then(() => charge(a));
      const settled = turn.catch(() => undefined);
      turns.set(a.namespace, settled);
      void settled.finally(() => {
        if (turns.get(a.namespace) === settled) turns.delete(a.namespace);
      });
      return turn;
    },
  };
}
const isPods = (a: AdmissionAttributes): boolean => a.resource.group === '' && a.resource.resource === 'pods';
/** Creates, and the updates by which an object can come to use more. */
function isCharged(a: AdmissionAttributes): boolean {
  const subresource = a.subresource?.name ?? '';
  if (a.resource.group === '' && a.resource.resource === 'resourcequotas' && subresource !== '') return false;
  if (isPods(a)) {
    if (subresource === 'resize') return a.operation === 'UPDATE';
    if (subresource !== '') return false;
    const [next, old] = [a.object, a.old] as (Pod | undefined)[];
    return a.operation === 'CREATE' || (next !== undefined && old !== undefined && isTerminating(next) !== isTerminating(old)); // prettier-ignore
  }
  const core = a.resource.group === '' ? a.resource.resource : '';
  if (core === 'persistentvolumeclaims' && subresource === 'status') return true;
  if (subresource !== '') return false;
  return a.operation === 'CREATE' || core === 'services' || core === 'persistentvolumeclaims';
}
