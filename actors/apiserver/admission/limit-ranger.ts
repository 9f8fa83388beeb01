import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../../schemas/generated/core-v1.ts';
import { podQuantities } from '../../../schemas/helpers/pod-quantities.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { canonicalQuantity, compareQuantities, quantityMilli, quantityValue } from '../../../schemas/meta/quantity.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { forbid, isOn, kind, operations, type AdmissionContext } from './common.ts';

type Amounts = Readonly<Record<string, string | number>>;
const ANNOTATION = 'kubernetes.io/limit-ranger';

/** Defaults for, and bounds on, what containers and claims ask for. Source: kubernetes plugin/pkg/admission/limitranger. */
export function limitRanger(context: AdmissionContext): AdmissionPlugin {
  const ranges = kind(context, '', 'limitranges');
  const limitsIn = (a: AdmissionAttributes): readonly LimitRange[] => [
    ...context.cache.list<LimitRange>(ranges, a.namespace),
  ];
  const isPod = (a: AdmissionAttributes): boolean =>
    (a.operation === 'CREATE' && isOn(a, '', 'pods')) || (a.operation === 'UPDATE' && isOn(a, '', 'pods', 'resize'));
  return {
    name: 'LimitRanger',
    handles: operations('CREATE', 'UPDATE'),
    mutate(a) {
      if (!isPod(a) || a.object === undefined || a.old?.metadata.deletionTimestamp) return;
      let filled = false;
      for (const range of limitsIn(a)) filled = applyDefaults(a.object, range) || filled;
      // What is stored gets its defaults when it is read: those of the whole pod follow its containers'.
      if (filled) a.resource.definition.defaults?.(a.object);
    },
    validate(a) {
      // Nothing is asked of what goes.
      if (a.object === undefined || a.old?.metadata.deletionTimestamp) return;
      const isClaim = isOn(a, '', 'persistentvolumeclaims');
      if (!isClaim && !isPod(a)) return;
      for (const range of limitsIn(a)) {
        const limits = range.spec?.limits ?? [];
        const errors = isClaim
          ? limits.flatMap((l) => [...claimErrors(l, a.object as unknown as PersistentVolumeClaim)])
          : limits.flatMap((l) => [...podErrors(l, a.object as unknown as Pod)]);
        if (errors.length > 0) throw forbid(a, aggregate(errors));
      }
    },
  };
}

/** Whether anything was set. */
function applyDefaults(pod: Pod, range: LimitRange): boolean {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  const said: string[] = [];
  const fill = (container: Container, what: string): void => {
    const resources = (container.resources ??= {});
    const set = (into: 'requests' | 'limits', from: Record<string, string>): string[] => {
      const missing = Object.keys(from).filter((name) => resources[into]?.[name] === undefined);
      if (missing.length > 0)
        resources[into] = { ...resources[into], ...Object.fromEntries(missing.map((name) => [name, from[name]!])) };
      return missing.sort();
    };
    const setLimits = set('limits', limits);
    const setRequests = set('requests', requests);
    if (setRequests.length > 0) said.push(`${setRequests.join(', ')} request for ${what} ${container.name}`);
    if (setLimits.length > 0) said.push(`${setLimits.join(', ')} limit for ${what} ${container.name}`);
  };
  for (const container of pod.spec?.containers ?? []) fill(container, 'container');
  for (const container of pod.spec?.initContainers ?? []) fill(container, 'init container');
  if (said.length === 0) return false;
  (pod.metadata.annotations ??= {})[ANNOTATION] = `LimitRanger plugin set: ${said.join('; ')}`;
  return true;
}

/** Errors of min, max and ratio, resources in order of name: Go walks its maps in no order. */
function* check(item: LimitRangeItem, requests: Amounts, limits: Amounts): Generator<string> {
  const { type } = item;
  for (const [name, bound] of sorted(item.min)) {
    const [request, limit] = [requests[name], limits[name]];
    const text = `minimum ${name} usage per ${type} is ${canonicalQuantity(bound)}`;
    if (request === undefined) yield `${text}.  No request is specified`;
    else if (compareQuantities(request, bound) < 0) yield `${text}, but request is ${canonicalQuantity(request)}`;
    else if (limit !== undefined && compareQuantities(limit, bound) < 0)
      yield `${text}, but limit is ${canonicalQuantity(limit)}`;
  }
  for (const [name, bound] of sorted(item.max)) {
    const [request, limit] = [requests[name], limits[name]];
    const text = `maximum ${name} usage per ${type} is ${canonicalQuantity(bound)}`;
    if (limit === undefined) yield `${text}.  No limit is specified`;
    else if (compareQuantities(limit, bound) > 0) yield `${text}, but limit is ${canonicalQuantity(limit)}`;
    else if (request !== undefined && compareQuantities(request, bound) > 0)
      yield `${text}, but request is ${canonicalQuantity(request)}`;
  }
  for (const [name, bound] of sorted(item.maxLimitRequestRatio)) {
    const text = `${name} max limit to request ratio per ${type} is ${canonicalQuantity(bound)}`;
    const [request, limit] = [requests[name] ?? '0', limits[name] ?? '0'];
    if (quantityMilli(request) === 0) yield `${text}, but no request is specified or request is 0`;
    else if (quantityMilli(limit) === 0) yield `${text}, but no limit is specified or limit is 0`;
    else {
      const ratio = quantityMilli(limit) / quantityMilli(request);
      if (ratio * 1000 > quantityMilli(bound)) yield `${text}, but provided ratio is ${ratio.toFixed(6)}`;
    }
  }
}
const sorted = (amounts: Amounts | undefined): [string, string | number][] =>
  Object.entries(amounts ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));

function* podErrors(item: LimitRangeItem, pod: Pod): Generator<string> {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  if (item.type === 'Container')
    for (const { resources } of [...containers, ...initContainers])
      yield* check(item, resources?.requests ?? {}, resources?.limits ?? {});
  if (item.type === 'Pod') yield* check(item, podQuantities(pod, 'requests'), podQuantities(pod, 'limits'));
}
function* claimErrors(item: LimitRangeItem, claim: PersistentVolumeClaim): Generator<string> {
  if (item.type !== 'PersistentVolumeClaim') return;
  const requests = claim.spec?.resources?.requests ?? {};
  yield* check({ type: item.type, ...(item.min && { min: item.min }) }, requests, {});
  for (const [name, bound] of sorted(item.max)) {
    const text = `maximum ${name} usage per ${item.type} is ${canonicalQuantity(bound)}`;
    const request = requests[name];
    if (request === undefined) yield `${text}.  No request is specified`;
    else if (quantityValue(request) > quantityValue(bound))
      yield `${text}, but request is ${canonicalQuantity(request)}`;
  }
}
