import type { Errors } from '../define.ts';
import type { Service, ServicePort, ServiceSpec } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { duplicate, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { parseIp, validateCidr, validateEndpointIp, validateIp } from '../meta/ip.ts';
import { dnsSubdomain, portName, portNumber, qualifiedName } from '../meta/names.ts';
import { validateLabels } from '../meta/selectors.ts';
import { validateClusterAddresses } from './service-addresses.ts';
import { isExternallyAccessible, isHeadless, needsHealthCheckPort } from './service-kinds.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const TYPES = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
const IP_MODES = ['Proxy', 'VIP'];
const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';
const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
const LB_ONLY = "may only be used when `type` is 'LoadBalancer'";
const MAX_AFFINITY_SECONDS = 86400;

/** Source: pkg/apis/core/validation validateService. */
export function* validateService(object: Service, at: FieldPath, old?: Service): Errors {
  const spec = object.spec ?? {};
  const here = at('spec');
  const { [TOPOLOGY_HINTS]: hints, [TOPOLOGY_MODE]: mode } = object.metadata.annotations ?? {};
  if (hints !== undefined && mode !== undefined && hints !== mode)
    yield invalid(at('metadata')('annotations').key(TOPOLOGY_MODE), mode, `must match annotations[${TOPOLOGY_HINTS}] when both are specified`); // prettier-ignore
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(object) && spec.type !== 'ExternalName') yield required(here('ports'));
  yield* validateType(object, here);
  const names = new Set<string>();
  for (const [i, port] of ports.entries()) yield* validatePort(port, ports.length > 1, names, here('ports')(i));
  yield* validateLabels(spec.selector, here('selector'));
  yield* validateAffinity(spec, here);
  yield* validateClusterAddresses(object, old, here);
  for (const [i, ip] of (spec.externalIPs ?? []).entries()) {
    const errors = old?.spec?.externalIPs?.includes(ip) ? [] : [...validateIp(ip, here('externalIPs')(i))];
    yield* errors.length > 0 ? errors : validateEndpointIp(ip, here('externalIPs')(i));
  }
  if (!spec.type) yield required(here('type'));
  else if (!TYPES.includes(spec.type)) yield notSupported(here('type'), spec.type, TYPES);
  yield* validateUniquePorts(spec, here('ports'));
  yield* validateLoadBalancer(object, old, at);
  yield* validateTraffic(object, here);
}
function* validateType(object: Service, at: FieldPath): Errors {
  const { spec = {} } = object;
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(object))
    yield invalid(at('clusterIPs')(0), 'None', `may not be set to 'None' for ${spec.type} services`);
  if (spec.type !== 'ExternalName') return;
  const unset = 'may not be set for ExternalName services';
  if ((spec.clusterIPs ?? []).length > 0) yield forbidden(at('clusterIPs'), unset);
  if ((spec.ipFamilies ?? []).length > 0) yield forbidden(at('ipFamilies'), unset);
  if (spec.ipFamilyPolicy !== undefined) yield forbidden(at('ipFamilyPolicy'), unset);
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') yield required(at('externalName'));
  else for (const why of dnsSubdomain(name)) yield invalid(at('externalName'), name, why);
}
function* validatePort(port: ServicePort, named: boolean, names: Set<string>, at: FieldPath): Errors {
  const { name, targetPort, appProtocol } = port;
  if (!name) {
    if (named) yield required(at('name'));
  } else {
    yield* dnsLabelField(name, at('name'));
    if (names.has(name)) yield duplicate(at('name'), name);
    names.add(name);
  }
  for (const why of portNumber(port.port)) yield invalid(at('port'), port.port, why);
  if (!port.protocol) yield required(at('protocol'));
  else if (!PROTOCOLS.includes(port.protocol)) yield notSupported(at('protocol'), port.protocol, PROTOCOLS);
  const wrong = typeof targetPort === 'string' ? portName(targetPort) : portNumber(targetPort ?? 0);
  for (const why of wrong) yield invalid(at('targetPort'), targetPort ?? 0, why);
  if (appProtocol !== undefined)
    for (const why of qualifiedName(appProtocol)) yield invalid(at('appProtocol'), appProtocol, why);
}
function* validateUniquePorts({ type, ports = [] }: ServiceSpec, at: FieldPath): Errors {
  if (type === 'ClusterIP')
    for (const [i, { nodePort }] of ports.entries())
      if (nodePort) yield forbidden(at(i)('nodePort'), "may not be used when `type` is 'ClusterIP'");
  const nodePorts = new Set<string>();
  for (const [i, { protocol, nodePort }] of ports.entries()) {
    if (!nodePort) continue;
    if (nodePorts.has(`${protocol}/${nodePort}`)) yield duplicate(at(i)('nodePort'), nodePort);
    nodePorts.add(`${protocol}/${nodePort}`);
  }
  const seen = new Set<string>();
  for (const [i, { protocol, port }] of ports.entries()) {
    // The real server prints its own struct.
    if (seen.has(`${protocol}/${port}`))
      yield duplicate(at(i), {
        Name: '',
        Protocol: protocol ?? '',
        AppProtocol: null,
        Port: port,
        TargetPort: 0,
        NodePort: 0,
      });
    seen.add(`${protocol}/${port}`);
  }
}
function* validateAffinity({ sessionAffinity, sessionAffinityConfig }: ServiceSpec, at: FieldPath): Errors {
  const here = at('sessionAffinityConfig');
  if (!sessionAffinity) yield required(at('sessionAffinity'));
  else if (sessionAffinity === 'None') {
    if (sessionAffinityConfig) yield forbidden(here, 'must not be set when session affinity is None');
  } else if (sessionAffinity !== 'ClientIP')
    yield notSupported(at('sessionAffinity'), sessionAffinity, ['ClientIP', 'None']);
  else {
    const seconds = sessionAffinityConfig?.clientIP?.timeoutSeconds;
    if (!sessionAffinityConfig) yield required(here, 'when session affinity type is ClientIP');
    else if (!sessionAffinityConfig.clientIP)
      yield required(here('clientIP'), 'when session affinity type is ClientIP');
    else if (seconds === undefined)
      yield required(here('clientIP')('timeoutSeconds'), 'when session affinity type is ClientIP');
    else if (seconds <= 0 || seconds > MAX_AFFINITY_SECONDS)
      yield invalid(
        here('clientIP')('timeoutSeconds'),
        seconds,
        `must be greater than 0 and less than ${MAX_AFFINITY_SECONDS}`,
      );
  }
}
const RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';
function* validateLoadBalancer({ metadata, spec = {} }: Service, old: Service | undefined, at: FieldPath): Errors {
  const isLb = spec.type === 'LoadBalancer';
  const ranges = spec.loadBalancerSourceRanges ?? [];
  const annotation = metadata.annotations?.[RANGES];
  if (ranges.length > 0) {
    const here = at('spec')('LoadBalancerSourceRanges');
    if (!isLb) yield forbidden(here, LB_ONLY);
    const known = (old?.spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim());
    for (const [i, range] of ranges.entries())
      if (!known.includes(range.trim())) yield* validateCidr(range.trim(), here(i));
  } else if (annotation !== undefined) {
    const here = at('metadata')('annotations').key(RANGES);
    if (!isLb) yield forbidden(here, LB_ONLY);
    if (annotation.trim() !== '' && old?.metadata.annotations?.[RANGES] !== annotation)
      for (const range of annotation.split(',')) yield* validateCidr(range.trim(), here);
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && !isLb)
    yield forbidden(at('spec')('allocateLoadBalancerNodePorts'), LB_ONLY);
  yield* validateLoadBalancerClass(spec, at('spec'));
}
/** Asked twice of an update, as the real server does. Source: pkg/apis/core/validation validateLoadBalancerClassField. */
export function* validateLoadBalancerClass({ type, loadBalancerClass: name }: ServiceSpec, at: FieldPath): Errors {
  if (name === undefined) return;
  if (type !== 'LoadBalancer') yield forbidden(at('loadBalancerClass'), LB_ONLY);
  else for (const why of qualifiedName(name)) yield invalid(at('loadBalancerClass'), name, why);
}
/** Source: pkg/apis/core/validation ValidateLoadBalancerStatus. */
export function* validateServiceStatus({ spec, status }: Service, old: Service, at: FieldPath): Errors {
  const here = at('status')('loadBalancer')('ingress');
  const ingress = status?.loadBalancer?.ingress ?? [];
  if (spec?.type !== 'LoadBalancer') {
    if (ingress.length > 0) yield forbidden(here, "may only be used when `spec.type` is 'LoadBalancer'");
    return;
  }
  const known = (old.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip);
  for (const [i, { ip, ipMode, hostname }] of ingress.entries()) {
    if (ip && !known.includes(ip)) yield* validateIp(ip, here(i)('ip'));
    if (ipMode === undefined) {
      if (ip) yield required(here(i)('ipMode'), 'must be specified when `ip` is set');
    } else if (!ip) yield forbidden(here(i)('ipMode'), 'may not be specified when `ip` is not set');
    else if (!IP_MODES.includes(ipMode)) yield notSupported(here(i)('ipMode'), ipMode, IP_MODES);
    if (!hostname) continue;
    for (const why of dnsSubdomain(hostname)) yield invalid(here(i)('hostname'), hostname, why);
    if (parseIp(hostname)) yield invalid(here(i)('hostname'), hostname, 'must be a DNS name, not an IP address');
  }
}
const POLICIES = ['Cluster', 'Local'];
const DISTRIBUTIONS = ['PreferClose', 'PreferSameZone', 'PreferSameNode'];
function* validateTraffic(object: Service, at: FieldPath): Errors {
  const { externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort, trafficDistribution } = object.spec ?? {};
  if (!isExternallyAccessible(object)) {
    if (externalTrafficPolicy)
      yield invalid(
        at('externalTrafficPolicy'),
        externalTrafficPolicy,
        'may only be set for externally-accessible services',
      );
  } else if (!externalTrafficPolicy) yield required(at('externalTrafficPolicy'));
  else if (!POLICIES.includes(externalTrafficPolicy))
    yield notSupported(at('externalTrafficPolicy'), externalTrafficPolicy, POLICIES);
  if (healthCheckNodePort) {
    // Absent where needed: allocated with the write.
    if (!needsHealthCheckPort(object))
      yield invalid(
        at('healthCheckNodePort'),
        healthCheckNodePort,
        "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
      );
    else
      for (const why of portNumber(healthCheckNodePort))
        yield invalid(at('healthCheckNodePort'), healthCheckNodePort, why);
  }
  if (internalTrafficPolicy !== undefined && !POLICIES.includes(internalTrafficPolicy))
    yield notSupported(at('internalTrafficPolicy'), internalTrafficPolicy, POLICIES);
  if (trafficDistribution !== undefined && !DISTRIBUTIONS.includes(trafficDistribution))
    yield notSupported(at('trafficDistribution'), trafficDistribution, DISTRIBUTIONS);
}
