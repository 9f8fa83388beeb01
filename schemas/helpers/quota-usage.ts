import type {
  PersistentVolumeClaim,
  Pod,
  PodAffinityTerm,
  ResourceQuota,
  ScopedResourceSelectorRequirement,
  Service,
} from '../generated/core-v1.ts';
import type { ResourceClaim } from '../generated/resource-v1.ts';
import type { DynamicObject } from '../meta/object.ts';
import { compareQuantities, quantityOfMilli, quantityValue } from '../meta/quantity.ts';
import { parseTime } from '../meta/time.ts';
import { podQuantities, type Quantities } from './pod-quantities.ts';
import { qosClass } from './pod-resources.ts';

/** What an object counts for in quotas. Shared by admission and the controller. Source: kubernetes pkg/quota/v1/evaluator/core. */
export interface QuotaSubject {
  readonly group: string;
  /** Plural. */
  readonly resource: string;
}
const POD_RESOURCES = new Set([
  'count/pods', 'pods', 'cpu', 'memory', 'ephemeral-storage', 'requests.cpu', 'requests.memory',
  'requests.ephemeral-storage', 'limits.cpu', 'limits.memory', 'limits.ephemeral-storage',
]); // prettier-ignore
const SERVICE_RESOURCES = new Set([
  'count/services', 'services', 'services.nodeports', 'services.loadbalancers',
]); // prettier-ignore
const CLAIM_RESOURCES = ['persistentvolumeclaims', 'requests.storage'];
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';
/** Kinds whose count had a name of its own before `count/`. */
const LEGACY_COUNTS = new Set(['configmaps', 'secrets', 'replicationcontrollers', 'resourcequotas']);
const isCore = (s: QuotaSubject, resource: string): boolean => s.group === '' && s.resource === resource;
export const countName = (s: QuotaSubject): string => `count/${s.resource}${s.group === '' ? '' : `.${s.group}`}`;
const DEVICES_SUFFIX = '.deviceclass.resource.k8s.io/devices';
/** Of `allocationMode: All` the most that a claim can get counts. Source: kubernetes pkg/apis/resource AllocationResultsMaxSize. */
const MOST_DEVICES = 32;
const isClaim = (s: QuotaSubject): boolean => s.group === 'resource.k8s.io' && s.resource === 'resourceclaims';
/** Nobody counts events. Source: kubernetes pkg/quota/v1/install DefaultIgnoredResources. */
const isIgnored = (s: QuotaSubject): boolean =>
  s.resource === 'events' && (s.group === '' || s.group === 'events.k8s.io');
/** A device class asked for like an extended resource is counted like one. */
const IMPLICIT = 'deviceclass.resource.kubernetes.io/';
const isNative = (name: string): boolean =>
  !name.startsWith(IMPLICIT) && (!name.includes('/') || name.includes('kubernetes.io/'));

/** Whether a quota's resource is about this kind of object. */
export function concerns(subject: QuotaSubject, name: string): boolean {
  if (isCore(subject, 'pods'))
    return (
      POD_RESOURCES.has(name) ||
      name.startsWith('hugepages-') ||
      name.startsWith('requests.hugepages-') ||
      (name.startsWith('requests.') && !isNative(name.slice('requests.'.length)))
    );
  if (isIgnored(subject)) return false;
  if (isCore(subject, 'services')) return SERVICE_RESOURCES.has(name);
  if (isClaim(subject)) return name === countName(subject) || name.endsWith(DEVICES_SUFFIX);
  if (isCore(subject, 'persistentvolumeclaims'))
    return (
      name === countName(subject) ||
      CLAIM_RESOURCES.includes(name) ||
      CLAIM_RESOURCES.some((resource) => name.endsWith(CLASS_SUFFIX + resource))
    );
  return name === countName(subject) || (subject.group === '' && LEGACY_COUNTS.has(name) && name === subject.resource);
}

/** Usage of one object. `nowMs` decides whether a pod that is being deleted still counts. */
export function usageOf(subject: QuotaSubject, object: DynamicObject, nowMs: number): Quantities {
  if (isCore(subject, 'pods')) return podUsage(object, nowMs);
  if (isCore(subject, 'services')) return serviceUsage(object);
  if (isCore(subject, 'persistentvolumeclaims')) return claimUsage(object);
  if (isClaim(subject)) return deviceUsage(subject, object as unknown as ResourceClaim);
  const counted: Record<string, string> = { [countName(subject)]: '1' };
  if (subject.group === '' && LEGACY_COUNTS.has(subject.resource)) counted[subject.resource] = '1';
  return counted;
}

