import type { Errors } from '../define.ts';
import type { PodDNSConfig, PodResourceClaim, PodSpec } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import {
  duplicate,
  forbidden,
  invalid,
  noField,
  notFound,
  notSupported,
  required,
  tooLong,
  type FieldPath,
} from '../meta/field.ts';
import { validateIp } from '../meta/ip.ts';
import { byteLength, dnsSubdomain, dnsSubdomainWithUnderscore, inclusiveRange, qualifiedName } from '../meta/names.ts';
import { validateLabels } from '../meta/selectors.ts';
import {
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
  type Surroundings,
} from './container-validation.ts';
import { validateAffinity, validateSpread } from './pod-affinity-validation.ts';
import { containersOf } from './pod-containers.ts';
import type { PodContext } from './pod-context.ts';
import { validateOs } from './pod-os-validation.ts';
import { validatePodResources } from './pod-resources-validation.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import { validateContainerResourceName } from './resource-names.ts';
import { validatePodSecurityContext } from './security-context-validation.ts';
import { validateTolerations } from './tolerations-validation.ts';
import { validateVolumes } from './volume-validation.ts';
import { validateHostProcess } from './windows-options-validation.ts';

const MAX_INT32 = 2 ** 31 - 1;
const RESTART = ['Always', 'OnFailure', 'Never'];
const DNS = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];

