import { defineResource, type Errors } from '../define.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../generated/networking-v1.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { fieldPath, forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { parseCidr, validateCidr } from '../meta/ip.ts';
import { portName, portNumber } from '../meta/names.ts';
import { formatSelector, validateLabelSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { cidrWarnings } from './strict-ip.ts';

const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];
const TYPES = ['Ingress', 'Egress'];

export const networkPolicy = defineResource<NetworkPolicy>({
  group: 'networking.k8s.io', version: 'v1', resource: 'networkpolicies',
  tracksGeneration: true,
  countsEmpties: true,

  defaults(draft) {
    const spec = draft.spec!;
    for (const { ports = [] } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of ports) port.protocol ??= 'TCP';
    if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
    return draft;
  },

  *validate({ spec }, at) {
    const here = at('spec');
    yield* validateLabelSelector(spec?.podSelector, here('podSelector'));
    for (const [i, rule] of (spec?.ingress ?? []).entries()) {
      for (const [n, port] of (rule.ports ?? []).entries()) yield* validatePort(port, here('ingress')(i)('ports')(n));
      for (const [n, peer] of (rule.from ?? []).entries()) yield* validatePeer(peer, here('ingress')(i)('from')(n));
    }
    for (const [i, rule] of (spec?.egress ?? []).entries()) {
      for (const [n, port] of (rule.ports ?? []).entries()) yield* validatePort(port, here('egress')(i)('ports')(n));
      for (const [n, peer] of (rule.to ?? []).entries()) yield* validatePeer(peer, here('egress')(i)('to')(n));
    }
    const types = spec?.policyTypes ?? [];
    if (types.length > TYPES.length) yield invalid(here('policyTypes'), types, 'may not specify more than two policyTypes');
    else for (const [i, type] of types.entries()) if (!TYPES.includes(type)) yield notOneOf(type, TYPES, here('policyTypes')(i));
  },
  warnings({ spec }) {
    const at = fieldPath('spec');
    const of = (peers: readonly NetworkPolicyPeer[], here: FieldPath): string[] =>
      peers.flatMap(({ ipBlock }, n) =>
        ipBlock === undefined ? [] : [
          ...cidrWarnings(ipBlock.cidr, here(n)('ipBlock')('cidr')),
          ...(ipBlock.except ?? []).flatMap((cidr, k) => cidrWarnings(cidr, here(n)('ipBlock')('except')(k))),
        ]);
    return [
      ...(spec?.ingress ?? []).flatMap(({ from = [] }, i) => of(from, at('ingress')(i)('from'))),
      ...(spec?.egress ?? []).flatMap(({ to = [] }, i) => of(to, at('egress')(i)('to'))),
    ];
  },

  cells: ({ metadata, spec }, now) => [metadata.name ?? '', formatSelector(spec?.podSelector), age(metadata.creationTimestamp, now)],
}); // prettier-ignore

/** Source: pkg/apis/networking/validation ValidateNetworkPolicyPort. */
function* validatePort({ protocol, port, endPort }: NetworkPolicyPort, at: FieldPath): Errors {
  if (protocol !== undefined && !PROTOCOLS.includes(protocol)) yield notOneOf(protocol, PROTOCOLS, at('protocol'));
  if (typeof port === 'number') {
    yield* problems(portNumber(port), port, at('port'));
    if (endPort === undefined) return;
    if (endPort < port) yield invalid(at('endPort'), port, 'must be greater than or equal to `port`');
    yield* problems(portNumber(endPort), endPort, at('endPort'));
  } else if (port !== undefined) {
    if (endPort !== undefined) yield invalid(at('endPort'), endPort, 'may not be specified when `port` is non-numeric');
    yield* problems(portName(port), port, at('port'));
  } else if (endPort !== undefined)
    yield invalid(at('endPort'), endPort, 'may not be specified when `port` is not specified');
}
function* validatePeer({ podSelector, namespaceSelector, ipBlock }: NetworkPolicyPeer, at: FieldPath): Errors {
  if (podSelector) yield* validateLabelSelector(podSelector, at('podSelector'));
  if (namespaceSelector) yield* validateLabelSelector(namespaceSelector, at('namespaceSelector'));
  if (ipBlock) yield* validateBlock(ipBlock, at('ipBlock'));
  if (!podSelector && !namespaceSelector && !ipBlock) yield required(at, 'must specify a peer');
  else if (ipBlock && (podSelector || namespaceSelector))
    yield forbidden(at, 'may not specify both ipBlock and another peer');
}
function* validateBlock({ cidr, except = [] }: IPBlock, at: FieldPath): Errors {
  if (!cidr) {
    yield required(at('cidr'));
    return;
  }
  yield* validateCidr(cidr, at('cidr'));
  const outer = parseCidr(cidr);
  if (outer === undefined) return;
  for (const [i, text] of except.entries()) {
    yield* validateCidr(text, at('except')(i));
    const inner = parseCidr(text);
    if (inner === undefined) continue;
    const shift = BigInt((outer.family === 4 ? 32 : 128) - outer.bits);
    const isInside = inner.family === outer.family && inner.base >> shift === outer.base >> shift;
    if (!isInside || outer.bits >= inner.bits)
      yield invalid(at('except')(i), text, 'must be a strict subset of `cidr`');
  }
}