function podUsage(pod: Pod, nowMs: number): Quantities {
  const usage: Record<string, string> = { 'count/pods': '1' };
  if (isGone(pod, nowMs)) return usage;
  Object.assign(
    usage,
    containerUsage(
      podQuantities(pod, 'requests', { overhead: true }),
      podQuantities(pod, 'limits', { overhead: true }),
    ),
  );
  return usage;
}
function isGone(pod: Pod, nowMs: number): boolean {
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > (parseTime(deletionTimestamp) ?? 0) + deletionGracePeriodSeconds * 1000;
}
/** Names under which requests and limits count. */
function containerUsage(requests: Quantities, limits: Quantities): Quantities {
  const usage: Record<string, string> = { pods: '1' };
  for (const name of ['cpu', 'memory', 'ephemeral-storage']) {
    if (requests[name] !== undefined) usage[name] = usage[`requests.${name}`] = requests[name];
    if (limits[name] !== undefined) usage[`limits.${name}`] = limits[name];
  }
  for (const [name, amount] of Object.entries(requests)) {
    if (name.startsWith('hugepages-')) usage[name] = usage[`requests.${name}`] = amount;
    if (!isNative(name)) usage[`requests.${name}`] = amount;
  }
  return usage;
}
function serviceUsage(service: Service): Quantities {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {};
  let nodePorts = 0;
  if (type === 'NodePort') nodePorts = ports.length;
  if (type === 'LoadBalancer')
    nodePorts = allocateLoadBalancerNodePorts === false ? ports.filter((p) => p.nodePort).length : ports.length;
  return {
    'count/services': '1',
    services: '1',
    'services.nodeports': String(nodePorts),
    'services.loadbalancers': type === 'LoadBalancer' ? '1' : '0',
  };
}
function claimUsage(claim: PersistentVolumeClaim): Quantities {
  const usage: Record<string, string> = { 'count/persistentvolumeclaims': '1', persistentvolumeclaims: '1' };
  const of =
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? '';
  if (of !== '') usage[`${of}${CLASS_SUFFIX}persistentvolumeclaims`] = '1';
  let storage = claim.spec?.resources?.requests?.['storage'];
  const allocated = claim.status?.allocatedResources?.['storage'];
  if (storage !== undefined && allocated !== undefined && compareQuantities(allocated, storage) > 0)
    storage = allocated;
  if (storage === undefined) return usage;
  // Fractions of a byte are rounded up.
  const whole: string =
    compareQuantities(storage, String(quantityValue(storage))) === 0
      ? String(storage)
      : quantityOfMilli(quantityValue(storage) * 1000);
  usage['requests.storage'] = whole;
  if (of !== '') usage[`${of}${CLASS_SUFFIX}requests.storage`] = whole;
  return usage;
}

/** The count of a claim, and of each device class as many devices as it may come to get. */
function deviceUsage(subject: QuotaSubject, claim: ResourceClaim): Quantities {
  const usage: Record<string, string> = { [countName(subject)]: '1' };
  const amount = ({
    allocationMode,
    count,
  }: {
    allocationMode?: string | undefined;
    count?: number | undefined;
  }): number => (allocationMode === 'All' ? MOST_DEVICES : (count ?? 0));
  for (const { exactly, firstAvailable = [] } of claim.spec?.devices?.requests ?? []) {
    // Of alternatives the one that asks most of a class counts for that class.
    const most = new Map<string, number>();
    for (const wish of firstAvailable.length > 0 ? firstAvailable : exactly === undefined ? [] : [exactly])
      most.set(wish.deviceClassName, Math.max(most.get(wish.deviceClassName) ?? 0, amount(wish)));
    for (const [name, devices] of most)
      usage[name + DEVICES_SUFFIX] = String(Number(usage[name + DEVICES_SUFFIX] ?? 0) + devices);
  }
  return usage;
}

