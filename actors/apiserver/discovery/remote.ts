import type { APIService } from '../../../schemas/generated/apiregistration-v1.ts';
import type { Registry } from '../../../schemas/resource.ts';
import type { CacheReader, PathHandler } from '../request.ts';
import { compareVersions } from '../../../schemas/meta/versions.ts';

/** Groups that other servers serve, by the APIServices that point at a Service. */
export interface RemoteGroups {
  /** Versions of each, preferred first; groups by falling priority. */
  list(): readonly { readonly name: string; readonly versions: readonly string[] }[];
  has(group: string, version: string): boolean;
  onChange(listener: () => void): void;
}
/** Source: kube-aggregator pkg/apiserver (handler_apis.go, apiservice helpers). */
export function createRemoteGroups(registry: Registry, cache: CacheReader): RemoteGroups {
  const resource = registry.lookup({ group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' })!;
  const listeners = new Set<() => void>();
  let known: ReturnType<typeof read> | undefined;
  cache.onChange(resource, (object, old) => {
    const remote = (o: unknown): boolean => Boolean((o as APIService | undefined)?.spec?.service);
    if (!remote(object) && !remote(old)) return;
    known = undefined;
    for (const listener of listeners) listener();
  });
  const read = () => {
    const groups = new Map<string, { name: string; priority: number; versions: Map<string, number> }>();
    for (const { spec } of cache.list<APIService>(resource)) {
      if (!spec?.service || !spec.group || !spec.version) continue;
      const group = groups.get(spec.group) ?? { name: spec.group, priority: 0, versions: new Map<string, number>() };
      group.priority = Math.max(group.priority, spec.groupPriorityMinimum);
      groups.set(spec.group, group);
      group.versions.set(spec.version, spec.versionPriority);
    }
    return [...groups.values()]
      .sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1))
      .map(({ name, versions }) => ({
        name,
        versions: [...versions].sort(([a, x], [b, y]) => y - x || compareVersions(a, b)).map(([version]) => version),
      }));
  };
  const list = () => (known ??= read());
  return {
    list,
    has: (group, version) => list().some((g) => g.name === group && g.versions.includes(version)),
    onChange: (listener) => void listeners.add(listener),
  };
}

/**
 * Answers below `/apis/<group>/<version>` for groups of other servers: that they are out of reach, for nothing is handed
 * on to them yet.
 */
export function createRemoteHandler(remote: RemoteGroups): PathHandler {
  return ({ path }) => {
    const [, root, group = '', version = ''] = path.split('/');
    if (root !== 'apis' || version === '' || !remote.has(group, version)) return undefined;
    const headers = { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' };
    return { code: 503, headers, body: 'service unavailable\n' };
  };
}
