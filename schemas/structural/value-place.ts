import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { fieldPath } from '../meta/field.ts';

/** What was there before; undefined where nothing can be told to be the same thing as now. */
export type Old = { readonly value: unknown } | undefined;

export interface Place {
  readonly root: string;
  /** Below root; as the texts print it: `spec.size`, `.labels.a`. */
  readonly path: string;
  readonly old: Old;
}
/** As Go prints the path of a whole object. */
const NOWHERE = '<nil>';
export const fieldOf = ({ root, path }: Pick<Place, 'root' | 'path'>): ReturnType<typeof fieldPath> => {
  const below = path.startsWith('.') ? path.slice(1) : path;
  return fieldPath((root === '' || below === '' ? `${root}${below}` : `${root}.${below}`) || NOWHERE);
};
export const below = (at: Place, name: string): Place => ({
  root: at.root,
  path: `${at.path}.${name}`,
  old: oldOf(at, name),
});
export const property = (at: Place, name: string): Place =>
  at.path === '' ? { root: at.root, path: name, old: oldOf(at, name) } : below(at, name);
function oldOf({ old, root, path }: Place, name: string): Old {
  const before = old?.value;
  if (typeof before !== 'object' || before === null || Array.isArray(before) || !Object.hasOwn(before, name))
    return undefined;
  if (root === '' && path === '' && TYPE_META.has(name)) return undefined;
  return { value: (before as Record<string, unknown>)[name] };
}
const TYPE_META = new Set(['apiVersion', 'kind', 'metadata']);
/** Only items of lists with keys can be told to be the same. Source: apiserver pkg/cel/common CorrelatedObject. */
export function oldItem({ old }: Place, schema: JSONSchemaProps, item: unknown): Old {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old?.value)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  let known = keyed.get(old);
  if (known === undefined) {
    known = new Map();
    for (const one of old.value as unknown[]) {
      const key = keyOf(one, keys);
      if (!known.has(key)) known.set(key, { value: one });
    }
    keyed.set(old, known);
  }
  return known.get(keyOf(item, keys));
}
/** The items of old lists by their keys, which are scalars. */
const keyed = new WeakMap<NonNullable<Old>, Map<string, NonNullable<Old>>>();
const keyOf = (of: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => (of as Record<string, unknown> | null)?.[key] ?? null));