/** Source: pkg/apis/core/validation ValidatePodSpec, in its order. */
export function* validatePodSpec(given: PodSpec | undefined, context: PodContext, at: FieldPath): Errors {
  const spec = given ?? { containers: [] };
  if (spec.terminationGracePeriodSeconds === undefined) yield required(at('terminationGracePeriodSeconds'));
  const volumes = yield* validateVolumes(spec.volumes ?? [], context, at('volumes'));
  const claims = new Set((spec.resourceClaims ?? []).map((c) => c.name).filter((n) => n !== ''));
  yield* validateClaims(spec.resourceClaims ?? [], context, at('resourceClaims'));
  const pod: Surroundings = { spec, volumes, claims, isPod: context.isPod };
  yield* validateContainers(spec.containers ?? [], pod, at('containers'));
  yield* validateInitContainers(spec.initContainers ?? [], pod, at('initContainers'));
  yield* validateEphemeralContainers(spec.ephemeralContainers ?? [], pod, at('ephemeralContainers'));
  yield* validatePodResources(spec, claims, at);
  yield* validateHostPorts(spec, context, at);
  yield* oneOf(spec.restartPolicy, RESTART, at('restartPolicy'));
  yield* oneOf(spec.dnsPolicy, DNS, at('dnsPolicy'));
  yield* validateLabels(spec.nodeSelector, at('nodeSelector'));
  yield* validatePodSecurityContext(spec.securityContext ?? {}, spec, at('securityContext'));
  if (spec.affinity) yield* validateAffinity(spec.affinity, at('affinity'));
  yield* validateDns(spec.dnsConfig, spec.dnsPolicy, at('dnsConfig'));
  for (const [i, { conditionType: type }] of (spec.readinessGates ?? []).entries())
    for (const why of qualifiedName(type)) yield invalid(at('readinessGates')(i)('conditionType'), type, why);
  yield* validateGates(spec, at('schedulingGates'));
  yield* validateSpread(spec.topologySpreadConstraints ?? [], at('topologySpreadConstraints'));
  yield* validateHostProcess(spec, at);
  yield* validateHostUsers(spec, at);
  yield* validateHostname(spec, at);
  yield* validateNames(spec, at);
  yield* validateTolerations(spec.tolerations ?? [], at('tolerations'));
  yield* validateAliasesAndClasses(spec, at);
  yield* validateOs(spec, at);
  yield* validateFileVolumes(spec, at);
}
function* oneOf(value: string | undefined, allowed: readonly string[], at: FieldPath): Errors {
  if (!value) yield required(at);
  else if (!allowed.includes(value)) yield notSupported(at, value, allowed);
}
function* validateClaims(claims: readonly PodResourceClaim[], { isPod, metadata }: PodContext, at: FieldPath): Errors {
  const names = new Set<string>();
  for (const [i, claim] of claims.entries()) {
    if (isPod && metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
      yield forbidden(noField(), 'static pods do not support resource claims');
      continue;
    }
    const { name, resourceClaimName: own, resourceClaimTemplateName: template } = claim;
    const here = at(i);
    if (name === '') yield required(here('name'));
    else if (names.has(name)) yield duplicate(here('name'), name);
    else yield* dnsLabelField(name, here('name'));
    names.add(name);
    // The real server prints its own struct.
    const shown = { Name: name, ResourceClaimName: own ?? null, ResourceClaimTemplateName: template ?? null };
    if (own !== undefined && template !== undefined)
      yield invalid(here, shown, 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified');
    if (own === undefined && template === undefined)
      yield invalid(here, shown, 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`');
    if (own !== undefined) for (const why of dnsSubdomain(own)) yield invalid(here('resourceClaimName'), own, why);
    if (template !== undefined)
      for (const why of dnsSubdomain(template)) yield invalid(here('resourceClaimTemplateName'), template, why);
  }
}
function* validateHostPorts(spec: PodSpec, { isPod }: PodContext, at: FieldPath): Errors {
  if (!spec.hostNetwork) return;
  for (const [i, { ports = [] }] of (spec.containers ?? []).entries())
    for (const [n, { hostPort = 0, containerPort }] of ports.entries())
      if ((isPod || hostPort !== 0) && hostPort !== containerPort)
        yield invalid(
          at('containers')(i)('ports')(n)('hostPort'),
          hostPort,
          'must match `containerPort` when `hostNetwork` is true',
        );
}
function* validateDns(config: PodDNSConfig | undefined, policy: string | undefined, at: FieldPath): Errors {
  if (policy === 'None') {
    if (!config) {
      yield required(at, 'must provide `dnsConfig` when `dnsPolicy` is None');
      return;
    }
    if ((config.nameservers ?? []).length === 0) {
      yield required(at('nameservers'), 'must provide at least one DNS nameserver when `dnsPolicy` is None');
      return;
    }
  }
  const { nameservers = [], searches = [], options = [] } = config ?? {};
  if (nameservers.length > 3) yield invalid(at('nameservers'), nameservers, 'must not have more than 3 nameservers');
  for (const [i, server] of nameservers.entries()) yield* validateIp(server, at('nameservers')(i));
  if (searches.length > 32) yield invalid(at('searches'), searches, 'must not have more than 32 search paths');
  if (byteLength(searches.join(' ')) > 2048)
    yield invalid(
      at('searches'),
      searches,
      'must not have more than 2048 characters (including spaces) in the search list',
    );
  for (const [i, search] of searches.entries()) {
    if (search === '.') continue;
    const name = search.replace(/\.$/, '');
    for (const why of dnsSubdomainWithUnderscore(name)) yield invalid(at('searches')(i), name, why);
  }
  for (const [i, { name }] of options.entries()) if (!name) yield required(at('options')(i), 'must not be empty');
}
function* validateGates({ schedulingGates = [] }: PodSpec, at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, { name }] of schedulingGates.entries()) {
    for (const why of qualifiedName(name)) yield invalid(at(i), name, why);
    if (seen.has(name)) yield duplicate(at(i), name);
    seen.add(name);
  }
}
function* validateHostUsers(spec: PodSpec, at: FieldPath): Errors {
  if (spec.hostUsers !== false) return;
  const why = 'when `hostUsers` is false';
  if (spec.hostNetwork) yield forbidden(at('hostNetwork'), why);
  if (spec.hostPID) yield forbidden(at('HostPID'), why);
  if (spec.hostIPC) yield forbidden(at('HostIPC'), why);
  for (const [{ volumeDevices }, here] of containersOf(spec, at))
    if ((volumeDevices ?? []).length > 0) yield forbidden(here('volumeDevices'), why);
}
function* validateHostname(spec: PodSpec, at: FieldPath): Errors {
  const name = spec.hostnameOverride;
  if (name === undefined) return;
  const here = at('hostnameOverride');
  if (spec.setHostnameAsFQDN === true) yield forbidden(here, 'may not be specified when setHostnameAsFQDN is true');
  if (spec.hostNetwork) yield forbidden(here, 'may not be specified when hostNetwork is true');
  if (byteLength(name) > 64) yield tooLong(here, 64);
  for (const why of dnsSubdomain(name)) yield invalid(here, name, why);
}
function* validateNames(spec: PodSpec, at: FieldPath): Errors {
  for (const field of ['serviceAccountName', 'nodeName'] as const) {
    const name = spec[field];
    if (name) for (const why of dnsSubdomain(name)) yield invalid(at(field), name, why);
  }
  const seconds = spec.activeDeadlineSeconds;
  if (seconds !== undefined && (seconds < 1 || seconds > MAX_INT32))
    yield invalid(at('activeDeadlineSeconds'), seconds, inclusiveRange(1, MAX_INT32));
  if (spec.hostname) yield* dnsLabelField(spec.hostname, at('hostname'));
  if (spec.subdomain) yield* dnsLabelField(spec.subdomain, at('subdomain'));
}
function* validateAliasesAndClasses(spec: PodSpec, at: FieldPath): Errors {
  for (const [i, { ip, hostnames = [] }] of (spec.hostAliases ?? []).entries()) {
    yield* validateIp(ip, at('hostAliases')(i)('ip'));
    for (const [n, name] of hostnames.entries())
      for (const why of dnsSubdomain(name)) yield invalid(at('hostAliases')(i)('hostnames')(n), name, why);
  }
  const { priorityClassName: priority, runtimeClassName: runtime } = spec;
  if (priority) for (const why of dnsSubdomain(priority)) yield invalid(at('priorityClassName'), priority, why);
  if (runtime !== undefined)
    for (const why of dnsSubdomain(runtime)) yield invalid(at('runtimeClassName'), runtime, why);
  if (spec.preemptionPolicy !== undefined)
    yield* oneOf(spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], at('preemptionPolicy'));
  if (spec.overhead)
    yield* validateResourceRequirements(
      { limits: spec.overhead },
      validateContainerResourceName,
      new Set(),
      at('overhead'),
    );
}
function* validateFileVolumes(spec: PodSpec, at: FieldPath): Errors {
  for (const [{ env }, container] of containersOf(spec, at))
    for (const [n, { valueFrom }] of (env ?? []).entries()) {
      const name = valueFrom?.fileKeyRef?.volumeName;
      if (name === undefined) continue;
      const here = container('env')(n)('valueFrom')('fileKeyRef')('volumeName');
      // Of several of one name the last.
      const volume = spec.volumes?.findLast((v) => v.name === name);
      if (!volume) yield notFound(here, name);
      else if (!volume.emptyDir) yield invalid(here, name, 'referenced volume must be of type emptyDir');
    }
}
