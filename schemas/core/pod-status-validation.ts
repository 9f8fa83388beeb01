import type { Errors } from '../define.ts';
import type { Container, ContainerStatus, Pod, PodCondition, PodSpec, PodStatus } from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { dnsLabelField, immutable } from '../meta/field-checks.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooLong, type FieldPath } from '../meta/field.ts';
import { parseIp, validateIp } from '../meta/ip.ts';
import { byteLength, dnsSubdomain, qualifiedName, unixId } from '../meta/names.ts';
import { own } from '../meta/own.ts';
import { validateAnnotationChange } from './pod-annotation-change.ts';
import { allRestart, restarts } from './restart-rules.ts';

const EMPTY: PodSpec = { containers: [] };
const BUILT_IN = new Set(['PodScheduled', 'Ready', 'Initialized']);

/** Source: pkg/apis/core/validation ValidatePodStatusUpdate. */
export function* validatePodStatusUpdate(pod: Pod, old: Pod, at: FieldPath): Errors {
  yield* validateAnnotationChange(pod, old, at('metadata')('annotations'));
  const { spec = EMPTY, status = {} } = pod;
  const [before, was] = [old.spec ?? EMPTY, old.status ?? {}];
  const here = at('status');
  yield* validateConditions(status.conditions ?? [], here('conditions'));
  yield* validateNominated(status.nominatedNodeName ?? '', was.nominatedNodeName ?? '', before, here('nominatedNodeName')); // prettier-ignore
  if ((status.observedGeneration ?? 0) < 0)
    yield invalid(here('observedGeneration'), status.observedGeneration, 'must be a non-negative integer');
  yield* immutable(status.qosClass ?? '', was.qosClass ?? '', here('qosClass'));
  for (const [list, containers] of LISTS)
    yield* validateTransitions(status[list] ?? [], was[list] ?? [], before, containers, here(list));
  yield* validateClaims(status, spec, here('resourceClaimStatuses'));
  yield* validateExtended(status, spec, here('extendedResourceClaimStatus'));
  yield* validateIps('podIPs', status, was, here('podIPs'));
  yield* validateIps('hostIPs', status, was, here('hostIPs'));
  for (const [list] of LISTS) yield* validateUsers(status[list] ?? [], spec.os?.name ?? 'linux', here(list));
  for (const [list, containers] of LISTS) {
    if (containers !== undefined) yield* validateHealth(status[list] ?? [], spec[containers] ?? [], here(list));
    else
      for (const [i, { allocatedResourcesStatus: given }] of (status[list] ?? []).entries())
        if ((given ?? []).length > 0)
          yield forbidden(here(list)(i)('allocatedResourcesStatus'), 'must not be specified in container status');
  }
}
const LISTS = [
  ['containerStatuses', 'containers'], ['initContainerStatuses', 'initContainers'], ['ephemeralContainerStatuses', undefined],
] as const; // prettier-ignore

