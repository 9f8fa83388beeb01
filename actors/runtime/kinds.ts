import type { CustomResourceDefinition } from '../../schemas/generated/apiextensions-v1.ts';
import type { GroupVersionResource } from '../../schemas/meta/object.ts';
import { builtinKinds } from '../../schemas/builtin-kinds.ts';
import { elsewhereKinds } from './elsewhere-kinds.ts';
import { createInformer, type Informers } from './informer.ts';

/** A kind of object as those see it who treat all kinds alike: the garbage collector, the namespace controller. */
export interface Kind {
  readonly gvr: GroupVersionResource;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly verbs: ReadonlySet<string>;
}
export interface Kinds {
  /** Resolves when the custom kinds are known too, and those that other API servers serve. */
  readonly synced: Promise<void>;
  /** Each stored kind once, in one of its versions. */
  all(): Iterable<Kind>;
  /** By the apiVersion's group and kind, as owner references name them; any version. */
  byKind(group: string, kind: string): Kind | undefined;
  /** `group/version` of other API servers that do not say what they serve: there may be kinds that are not known. */
  failing(): readonly string[];
  /** Asks other API servers again what they serve, if there are any. */
  refresh(): Promise<void>;
  /** Called with each kind now and when it comes; returns what ends that. */
  on(handler: { readonly add: (kind: Kind) => void; readonly remove?: (kind: Kind) => void }): () => void;
}
export const customResourceDefinitions: GroupVersionResource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  resource: 'customresourcedefinitions',
};
const CUSTOM_VERBS: ReadonlySet<string> = new Set(['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch']); // prettier-ignore

/** Definitions are large, for their schemas. A copy: what was read of a message would hold all of it. */
function namesOnly({ apiVersion, kind, metadata, spec, status }: CustomResourceDefinition): CustomResourceDefinition {
  const { name, uid, resourceVersion } = metadata;
  const { group, names, scope } = spec;
  const versions = spec.versions.map((v) => ({ name: v.name, served: v.served, storage: v.storage }));
  const kept = { apiVersion, kind, metadata: { name, uid, resourceVersion }, spec: { group, names, scope, versions }, status: { conditions: status?.conditions } };
  return JSON.parse(JSON.stringify(kept)) as CustomResourceDefinition;
} // prettier-ignore

const shared = new WeakMap<Informers, Kinds>();
/** All kinds of the cluster: the builtin ones, those that CustomResourceDefinitions bring, those that other API servers serve. */
export function kindsOf(informers: Informers): Kinds {
  let kinds = shared.get(informers);
  if (!kinds) shared.set(informers, (kinds = createKinds(informers)));
  return kinds;
}
function createKinds(informers: Informers): Kinds {
  const builtin = new Map<string, Kind>();
  const byKind = new Map<string, Kind>();
  for (const kind of builtinKinds()) {
    if (!kind.verbs.has('delete') || !kind.verbs.has('list')) continue;
    // Versions and groups that share their objects (events, autoscaling) are one kind.
    const known = builtin.get(kind.storagePrefix);
    if (!known) builtin.set(kind.storagePrefix, kind);
    const name = `${kind.gvr.group}/${kind.kind}`;
    if (!byKind.has(name)) byKind.set(name, known ?? kind);
  }
  const custom = new Map<string, Kind>();
  const handlers = new Set<Parameters<Kinds['on']>[0]>();
  const { client, world, signal } = informers;
  const crds = createInformer<CustomResourceDefinition>({
    client,
    world,
    gvr: customResourceDefinitions,
    transform: namesOnly,
  });
  signal.addEventListener('abort', () => crds.stop(), { once: true });

  function drop(crd: CustomResourceDefinition): void {
    const kind = custom.get(crd.metadata.name!);
    if (!kind) return;
    custom.delete(crd.metadata.name!);
    byKind.delete(`${kind.gvr.group}/${kind.kind}`);
    for (const h of handlers) h.remove?.(kind);
  }
  function put(crd: CustomResourceDefinition): void {
    const { group, names, scope, versions } = crd.spec;
    const isEstablished = crd.status?.conditions?.some((c) => c.type === 'Established' && c.status === 'True') ?? false;
    const version = (versions.find((v) => v.served && v.storage) ?? versions.find((v) => v.served))?.name;
    const present = custom.get(crd.metadata.name!);
    if (!isEstablished || version === undefined) return drop(crd);
    if (present?.gvr.version === version && present.kind === names.kind) return;
    drop(crd);
    const gvr = { group, version, resource: names.plural };
    const kind: Kind = { gvr, kind: names.kind, namespaced: scope === 'Namespaced', verbs: CUSTOM_VERBS };
    custom.set(crd.metadata.name!, kind);
    byKind.set(`${group}/${names.kind}`, kind);
    for (const h of handlers) h.add(kind);
  }
  crds.on({ add: put, update: put, delete: drop });
  const elsewhere = elsewhereKinds(informers, {
    add: (kind) => {
      const name = `${kind.gvr.group}/${kind.kind}`;
      if (!byKind.has(name)) byKind.set(name, kind);
      for (const h of handlers) h.add(kind);
    },
    remove: (kind) => {
      const name = `${kind.gvr.group}/${kind.kind}`;
      if (byKind.get(name) === kind) byKind.delete(name);
      for (const h of handlers) h.remove?.(kind);
    },
  });

  return {
    synced: Promise.all([crds.synced, elsewhere.synced]).then(() => undefined),
    *all() {
      yield* builtin.values();
      yield* custom.values();
      yield* elsewhere.all();
    },
    byKind: (group, kind) => byKind.get(`${group}/${kind}`),
    failing: elsewhere.failing,
    refresh: elsewhere.refresh,
    on(handler) {
      for (const kind of this.all()) handler.add(kind);
      handlers.add(handler);
      return () => void handlers.delete(handler);
    },
  };
}
