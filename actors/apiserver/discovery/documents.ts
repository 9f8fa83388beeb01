import { compareVersions } from '../../../schemas/meta/versions.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import type { Registry, Resource, Subresource } from '../../../schemas/resource.ts';

/** The discovery documents as plain objects, keys in the order in which kube-apiserver prints them. */
export interface GroupVersions {
  readonly name: string;
  /** Preferred first. */
  readonly versions: readonly {
    readonly version: string;
    readonly resources: readonly Resource[];
    /** Another server has it, and says so. */
    readonly elsewhere?: { readonly resources: readonly object[]; readonly isFresh: boolean };
  }[];
}

/**
 * The order in which the real server lists its groups: by priority of their APIService.
 * Source: kubernetes cmd/kube-apiserver/app/aggregator.go apiVersionPriorities.
 */
const ORDER = [
  'apiregistration.k8s.io', 'apps', 'events.k8s.io', 'authentication.k8s.io', 'authorization.k8s.io', 'autoscaling', 'batch',
  'certificates.k8s.io', 'networking.k8s.io', 'policy', 'rbac.authorization.k8s.io', 'storage.k8s.io',
  'admissionregistration.k8s.io', 'apiextensions.k8s.io', 'scheduling.k8s.io', 'coordination.k8s.io', 'node.k8s.io',
  'discovery.k8s.io', 'resource.k8s.io', 'flowcontrol.apiserver.k8s.io',
]; // prettier-ignore
const RANK = new Map(ORDER.map((name, i) => [name, i]));

/** Groups with their versions and resources; the core group ('') is not among them. */
export function groupsOf(registry: Registry): {
  readonly core: GroupVersions;
  readonly groups: readonly GroupVersions[];
} {
  const found = new Map<string, Map<string, Resource[]>>();
  for (const r of registry.all()) {
    let versions = found.get(r.group);
    if (versions === undefined) found.set(r.group, (versions = new Map<string, Resource[]>()));
    const resources = versions.get(r.version);
    if (resources === undefined) versions.set(r.version, [r]);
    else resources.push(r);
  }
  const make = (name: string): GroupVersions => ({
    name,
    versions: [...(found.get(name) ?? new Map<string, Resource[]>())]
      .map(([version, resources]) => ({
        version,
        resources: resources.toSorted((a, b) => (a.resource < b.resource ? -1 : 1)),
      }))
      .sort((a, b) => compareVersions(a.version, b.version)),
  });
  const names = [...found.keys()].filter((name) => name !== '');
  const rank = (name: string): number => RANK.get(name) ?? ORDER.length;
  names.sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : a > b ? 1 : 0));
  return { core: make(''), groups: names.map(make) };
}

const versionOf = (group: string, version: string) => ({ groupVersion: apiVersionOf({ group, version }), version });
/** What the plain forms need of a group. */
type Named = { readonly name: string; readonly versions: readonly { readonly version: string }[] };
export const apiGroup = (g: Named) => ({
  name: g.name,
  versions: g.versions.map((v) => versionOf(g.name, v.version)),
  preferredVersion: versionOf(g.name, g.versions[0]!.version),
});
export const apiGroupList = (groups: readonly Named[]) => ({
  kind: 'APIGroupList',
  apiVersion: 'v1',
  groups: groups.map(apiGroup),
});
export const apiVersions = (server: string) => ({
  kind: 'APIVersions',
  versions: ['v1'],
  serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: server }],
});

export const apiResourceList = (group: string, version: string, resources: readonly Resource[]) => ({
  kind: 'APIResourceList',
  // The core group's list has none: it comes from a handler older than the others.
  ...(group !== '' && { apiVersion: 'v1' }),
  groupVersion: apiVersionOf({ group, version }),
  resources: resources.flatMap((r) => [plain(r), ...subresources(r).map((s) => plainSub(r, s))]),
});
const subresources = (r: Resource): Subresource[] =>
  r.definition.custom
    ? [...r.subresources.values()]
    : [...r.subresources.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
const plain = (r: Resource) => ({
  name: r.resource,
  singularName: r.singular,
  namespaced: r.namespaced,
  kind: r.kind,
  verbs: [...r.verbs],
  ...(r.shortNames.length > 0 && { shortNames: r.shortNames }),
  ...(r.categories.length > 0 && { categories: r.categories }),
  ...(r.storageVersionHash && { storageVersionHash: r.storageVersionHash }),
});
const plainSub = (r: Resource, s: Subresource) => ({
  name: `${r.resource}/${s.name}`,
  singularName: '',
  namespaced: r.namespaced,
  ...(s.responseVersion !== undefined && { group: s.responseGroup, version: s.responseVersion }),
  kind: s.kind,
  verbs: [...s.verbs],
});

export type AggregatedVersion = 'v2' | 'v2beta1';
/** Source: apiserver pkg/endpoints/discovery/aggregated. */
export const aggregated = (groups: readonly GroupVersions[], version: AggregatedVersion) => ({
  kind: 'APIGroupDiscoveryList',
  apiVersion: `apidiscovery.k8s.io/${version}`,
  metadata: {},
  items: groups.map(aggregatedGroup),
});
export const aggregatedGroup = (g: GroupVersions) => ({
  metadata: { ...(g.name !== '' && { name: g.name }) },
  versions: g.versions.map((v) => {
    const resources = v.elsewhere?.resources ?? v.resources.map((r) => aggregatedResource(r));
    return {
      version: v.version,
      ...(resources.length > 0 && { resources }),
      freshness: v.elsewhere?.isFresh === false ? 'Stale' : 'Current',
    };
  }),
});
/** Builtin kinds leave group and version of their own kind empty, custom ones say them. */
const ownKind = (r: Resource, kind: string) =>
  r.group === '' || RANK.has(r.group) ? { group: '', version: '', kind } : { group: r.group, version: r.version, kind };
const aggregatedResource = (r: Resource) => ({
  resource: r.resource,
  responseKind: ownKind(r, r.kind),
  scope: r.namespaced ? 'Namespaced' : 'Cluster',
  singularResource: r.singular,
  verbs: [...r.verbs],
  ...(r.shortNames.length > 0 && { shortNames: r.shortNames }),
  ...(r.categories.length > 0 && { categories: r.categories }),
  ...(r.subresources.size > 0 && {
    subresources: subresources(r).map((s) => ({
      subresource: s.name,
      responseKind:
        s.responseVersion === undefined
          ? ownKind(r, s.kind)
          : { group: s.responseGroup ?? '', version: s.responseVersion, kind: s.kind },
      verbs: [...s.verbs],
    })),
  }),
});