function* validateConditions(conditions: readonly PodCondition[], at: FieldPath): Errors {
  for (const [i, { type, observedGeneration = 0 }] of conditions.entries()) {
    if (observedGeneration < 0)
      yield invalid(at(i)('observedGeneration'), observedGeneration, 'must be a non-negative integer');
    if (!BUILT_IN.has(type)) for (const why of qualifiedName(type)) yield invalid(at(i)('Type'), type, why);
  }
}
function* validateNominated(name: string, old: string, { nodeName }: PodSpec, at: FieldPath): Errors {
  if (name === '' || name === old) return;
  for (const why of dnsSubdomain(name)) yield invalid(at, name, why);
  if (nodeName) yield forbidden(at, 'may not be set on pods that are already bound to a node');
}
/** What has ended stays so unless it may be restarted. Source: ValidateContainerStateTransition and its like. */
function* validateTransitions(
  now: readonly ContainerStatus[],
  old: readonly ContainerStatus[],
  spec: PodSpec,
  list: 'containers' | 'initContainers' | undefined,
  at: FieldPath,
): Errors {
  if (list !== undefined && allRestart(spec)) return;
  for (const [i, { name, state }] of old.entries()) {
    if (!state?.terminated) continue;
    const exitCode = state.terminated.exitCode;
    const again = now.filter((s) => s.name === name && !s.state?.terminated);
    const container = list && spec[list]?.find((c) => c.name === name);
    if (container && restarts(container, spec, exitCode)) continue;
    for (const _ of list === undefined ? again : again.slice(0, 1))
      yield forbidden(at(i)('state'), 'may not be transitioned to non-terminated state');
  }
}
function* validateClaims({ resourceClaimStatuses = [] }: PodStatus, spec: PodSpec, at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { name, resourceClaimName: claim }] of resourceClaimStatuses.entries()) {
    if (!spec.resourceClaims?.some((c) => c.name === name))
      yield invalid(at(i)('name'), name, 'must match the name of an entry in `spec.resourceClaims`');
    if (seen.has(name)) yield duplicate(at(i)('name'), name);
    seen.add(name);
    if (claim !== undefined)
      for (const why of dnsSubdomain(claim)) yield invalid(at(i)('resourceClaimName'), claim, why);
  }
}
const MATCH = 'in spec.initContainers.resources.requests or spec.containers.resources.requests';
/** Source: validatePodExtendedResourceClaimStatus. */
function* validateExtended({ extendedResourceClaimStatus: given }: PodStatus, spec: PodSpec, at: FieldPath): Errors {
  if (!given) return;
  const { requestMappings, resourceClaimName: claim } = given;
  const containers = new Map([...(spec.initContainers ?? []), ...(spec.containers ?? [])].map((c) => [c.name, c]));
  if ((requestMappings ?? []).length === 0)
    yield required(at('requestMappings'), 'at least one request mapping is required');
  const seen = new Set<string>();
  for (const [i, { containerName, resourceName, requestName }] of (requestMappings ?? []).entries()) {
    const here = at('requestMappings')(i);
    const container = containers.get(containerName);
    if (!container)
      yield invalid(
        here('containerName'),
        containerName,
        'must match the name of an entry in spec.initContainers.name or spec.containers.name',
      );
    else if (own(container.resources?.requests, resourceName) === undefined)
      yield invalid(here('resourceName'), resourceName, `must match the extended resource name of an entry ${MATCH}`);
    yield* dnsLabelField(requestName, at('requestName'));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      yield duplicate(here('containerName'), containerName);
      yield duplicate(here('resourceName'), resourceName);
      yield duplicate(here('requestName'), requestName);
    }
    seen.add(key);
  }
  if (!claim) yield required(at('resourceClaimName'));
  else for (const why of dnsSubdomain(claim)) yield invalid(at('resourceClaimName'), claim, why);
}
const DEFINITION = { podIPs: 'io.k8s.api.core.v1.PodIP', hostIPs: 'io.k8s.api.core.v1.HostIP' } as const;
/** Source: validatePodIPs, validateHostIPs. */
function* validateIps(field: 'podIPs' | 'hostIPs', status: PodStatus, was: PodStatus, at: FieldPath): Errors {
  const ips = status[field] ?? [];
  const first = ips[0]?.ip;
  if (field === 'hostIPs' && ips.length > 0 && (status.hostIP ?? '') !== first)
    yield invalid(at(0)('ip'), first, 'must be equal to `hostIP`');
  const known = new Set((was[field] ?? []).map((i) => i.ip));
  for (const [i, { ip }] of ips.entries()) if (!known.has(ip)) yield* validateIp(ip, at(i));
  if (ips.length < 2) return;
  const parsed = ips.map(({ ip }) => parseIp(ip)?.family);
  const bad = parsed.indexOf(undefined);
  if (bad >= 0)
    yield {
      reason: 'InternalError',
      field: at.toString(),
      message: `Internal error: failed to check for dual stack with error:invalid IP[${bad}]: ${ips[bad]!.ip}`,
    };
  if (bad >= 0 || ips.length > 2 || parsed[0] === parsed[1])
    yield invalid(
      at,
      ips.map((ip) => goStruct(ip, DEFINITION[field])),
      'may specify no more than one IP for each IP family',
    );
}
function* validateUsers(statuses: readonly ContainerStatus[], os: string, at: FieldPath): Errors {
  for (const [i, { user }] of statuses.entries()) {
    const linux = user?.linux;
    if (!linux) continue;
    const here = at(i)('user')('linux');
    if (os === 'windows') yield forbidden(here, 'cannot be set for a windows pod');
    if (os !== 'linux') continue;
    for (const field of ['uid', 'gid'] as const)
      for (const why of unixId(linux[field])) yield invalid(here(field), linux[field], why);
    for (const [n, gid] of (linux.supplementalGroups ?? []).entries())
      for (const why of unixId(gid)) yield invalid(here('supplementalGroups')(n), gid, why);
  }
}
const HEALTH = ['Healthy', 'Unhealthy', 'Unknown'];
const MAX_MESSAGE_BYTES = 1024;
/** Source: validateContainerStatusAllocatedResourcesStatus. */
function* validateHealth(
  statuses: readonly ContainerStatus[],
  containers: readonly Container[],
  at: FieldPath,
): Errors {
  for (const [i, { name, allocatedResourcesStatus: given }] of statuses.entries()) {
    const container = containers.find((c) => c.name === name);
    for (const [n, { name: resource, resources }] of (given ?? []).entries()) {
      const here = at(i)('allocatedResourcesStatus')(n);
      if (container) {
        const { claims = [], requests } = container.resources ?? {};
        const isClaim = resource.startsWith('claim:');
        const found = isClaim
          ? claims.some((c) => `claim:${c.name}${c.request ? `/${c.request}` : ''}` === resource)
          : own(requests, resource) !== undefined;
        if (!found)
          yield invalid(
            here('name'),
            resource,
            isClaim
              ? "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty"
              : "must match one of the container's resource requests",
          );
      }
      const ids = new Set<string>();
      for (const [k, { health = '', message, resourceID }] of (resources ?? []).entries()) {
        const one = here('resources')(k);
        if (!HEALTH.includes(health)) yield notSupported(one('health'), health, HEALTH);
        if (message === '') yield required(one('message'), 'must be non-empty if specified');
        else if (message !== undefined && byteLength(message) > MAX_MESSAGE_BYTES)
          yield tooLong(one('message'), MAX_MESSAGE_BYTES);
        if (ids.has(resourceID)) yield duplicate(one('resourceID'), resourceID);
        ids.add(resourceID);
      }
    }
  }
}
