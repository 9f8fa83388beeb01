import { compareVersions } from '../../../schemas/meta/versions.ts';
import type { GroupVersions } from './documents.ts';

/** What other API servers serve. */
export interface ElsewhereGroups {
  /** `resources` as an APIVersionDiscovery has them. */
  list(): readonly { readonly group: string; readonly version: string; readonly resources: readonly object[]; readonly isFresh: boolean }[];
  /** Of all APIServices, also those of this server. */
  priorities(): readonly Priority[];
  onChange(listener: () => void): void;
} // prettier-ignore
interface Priority {
  readonly group: string;
  readonly version: string;
  readonly groupPriority: number;
  readonly versionPriority: number;
}
/** What custom kinds have. Source: kubernetes pkg/controlplane/controller/crdregistration. */
const CUSTOM = { groupPriority: 1000, versionPriority: 100 };
const FIRST = 'apiregistration.k8s.io';

/**
 * The groups of this server and of others, in the order of their priorities: `plain` as /apis lists them, `byName` as
 * aggregated discovery does, where equal ones are ordered by the group's name.
 * Source: kube-aggregator pkg/apis/apiregistration/v1/helper SortedByGroupAndVersion; apiserver pkg/endpoints/discovery/aggregated.
 */
export function withElsewhere(own: readonly GroupVersions[], elsewhere: ElsewhereGroups): { plain: readonly GroupVersions[]; byName: readonly GroupVersions[] } {
  const remote = elsewhere.list();
  if (remote.length === 0) return { plain: own, byName: own };
  const groups = new Map(own.map((g) => [g.name, new Map(g.versions.map((v) => [v.version, v]))]));
  for (const { group, version, resources, isFresh } of remote) {
    const versions = groups.get(group) ?? new Map<string, GroupVersions['versions'][number]>();
    groups.set(group, versions.set(version, { version, resources: [], elsewhere: { resources, isFresh } }));
  }
  const known = new Map(elsewhere.priorities().map((p) => [`${p.version}.${p.group}`, p]));
  const of = (group: string, version: string) => known.get(`${version}.${group}`) ?? CUSTOM;
  const all = [...groups].map(([name, versions]) => {
    const sorted = [...versions.values()].sort(
      (a, b) => of(name, b.version).versionPriority - of(name, a.version).versionPriority || compareVersions(a.version, b.version),
    );
    const priority = Math.max(...sorted.map((v) => of(name, v.version).groupPriority), name === FIRST ? Infinity : 0);
    const key = sorted.map((v) => `${v.version}.${name}`).sort()[0]!;
    return { name, versions: sorted, priority, key };
  });
  const ordered = (key: 'key' | 'name'): GroupVersions[] =>
    all.toSorted((a, b) => (a.priority === b.priority ? (a[key] < b[key] ? -1 : 1) : b.priority - a.priority));
  return { plain: ordered('key'), byName: ordered('name') };
} // prettier-ignore
