import { definitions } from './definitions.ts';
import { defineResource, type ResourceDefinition } from './define.ts';
import resourceFacts from './facts/resources.json' with { type: 'json' };
import tableFacts from './facts/tables.json' with { type: 'json' };
import { apiVersionOf, parseApiVersion, type GroupVersionKind, type GroupVersionResource } from './meta/object.ts';
import type { Column, Registry, Resource, Subresource } from './resource.ts';
import { schemaNameOf } from './schema-names.ts';
import { builtinStoragePrefix } from './storage-prefix.ts';
import { builtinSchemas } from './structural/builtin.ts';
import type { FieldSchema } from './structural/schema.ts';

export { schemaNameOf } from './schema-names.ts';
export { builtinSchemas } from './structural/builtin.ts';

/** An entry of facts/resources.json; a `/` in the name makes it a subresource. */
interface ResourceFact {
  readonly groupVersion: string;
  readonly name: string;
  readonly kind: string;
  readonly namespaced: boolean;
  readonly singular: string;
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly storageVersionHash?: string;
}
const facts = resourceFacts as readonly ResourceFact[];
const tables = tableFacts as Readonly<Record<string, readonly Column[]>>;

/** Bodies of subresources whose group and version are not the resource's. */
const FOREIGN_KINDS: Readonly<Record<string, { responseGroup: string; responseVersion: string }>> = {
  Scale: { responseGroup: 'autoscaling', responseVersion: 'v1' },
  Eviction: { responseGroup: 'policy', responseVersion: 'v1' },
  TokenRequest: { responseGroup: 'authentication.k8s.io', responseVersion: 'v1' },
};
const EMPTY: FieldSchema = { type: 'object' };
const COLUMNS: readonly Column[] = [
  { name: 'Name', type: 'string', format: 'name', priority: 0 },
  { name: 'Age', type: 'string', format: '', priority: 0 },
];
const gvrKey = (g: GroupVersionResource): string => `${g.group}/${g.version}/${g.resource}`;
const gvkKey = (g: GroupVersionKind): string => `${g.group}/${g.version}/${g.kind}`;

/** The definition of a served version: its own, or that of the version it is converted to. */
function definitionOf(group: string, version: string, resource: string): ResourceDefinition {
  const apiVersion = apiVersionOf({ group, version });
  return (
    definitions.find((d) => d.resource === resource && d.group === group && d.version === version) ??
    definitions.find((d) => d.resource === resource && d.conversions && Object.hasOwn(d.conversions, apiVersion)) ??
    defineResource({ group, version, resource })
  );
}

/** What readers of another version than the stored one use, on the object as they see it. */
function seenAs(definition: ResourceDefinition, apiVersion: string): ResourceDefinition {
  const conversion = definition.conversions?.[apiVersion];
  if (conversion === undefined || apiVersion === apiVersionOf(definition)) return definition;
  const { cells } = definition;
  const selectable = conversion.selectableFields ?? definition.selectableFields;
  return {
    ...definition,
    ...(cells && { cells: (object, now) => cells(conversion.toStorage(object), now) }),
    ...(selectable && {
      selectableFields: Object.fromEntries(
        Object.entries(selectable).map(([field, read]) => [field, (object) => read(conversion.toStorage(object))]),
      ),
    }),
  };
}

function join(fact: ResourceFact, subresources: ReadonlyMap<string, Subresource>): Resource {
  const { group, version } = parseApiVersion(fact.groupVersion);
  const definition = seenAs(definitionOf(group, version, fact.name), fact.groupVersion);
  const schemaName = schemaNameOf({ group, version, kind: fact.kind });
  return {
    group,
    version,
    resource: fact.name,
    kind: fact.kind,
    listKind: `${fact.kind}List`,
    singular: fact.singular,
    namespaced: fact.namespaced,
    verbs: new Set(fact.verbs),
    shortNames: fact.shortNames ?? [],
    categories: fact.categories ?? [],
    storageVersionHash: fact.storageVersionHash ?? '',
    get schema() {
      return builtinSchemas.definition(schemaName) ?? EMPTY;
    },
    subresources,
    columns: tables[`${fact.groupVersion} ${fact.name}`] ?? COLUMNS,
    definition,
    storagePrefix: definition.storagePrefix
      ? `/registry/${definition.storagePrefix}/`
      : builtinStoragePrefix(definition.group, fact.name),
    storageVersion: apiVersionOf(definition),
  };
}
function builtins(): Resource[] {
  const subresources = new Map<string, Map<string, Subresource>>();
  for (const { groupVersion, name, kind, verbs } of facts) {
    const slash = name.indexOf('/');
    if (slash < 0) continue;
    const of = `${groupVersion} ${name.slice(0, slash)}`;
    const own = subresources.get(of) ?? new Map<string, Subresource>();
    subresources.set(of, own);
    const sub = name.slice(slash + 1);
    own.set(sub, { name: sub, kind, verbs: new Set(verbs), ...FOREIGN_KINDS[kind] });
  }
  const none = new Map<string, Subresource>();
  return facts
    .filter((f) => !f.name.includes('/'))
    .map((f) => join(f, subresources.get(`${f.groupVersion} ${f.name}`) ?? none));
}

/** All builtin resources, in discovery order; custom ones are added at run time. */
export function createRegistry(): Registry {
  const byResource = new Map<string, Resource>();
  const byKind = new Map<string, Resource>();
  const byPrefix = new Map<string, Resource>();
  const listeners = new Set<() => void>();
  let list: readonly Resource[] | undefined;

  const insert = (r: Resource): void => {
    byResource.set(gvrKey(r), r);
    byKind.set(gvkKey(r), r);
    // Several versions share a prefix: the storage version speaks for it.
    if (apiVersionOf(r) === r.storageVersion || !byPrefix.has(r.storagePrefix)) byPrefix.set(r.storagePrefix, r);
    list = undefined;
  };
  const drop = (gvr: GroupVersionResource): boolean => {
    const r = byResource.get(gvrKey(gvr));
    if (r === undefined) return false;
    byResource.delete(gvrKey(gvr));
    if (byKind.get(gvkKey(r)) === r) byKind.delete(gvkKey(r));
    if (byPrefix.get(r.storagePrefix) === r) {
      const other = byResource.values().find((o) => o.storagePrefix === r.storagePrefix);
      if (other) byPrefix.set(r.storagePrefix, other);
      else byPrefix.delete(r.storagePrefix);
    }
    list = undefined;
    return true;
  };
  const changed = (): void => listeners.forEach((listener) => listener());
  builtins().forEach(insert);

  return {
    lookup: (gvr) => byResource.get(gvrKey(gvr)),
    byKind: (gvk) => byKind.get(gvkKey(gvk)),
    all: () => (list ??= [...byResource.values()]),
    byStorageKey(key) {
      // `/registry/pods/...` or one level deeper: `/registry/services/specs/...`.
      const first = key.indexOf('/', '/registry/'.length) + 1;
      if (first === 0) return undefined;
      return byPrefix.get(key.slice(0, first)) ?? byPrefix.get(key.slice(0, key.indexOf('/', first) + 1));
    },
    add(resource) {
      insert(resource);
      changed();
    },
    remove(gvr) {
      if (drop(gvr)) changed();
    },
    change(gone, come) {
      for (const gvr of gone) drop(gvr);
      for (const resource of come) insert(resource);
      if (gone.length + come.length > 0) changed();
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
