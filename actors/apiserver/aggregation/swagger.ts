import { sameJson } from '../../../schemas/patch/values.ts';

/** An OpenAPI v2 document, as much of it as matters where documents are merged. */
export interface Swagger {
  readonly paths?: Readonly<Record<string, unknown>>;
  readonly definitions?: Readonly<Record<string, unknown>>;
  readonly [more: string]: unknown;
}
const PREFIX = '#/definitions/';

/** Only what is below a path, less the definitions that nothing needs then. Source: kube-openapi pkg/aggregator FilterSpecByPaths. */
export function onlyBelow(spec: Swagger, prefix: string): Swagger {
  const paths = Object.fromEntries(Object.entries(spec.paths ?? {}).filter(([path]) => path.startsWith(prefix)));
  const definitions = spec.definitions ?? {};
  const before = used(spec.paths, definitions);
  const after = used(paths, definitions);
  return {
    ...spec,
    paths,
    // What nothing had needed before stays.
    definitions: Object.fromEntries(
      Object.entries(definitions).filter(([name]) => after.has(name) || !before.has(name)),
    ),
  };
}
/** Definitions that are referred to, and those these refer to. */
function used(from: unknown, definitions: Readonly<Record<string, unknown>>): Set<string> {
  const found = new Set<string>();
  const waiting: unknown[] = [from];
  while (waiting.length > 0) {
    const value = waiting.pop();
    if (typeof value !== 'object' || value === null) continue;
    for (const [key, inner] of Object.entries(value)) {
      const name = key === '$ref' && typeof inner === 'string' && inner.startsWith(PREFIX) ? inner.slice(PREFIX.length) : undefined;
      if (name === undefined) waiting.push(inner);
      else if (!found.has(name)) {
        found.add(name);
        waiting.push(definitions[name]);
      }
    }
  }
  return found;
} // prettier-ignore

/**
 * A document with another's paths and definitions. A path that is there stays as it is; a definition of a name that is
 * taken by a different one gets another. Source: kube-openapi pkg/aggregator MergeSpecsIgnorePathConflictRenamingDefinitionsAndParameters.
 */
export function mergeSpecs(into: Swagger, from: Swagger): Swagger {
  const definitions: Record<string, unknown> = { ...into.definitions };
  const renamed = new Map<string, string>();
  const taken = new Map<string, unknown>();
  for (const [name, definition] of Object.entries(from.definitions ?? {})) {
    let own = name;
    for (let n = 2; Object.hasOwn(definitions, own) && !sameJson(definitions[own], definition); n++) own = `${name}_v${n}`;
    if (own !== name) renamed.set(name, own);
    taken.set(own, definition);
  }
  for (const [name, definition] of taken) definitions[name] ??= withNames(definition, renamed);
  const paths: Record<string, unknown> = { ...into.paths };
  for (const [path, item] of Object.entries(from.paths ?? {})) if (!Object.hasOwn(paths, path)) paths[path] = withNames(item, renamed);
  return { ...into, paths: byKey(paths), definitions: byKey(definitions) };
} // prettier-ignore
const byKey = (map: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
function withNames(value: unknown, renamed: ReadonlyMap<string, string>): unknown {
  if (renamed.size === 0 || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => withNames(item, renamed));
  return Object.fromEntries(
    Object.entries(value as Record<string, unknown>).map(([key, inner]) => {
      const name = key === '$ref' && typeof inner === 'string' ? renamed.get(inner.slice(PREFIX.length)) : undefined;
      return [key, name === undefined ? withNames(inner, renamed) : PREFIX + name];
    }),
  );
}
