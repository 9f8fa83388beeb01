import { defineResource, type Errors } from '../define.ts';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressSpec } from '../generated/networking-v1.ts';
import { notOneOf, problems, requiredSegment } from '../helpers/checks.ts';
import { fieldPath, invalid, required, type FieldPath } from '../meta/field.ts';
import { parseIp, validateIp } from '../meta/ip.ts';
import { dnsLabel, dnsSubdomain, portName, portNumber, wildcardDnsSubdomain } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { ipWarnings } from './strict-ip.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];
const MAX_HOSTS_SHOWN = 3;
const INGRESS = fieldPath('status')('loadBalancer')('ingress');

export const ingress = defineResource<Ingress>({
  group: 'networking.k8s.io', version: 'v1', resource: 'ingresses',
  metadataChecks: ['changes', 'whole'],

  prepareForCreate(draft) {
    draft.status = { loadBalancer: {} };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? { loadBalancer: {} };
    return draft;
  },

  *validate({ metadata, spec = {} }, at) {
    yield* validateSpec(spec, at('spec'));
    const annotated = metadata.annotations?.[CLASS_ANNOTATION];
    // Only on create in the real server, where the two may part later.
    if (metadata.resourceVersion === undefined && annotated !== undefined && spec.ingressClassName !== undefined && annotated !== spec.ingressClassName)
      yield invalid(at('annotations')(CLASS_ANNOTATION), annotated, 'must match `ingressClassName` when both are specified');
  },
  *validateStatusUpdate({ status }, _old, at) {
    for (const [i, { ip, hostname }] of (status?.loadBalancer?.ingress ?? []).entries()) {
      const here = at('status')('loadBalancer')('ingress')(i);
      if (ip) yield* validateIp(ip, here('ip'));
      if (!hostname) continue;
      yield* problems(dnsSubdomain(hostname), hostname, here('hostname'));
      if (parseIp(hostname)) yield invalid(here('hostname'), hostname, 'must be a DNS name, not an IP address');
    }
  },
  statusWarnings: ({ status }) => (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, i) => (ip ? ipWarnings(ip, INGRESS(i)) : [])),
  warnings({ metadata, spec }, old) {
    return old === undefined && metadata.annotations?.[CLASS_ANNOTATION] !== undefined && spec?.ingressClassName === undefined
      ? [`annotation ${JSON.stringify(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`]
      : [];
  },

  /** Source: pkg/printers/internalversion printIngress. */
  cells({ metadata, spec, status }, now) {
    const addresses = new Set((status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || '').filter(Boolean));
    return [
      metadata.name ?? '', spec?.ingressClassName ?? '<none>', hosts(spec?.rules ?? []), [...addresses].sort().join(),
      spec?.tls?.length ? '80, 443' : '80', age(metadata.creationTimestamp, now),
    ];
  },
}); // prettier-ignore

function hosts(rules: readonly IngressRule[]): string {
  const list: string[] = [];
  let more = false;
  for (const { host } of rules) {
    if (list.length === MAX_HOSTS_SHOWN) more = true;
    if (!more && host) list.push(host);
  }
  if (list.length === 0) return '*';
  return more ? `${list.join()} + ${rules.length - MAX_HOSTS_SHOWN} more...` : list.join();
}

/** Source: pkg/apis/networking/validation ValidateIngressSpec. */
function* validateSpec(spec: IngressSpec, at: FieldPath): Errors {
  const { rules = [], defaultBackend, tls = [], ingressClassName } = spec;
  if (rules.length === 0 && !defaultBackend)
    yield invalid(at, spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified');
  if (defaultBackend) yield* validateBackend(defaultBackend, at('defaultBackend'));
  for (const [i, { host, http }] of rules.entries()) {
    const here = at('rules')(i);
    if (host) yield* validateHost(host, here('host'));
    if (!http) continue;
    if ((http.paths ?? []).length === 0) yield required(here('http')('paths'));
    for (const [n, path] of (http.paths ?? []).entries()) yield* validatePath(path, here('http')('paths')(n));
  }
  for (const [i, { hosts: names = [], secretName }] of tls.entries()) {
    for (const [n, host] of names.entries())
      yield* problems(
        host.includes('*') ? wildcardDnsSubdomain(host) : dnsSubdomain(host),
        host,
        at('tls')(i)('hosts')(n),
      );
    if (secretName) yield* problems(dnsSubdomain(secretName), secretName, at('tls')(i)('secretName'));
  }
  if (ingressClassName !== undefined)
    yield* problems(dnsSubdomain(ingressClassName), ingressClassName, at('ingressClassName'));
}
function* validateHost(host: string, at: FieldPath): Errors {
  if (parseIp(host)) yield invalid(at, host, 'must be a DNS name, not an IP address');
  yield* problems(host.includes('*') ? wildcardDnsSubdomain(host) : dnsSubdomain(host), host, at);
}
function* validatePath({ path = '', pathType, backend }: Partial<HTTPIngressPath>, at: FieldPath): Errors {
  if (!pathType) {
    yield required(at('pathType'), 'pathType must be specified');
    return;
  }
  const isAbsolute = path.startsWith('/');
  if (pathType === 'Exact' || pathType === 'Prefix') {
    if (!isAbsolute) yield invalid(at('path'), path, 'must be an absolute path');
    for (const part of BAD_SEQUENCES)
      if (path.includes(part)) yield invalid(at('path'), path, `must not contain '${part}'`);
    for (const part of BAD_SUFFIXES)
      if (path.endsWith(part)) yield invalid(at('path'), path, `cannot end with '${part}'`);
  } else if (pathType === 'ImplementationSpecific') {
    if (path !== '' && !isAbsolute) yield invalid(at('path'), path, 'must be an absolute path');
  } else yield notOneOf(pathType, PATH_TYPES, at('pathType'));
  yield* validateBackend(backend ?? {}, at('backend'));
}
function* validateBackend({ service, resource }: IngressBackend, at: FieldPath): Errors {
  if (resource && service) yield invalid(at, '', 'cannot set both resource and service backends');
  else if (resource) {
    const here = at('resource');
    if (resource.apiGroup !== undefined && resource.apiGroup !== null) yield* problems(dnsSubdomain(resource.apiGroup), resource.apiGroup, here('apiGroup'));
    yield* requiredSegment(resource.kind, here('kind'));
    yield* requiredSegment(resource.name, here('name'));
  } else if (service) {
    const name = at('service')('name');
    if (!service.name) yield required(name);
    else yield* problems(dnsLabel(service.name), service.name, name);
    const { name: portNamed, number } = service.port ?? {};
    if (portNamed && number) yield invalid(at, '', 'cannot set both port name & port number');
    else if (portNamed) yield* problems(portName(portNamed), portNamed, at('service')('port')('name'));
    else if (number) yield* problems(portNumber(number), number, at('service')('port')('number'));
    else yield required(at, 'port name or number is required');
  } else yield invalid(at, '', 'resource or service backend is required');
} // prettier-ignore
