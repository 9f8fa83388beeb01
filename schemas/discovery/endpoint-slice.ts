import { defineResource, type Errors } from '../define.ts';
import type { Endpoint, EndpointHints, EndpointPort, EndpointSlice } from '../generated/discovery-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { duplicate, fieldPath, invalid, required, tooMany, type FieldError, type FieldPath } from '../meta/field.ts';
import { isIpv6, parseIp, validateEndpointIp, validateIp } from '../meta/ip.ts';
import { dnsLabel, dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts';
import { validateLabels } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { ipProblems, ipWarnings } from '../networking/strict-ip.ts';

/** Source: pkg/apis/discovery/validation. */
const MAX_ENDPOINTS = 1000;
const MAX_ADDRESSES = 100;
const MAX_PORTS = 20_000;
const MAX_TOPOLOGY_LABELS = 16;
const MAX_HINTS = 8;
const ADDRESS_TYPES = ['FQDN', 'IPv4', 'IPv6'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MAX_SHOWN = 3;
const ZONE_LABEL = 'topology.kubernetes.io/zone';

export const endpointSlice = defineResource<EndpointSlice>({
  group: 'discovery.k8s.io', version: 'v1', resource: 'endpointslices',
  metadataChecks: ['whole'],
  tracksGeneration: true,

  defaults(draft) {
    for (const port of draft.ports ?? []) {
      port.name ??= '';
      port.protocol ??= 'TCP';
    }
    return draft;
  },
  prepareForCreate(draft) {
    return withoutTopology(draft);
  },
  prepareForUpdate(draft, old) {
    // Labels count as a change of what the slice says, and so does what is then left out. Source: pkg/registry/discovery/endpointslice/strategy.go.
    if (!equal(partsOf(draft), partsOf(old))) draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return equal(draft.endpoints, old.endpoints) ? draft : withoutTopology(draft);
  },

  *validate({ addressType, ports, endpoints }, at, old) {
    if (!addressType) yield required(at('addressType'));
    else if (!ADDRESS_TYPES.includes(addressType)) yield notOneOf(addressType, ADDRESS_TYPES, at('addressType'));
    yield* validatePorts(ports ?? [], at('ports'));
    // What was there before may be what older servers took.
    const found = [...validateEndpoints(endpoints ?? [], addressType, at('endpoints'))];
    if (found.length > 0 && !(old && equal(old.endpoints, endpoints))) yield* found;
  },
  *validateUpdate({ addressType }, old, at) {
    yield* immutable(addressType, old.addressType, at('addressType'));
  },
  warnings({ addressType, endpoints }, old) {
    const found = old === undefined && addressType === 'FQDN' ? ['spec.addressType: FQDN endpoints are deprecated'] : [];
    if (addressType !== 'IPv4') return found;
    const at = fieldPath('endpoints');
    return [...found, ...(endpoints ?? []).flatMap(({ addresses }, i) => (addresses ?? []).flatMap((ip, n) => ipWarnings(ip, at(i)('addresses')(n))))];
  },

  cells: ({ metadata, addressType, ports, endpoints }, now) => [
    metadata.name ?? '', addressType ?? '', clip((ports ?? []).map(({ port, name }) => String(port ?? name ?? '*'))),
    clip((endpoints ?? []).flatMap(({ addresses }) => addresses ?? [])), age(metadata.creationTimestamp, now),
  ],
}); // prettier-ignore

const clip = (list: readonly string[]): string =>
  list.length > MAX_SHOWN ? `${list.slice(0, MAX_SHOWN).join()} + ${list.length - MAX_SHOWN} more...` : list.join() || '<unset>'; // prettier-ignore

const partsOf = ({ metadata: { labels }, addressType, ports, endpoints }: EndpointSlice) => ({
  labels,
  addressType,
  ports,
  endpoints,
});
/** What v1 does not have: nodes and zones have fields of their own. Source: strategy dropTopologyOnV1. */
function withoutTopology(draft: EndpointSlice): EndpointSlice {
  for (const endpoint of draft.endpoints ?? []) delete endpoint.deprecatedTopology;
  return draft;
}
function* validatePorts(ports: readonly EndpointPort[], path: FieldPath): Errors {
  if (ports.length > MAX_PORTS) {
    yield tooMany(path, ports.length, MAX_PORTS);
    return;
  }
  const names = new Set<string>();
  for (const [i, { name = '', protocol, appProtocol }] of ports.entries()) {
    const at = path(i);
    if (name !== '') yield* problems(dnsLabel(name), name, at('name'));
    if (names.has(name)) yield duplicate(at('name'), name);
    names.add(name);
    if (protocol === undefined) yield required(at('protocol'));
    else if (!PROTOCOLS.includes(protocol)) yield notOneOf(protocol, PROTOCOLS, at('protocol'));
    if (appProtocol !== undefined) yield* problems(qualifiedName(appProtocol), appProtocol, at('appProtocol'));
  }
}
function* validateEndpoints(endpoints: readonly Endpoint[], type: string | undefined, path: FieldPath): Errors {
  if (endpoints.length > MAX_ENDPOINTS) {
    yield tooMany(path, endpoints.length, MAX_ENDPOINTS);
    return;
  }
  for (const [i, endpoint] of endpoints.entries()) {
    const at = path(i);
    const addresses = endpoint.addresses ?? [];
    if (addresses.length === 0) yield required(at('addresses'), 'must contain at least 1 address');
    else if (addresses.length > MAX_ADDRESSES) yield tooMany(at('addresses'), addresses.length, MAX_ADDRESSES);
    for (const [n, address] of addresses.entries()) yield* validateAddress(address, type, at('addresses'), n);
    if (endpoint.nodeName !== undefined) yield* problems(dnsSubdomain(endpoint.nodeName), endpoint.nodeName, at('nodeName'));
    const topology = endpoint.deprecatedTopology ?? {};
    const here = at('deprecatedTopology');
    if (Object.keys(topology).length > MAX_TOPOLOGY_LABELS) yield tooMany(here, Object.keys(topology).length, MAX_TOPOLOGY_LABELS);
    yield* validateLabels(topology, here);
    if (Object.hasOwn(topology, ZONE_LABEL)) yield internalError(here.key(ZONE_LABEL), 'reserved key was not removed in conversion');
    if (endpoint.hostname !== undefined) yield* problems(dnsLabel(endpoint.hostname), endpoint.hostname, at('hostname'));
    if (endpoint.hints) yield* validateHints(endpoint.hints, at('hints'));
  }
} // prettier-ignore
const internalError = (at: FieldPath, why: string): FieldError => ({ reason: 'InternalError', field: `${at}`, message: `Internal error: ${why}` }); // prettier-ignore

function* validateAddress(address: string, type: string | undefined, at: FieldPath, n: number): Errors {
  if (type === 'FQDN') {
    yield* validateDomain(address, at(n));
    return;
  }
  if (type !== 'IPv4' && type !== 'IPv6') return;
  const errors = type === 'IPv4' ? [...validateIp(address, at(n))] : [...problems(ipProblems(address), address, at(n))];
  yield* errors;
  if (errors.length > 0) return;
  if (type === 'IPv4' && parseIp(address)?.family !== 4) yield invalid(at, address, 'must be an IPv4 address');
  if (type === 'IPv6' && !isIpv6(address)) yield invalid(at, address, 'must be an IPv6 address');
  yield* validateEndpointIp(address, at(n));
}
/** Source: apimachinery pkg/util/validation IsFullyQualifiedDomainName. */
function* validateDomain(name: string, at: FieldPath): Errors {
  if (name === '') {
    yield required(at);
    return;
  }
  const bare = name.endsWith('.') ? name.slice(0, -1) : name;
  const found = dnsSubdomain(bare);
  yield* problems(found, bare, at);
  if (found.length > 0) return;
  if (bare.split('.').length < 2) yield invalid(at, name, 'should be a domain with at least two segments separated by dots');
  else for (const label of bare.split('.')) yield* problems(dnsLabel(label), label, at);
} // prettier-ignore
function* validateHints({ forZones = [], forNodes = [] }: EndpointHints, at: FieldPath): Errors {
  const rules = [['forZones', forZones, labelValue], ['forNodes', forNodes, dnsSubdomain]] as const; // prettier-ignore
  for (const [field, list, rule] of rules) {
    if (list.length > MAX_HINTS) {
      yield tooMany(at(field), list.length, MAX_HINTS);
      return;
    }
    const names = new Set<string>();
    for (const [i, { name }] of list.entries()) {
      const here = at(field)(i)('name');
      if (names.has(name)) yield duplicate(here, name);
      names.add(name);
      yield* problems(rule(name), name, here);
    }
  }
}