/** Whether the quota's scopes take in the object. */
export function inScope(subject: QuotaSubject, quota: ResourceQuota, object: DynamicObject): boolean {
  const scopes: ScopedResourceSelectorRequirement[] = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' as const })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ];
  return scopes.every((scope) => matchesScope(subject, scope, object));
}
function matchesScope(subject: QuotaSubject, scope: ScopedResourceSelectorRequirement, object: DynamicObject): boolean {
  if (isCore(subject, 'persistentvolumeclaims')) {
    if (scope.scopeName !== 'VolumeAttributesClass') return false;
    const claim = object as unknown as PersistentVolumeClaim;
    const names = [claim.spec?.volumeAttributesClassName, claim.status?.currentVolumeAttributesClassName].filter(
      (name): name is string => Boolean(name),
    );
    return names.length === 0 ? selected(scope, '') : names.some((name) => selected(scope, name));
  }
  if (!isCore(subject, 'pods')) return false;
  const pod = object as unknown as Pod;
  switch (scope.scopeName) {
    case 'Terminating':
      return isTerminating(pod);
    case 'NotTerminating':
      return !isTerminating(pod);
    case 'BestEffort':
      return qosClass(pod) === 'BestEffort';
    case 'NotBestEffort':
      return qosClass(pod) !== 'BestEffort';
    case 'PriorityClass':
      return selected(scope, pod.spec?.priorityClassName ?? '');
    case 'CrossNamespacePodAffinity':
      return crossesNamespaces(pod);
    default:
      return false;
  }
}
/** Terminating by a deadline of its own, not by deletion. */
export const isTerminating = (pod: Pod): boolean => (pod.spec?.activeDeadlineSeconds ?? -1) >= 0;
function selected({ operator, values }: ScopedResourceSelectorRequirement, name: string): boolean {
  switch (operator) {
    case 'Exists':
      return name !== '';
    case 'DoesNotExist':
      return name === '';
    case 'In':
      return name !== '' && (values ?? []).includes(name);
    case 'NotIn':
      return !(values ?? []).includes(name);
    default:
      return false;
  }
}
function crossesNamespaces(pod: Pod): boolean {
  const crosses = (term: PodAffinityTerm): boolean =>
    (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined;
  return [pod.spec?.affinity?.podAffinity, pod.spec?.affinity?.podAntiAffinity].some(
    (affinity) =>
      affinity?.requiredDuringSchedulingIgnoredDuringExecution?.some(crosses) === true ||
      affinity?.preferredDuringSchedulingIgnoredDuringExecution?.some((w) => crosses(w.podAffinityTerm)) === true,
  );
}

const REQUIRED = new Set(['cpu', 'memory', 'requests.cpu', 'requests.memory', 'limits.cpu', 'limits.memory']);
/** Resources that a quota bounds and a pod's containers do not say: `limits.memory for: c; requests.cpu for: c`. */
export function unsaid(pod: Pod, bounded: readonly string[]): string | undefined {
  const { requests, limits } = pod.spec?.resources ?? {};
  if (Object.keys(requests ?? {}).length > 0 || Object.keys(limits ?? {}).length > 0) return undefined;
  const missing = new Map<string, Set<string>>();
  for (const c of [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]) {
    const said = containerUsage((c.resources?.requests ?? {}) as Quantities, (c.resources?.limits ?? {}) as Quantities);
    for (const name of bounded.filter((n) => REQUIRED.has(n) && said[n] === undefined)) {
      const names = missing.get(name);
      if (names === undefined) missing.set(name, new Set([c.name]));
      else names.add(c.name);
    }
  }
  if (missing.size === 0) return undefined;
  return [...missing]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, containers]) => `${name} for: ${[...containers].sort().join(',')}`)
    .join('; ');
}

const CORE_MEASURED = ['pods', 'services', 'persistentvolumeclaims'];
/** The kind that a resource of a quota is about: `requests.cpu` pods, `count/jobs.batch` jobs. undefined: none that is known. */
export function subjectOf(name: string): QuotaSubject | undefined {
  for (const resource of CORE_MEASURED) if (concerns({ group: '', resource }, name)) return { group: '', resource };
  if (LEGACY_COUNTS.has(name)) return { group: '', resource: name };
  if (name.endsWith(DEVICES_SUFFIX)) return { group: 'resource.k8s.io', resource: 'resourceclaims' };
  const counted = /^count\/([^.]+)(?:\.(.+))?$/.exec(name);
  const subject = counted === null ? undefined : { group: counted[2] ?? '', resource: counted[1]! };
  return subject === undefined || isIgnored(subject) ? undefined : subject;
}
