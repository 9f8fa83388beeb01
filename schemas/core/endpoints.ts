import { defineResource, type Errors } from '../define.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from '../generated/core-v1.ts';
import { dnsLabelField } from '../meta/field-checks.ts';
import { invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { validateEndpointIp, validateIp } from '../meta/ip.ts';
import { dnsSubdomain, portNumber, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const SHOWN = 3;

export const endpoints = defineResource<Endpoints>({
  group: '', version: 'v1', resource: 'endpoints',
  metadataChecks: ['changes', 'whole'],
  allowCreateOnUpdate: true,

  defaults(draft) {
    for (const subset of draft.subsets ?? []) for (const port of subset.ports ?? []) port.protocol ??= 'TCP';
    return draft;
  },
  *validate({ subsets = [] }, at) {
    for (const [i, { addresses = [], notReadyAddresses = [], ports = [] }] of subsets.entries()) {
      const here = at('subsets')(i);
      if (addresses.length + notReadyAddresses.length === 0) yield required(here, 'must specify `addresses` or `notReadyAddresses`');
      for (const [n, a] of addresses.entries()) yield* validateAddress(a, here('addresses')(n));
      for (const [n, a] of notReadyAddresses.entries()) yield* validateAddress(a, here('notReadyAddresses')(n));
      for (const [n, p] of ports.entries()) yield* validatePort(p, ports.length > 1, here('ports')(n));
    }
  },
  warnings: () => ['v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice'],
  cells: (object, now) => [object.metadata.name ?? '', format(object), age(object.metadata.creationTimestamp, now)],
}); // prettier-ignore

function* validateAddress({ ip, hostname, nodeName }: EndpointAddress, at: FieldPath): Errors {
  yield* validateIp(ip, at('ip'));
  if (hostname) yield* dnsLabelField(hostname, at('hostname'));
  if (nodeName !== undefined) for (const why of dnsSubdomain(nodeName)) yield invalid(at('nodeName'), nodeName, why);
  yield* validateEndpointIp(ip, at('ip'));
}
function* validatePort({ name, port, protocol, appProtocol }: EndpointPort, named: boolean, at: FieldPath): Errors {
  if (name) yield* dnsLabelField(name, at('name'));
  else if (named) yield required(at('name'));
  for (const why of portNumber(port)) yield invalid(at('port'), port, why);
  if (!protocol) yield required(at('protocol'));
  else if (!PROTOCOLS.includes(protocol)) yield notSupported(at('protocol'), protocol, PROTOCOLS);
  if (appProtocol !== undefined)
    for (const why of qualifiedName(appProtocol)) yield invalid(at('appProtocol'), appProtocol, why);
}
/** The first three addresses. Source: pkg/printers/internalversion formatEndpoints. */
function format({ subsets = [] }: Endpoints): string {
  const all: string[] = [];
  for (const { addresses = [], ports = [] } of subsets) {
    if (ports.length === 0) all.push(...addresses.map((a) => a.ip));
    for (const { port } of ports)
      all.push(...addresses.map((a) => `${a.ip.includes(':') ? `[${a.ip}]` : a.ip}:${port}`));
  }
  if (subsets.length === 0) return '<none>';
  const shown = all.slice(0, SHOWN).join(',');
  return all.length > SHOWN ? `${shown} + ${all.length - SHOWN} more...` : shown;
}
