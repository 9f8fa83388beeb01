import type { Ingress, IngressBackend, IngressClass } from '../../../schemas/generated/networking-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { claim } from './classes.ts';

/** A port of a Service that requests are passed to. */
export interface BackendRef {
  /** `namespace/name` of the Service. */
  readonly service: string;
  /** By number, or by name. */
  readonly port: number | string;
}
/** `namespace/name:port`. */
export type BackendKey = string;
export const backendKey = ({ service, port }: BackendRef): BackendKey => `${service}:${port}`;

/** What happens to requests for one host. */
export interface HostRules {
  readonly exact: ReadonlyMap<string, BackendKey>;
  /** By the prefix without slashes at its end: '' takes every path. */
  readonly prefixes: ReadonlyMap<string, BackendKey>;
  /** Where requests go that no path of this host takes. */
  readonly fallback: BackendKey | undefined;
}
/** All that is decided before there are requests; a value that never changes. */
export interface Routing {
  readonly hosts: ReadonlyMap<string, HostRules>;
  /** `*.example.com` as `example.com`: one label in place of the star. */
  readonly wildcards: ReadonlyMap<string, HostRules>;
  /** Rules without a host: those of every host that has none of its own. */
  readonly anyHost: HostRules | undefined;
  /** Where requests go whose host nobody names. */
  readonly fallback: BackendKey | undefined;
  readonly backends: ReadonlyMap<BackendKey, BackendRef>;
  /** Which Secret, `namespace/name`, has the certificate of a host, `*.example.com` for a wildcard. */
  readonly certificates: ReadonlyMap<string, string>;
  /** Keys of the Ingresses that this was made of. */
  readonly ingresses: ReadonlySet<string>;
}
interface Draft {
  readonly exact: Map<string, BackendKey>;
  readonly prefixes: Map<string, BackendKey>;
  fallback: BackendKey | undefined;
}
/** For a backend that is no Service: nobody here knows what it is, so nobody answers. */
const UNKNOWN: BackendRef = { service: '', port: 0 };

/**
 * Of two Ingresses that claim the same path of the same host the older one has it, and of two of an age the first by name;
 * within one the first rule. Source: the ingress documentation (path types, multiple matches, wildcards); the order among
 * Ingresses as ingress-nginx has it.
 */
export function planRouting(ingresses: Iterable<Ingress>, classes: Iterable<IngressClass>): Routing {
  const ours = [...ingresses].filter(claim(classes)).sort(byAge);
  const hosts = new Map<string, Draft>();
  const backends = new Map<BackendKey, BackendRef>();
  const certificates = new Map<string, string>();
  let fallback: BackendKey | undefined;

  const refer = (namespace: string, { service }: IngressBackend): BackendKey => {
    const port = service?.port?.name ?? service?.port?.number;
    const ref =
      service === undefined || port === undefined ? UNKNOWN : { service: `${namespace}/${service.name}`, port };
    const key = backendKey(ref);
    if (!backends.has(key)) backends.set(key, ref);
    return key;
  };
  for (const { metadata, spec } of ours) {
    const namespace = metadata.namespace ?? '';
    const other = spec?.defaultBackend && refer(namespace, spec.defaultBackend);
    fallback ??= other;
    for (const { host: given, http } of spec?.rules ?? []) {
      const host = (given ?? '').toLowerCase();
      let draft = hosts.get(host);
      if (draft === undefined)
        hosts.set(host, (draft = { exact: new Map(), prefixes: new Map(), fallback: undefined }));
      draft.fallback ??= other;
      for (const { path = '', pathType, backend } of http?.paths ?? []) {
        const key = refer(namespace, backend);
        const [where, at] = pathType === 'Exact' ? [draft.exact, path] : [draft.prefixes, path.replace(/\/+$/, '')];
        if (!where.has(at)) where.set(at, key);
      }
    }
    const named = (spec?.rules ?? []).flatMap(({ host }) => host ?? []);
    for (const { hosts: listed, secretName } of spec?.tls ?? []) {
      if (!secretName) continue;
      // Without hosts it is for all that the Ingress names, or for everybody.
      const covered = listed?.length ? listed : named.length > 0 ? named : [''];
      for (const host of covered)
        if (!certificates.has(host.toLowerCase())) certificates.set(host.toLowerCase(), `${namespace}/${secretName}`);
    }
  }
  const of = (isWild: boolean): Map<string, Draft> =>
    new Map(
      [...hosts].flatMap(([host, rules]) =>
        host !== '' && host.startsWith('*.') === isWild ? [[isWild ? host.slice(2) : host, rules] as const] : [],
      ),
    );
  return {
    hosts: of(false),
    wildcards: of(true),
    anyHost: hosts.get(''),
    fallback,
    backends,
    certificates,
    ingresses: new Set(ours.map(keyOf)),
  };
}
function byAge(a: Ingress, b: Ingress): number {
  const [older, younger] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  if (older !== younger) return older < younger ? -1 : 1;
  return keyOf(a) < keyOf(b) ? -1 : 1;
}
