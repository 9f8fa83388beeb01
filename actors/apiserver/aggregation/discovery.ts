import type { World } from '../../../bus/world.ts';
import { BY_COMPONENT } from './by-component.ts';
import type { RemoteService, RemoteServices } from './registered.ts';
import { createRetried, type Retried } from './retried.ts';
import type { Told, Transports } from './transport.ts';

/** Source: kube-aggregator pkg/apiserver handler_discovery.go. */
const PACE = { firstMs: 500, maxMs: 60_000, againMs: 60_000 };
const TIMEOUT_MS = 5_000;
const AGGREGATOR = { name: 'system:kube-aggregator', groups: ['system:masters'] };
const aggregatedType = (version: string): string =>
  `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
const ACCEPT = `${aggregatedType('v2')},${aggregatedType('v2beta1')}`;

/** What a server says of one of its versions, as an APIVersionDiscovery. */
interface RemoteVersion {
  readonly resources: readonly object[];
  readonly isFresh: boolean;
}
export interface RemoteDiscovery extends Retried {
  of(name: string): RemoteVersion | undefined;
}
type Json = Record<string, unknown>;
/** Of all versions that a service has, by `group/version`; each answer is taken by all APIServices of the service. */
interface Document {
  readonly versions: ReadonlyMap<string, readonly object[]>;
  readonly etag: string;
}

/** Keeps what aggregated servers say that they serve. */
export function keepDiscovery(world: Pick<World, 'clock' | 'log'>, remotes: RemoteServices, transports: Transports, onNews: () => void): RemoteDiscovery {
  const known = new Map<string, RemoteVersion>();
  const documents = new Map<string, Document>();
  const say = (name: string, version: RemoteVersion): void => {
    if (remotes.get(name) === undefined || JSON.stringify(known.get(name)) === JSON.stringify(version)) return;
    known.set(name, version);
    onNews();
  };
  const retried = createRetried(world, PACE, async (name) => {
    const remote = remotes.get(name);
    if (remote === undefined) return;
    try {
      say(name, { resources: await fetched(remote), isFresh: true });
    } catch (error) {
      say(name, { resources: [], isFresh: false });
      throw error;
    }
  });
  async function fetched(remote: RemoteService): Promise<readonly object[]> {
    if (!remote.available) throw new Error('service unavailable');
    const key = JSON.stringify(remote.service);
    const before = documents.get(key);
    const headers = ['Accept', ACCEPT, ...(before?.etag ? ['If-None-Match', before.etag] : [])];
    const told = await transports.ask(remote, { path: '/apis', as: AGGREGATOR, headers, timeoutMs: TIMEOUT_MS });
    const gv = `${remote.group}/${remote.version}`;
    if (told.status === 304 && before !== undefined) return before.versions.get(gv) ?? [];
    if (told.status === 503) throw new Error(`service ${remote.service.namespace}/${remote.service.name}:${remote.service.port} returned non-success response code: 503`);
    if (told.status !== 200 || !isAggregated(told)) return older(remote);
    const document = { versions: versionsOf(told.body), etag: told.header('etag') };
    documents.set(key, document);
    return document.versions.get(gv) ?? [];
  }
  async function older(remote: RemoteService): Promise<readonly object[]> {
    const path = `/apis/${remote.group}/${remote.version}`;
    const as = { ...AGGREGATOR, groups: [] };
    const told = await transports.ask(remote, { path, as, headers: ['Accept', 'application/json'], timeoutMs: TIMEOUT_MS });
    if (told.status !== 200) throw new Error(`failed to download legacy discovery for ${path}: ${told.status}`);
    return fromPlain(remote, JSON.parse(told.body.toString()) as Json);
  }
  remotes.onChange((name, is) => {
    if (is !== undefined && is.component === undefined) return retried.add(name);
    retried.forget(name);
    known.delete(name);
    onNews();
    const used = new Set([...remotes.all()].map((remote) => JSON.stringify(remote.service)));
    for (const key of documents.keys()) if (!used.has(key)) documents.delete(key);
  });
  for (const remote of remotes.all()) if (remote.component === undefined) retried.add(remote.name);
  const of = (name: string): RemoteVersion | undefined => {
    if (remotes.get(name)?.component === undefined) return known.get(name);
    return { resources: BY_COMPONENT.get(name)?.resources ?? [], isFresh: true };
  };
  return { ...retried, of };
} // prettier-ignore

function isAggregated(told: Told): boolean {
  const type = told.header('content-type').replaceAll(' ', '');
  return type.includes('g=apidiscovery.k8s.io') && type.includes('as=APIGroupDiscoveryList') && /v=v2(?:beta1)?(?:;|$)/.test(type);
} // prettier-ignore
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const strings = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const kindOf = (value: unknown) => {
  const { group, version, kind } = (value ?? {}) as Json;
  return { group: text(group), version: text(version), kind: text(kind) };
};
function versionsOf(body: Buffer): Map<string, readonly object[]> {
  const out = new Map<string, readonly object[]>();
  for (const group of list((JSON.parse(body.toString()) as Json)['items']))
    for (const version of list(group['versions']))
      out.set(`${text((group['metadata'] as Json | undefined)?.['name'])}/${text(version['version'])}`, list(version['resources']).map(resourceShown));
  return out;
} // prettier-ignore
/** Keys in the order of the real server. */
const resourceShown = (r: Json): object => ({
  resource: text(r['resource']),
  responseKind: kindOf(r['responseKind']),
  scope: text(r['scope']),
  singularResource: text(r['singularResource']),
  verbs: strings(r['verbs']),
  ...(strings(r['shortNames']).length > 0 && { shortNames: strings(r['shortNames']) }),
  ...(strings(r['categories']).length > 0 && { categories: strings(r['categories']) }),
  ...(list(r['subresources']).length > 0 && {
    subresources: list(r['subresources']).map((s) => ({
      subresource: text(s['subresource']),
      responseKind: kindOf(s['responseKind']),
      verbs: strings(s['verbs']),
    })),
  }),
});
/** Source: apiserver pkg/endpoints ConvertGroupVersionIntoToDiscovery. */
function fromPlain({ group, version }: RemoteService, document: Json): object[] {
  const all = list(document['resources']);
  const kind = (r: Json) => ({ group: text(r['group']) || group, version: text(r['version']) || version, kind: text(r['kind']) });
  return all
    .filter((r) => !text(r['name']).includes('/'))
    .map((r) => {
      const own = all.filter((s) => text(s['name']).startsWith(`${text(r['name'])}/`));
      return resourceShown({
        ...r,
        resource: r['name'],
        responseKind: kind(r),
        scope: r['namespaced'] === true ? 'Namespaced' : 'Cluster',
        singularResource: r['singularName'],
        subresources: own.map((s) => ({ subresource: text(s['name']).slice(text(r['name']).length + 1), responseKind: kind(s), verbs: s['verbs'] })),
      });
    });
} // prettier-ignore
