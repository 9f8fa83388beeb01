import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { copyJson } from '../meta/copy.ts';

/** What the server makes of an object of a custom kind: unknown fields dropped, nulls dropped, defaults filled in. */
type Json = Record<string, unknown>;
export const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const own = (map: Readonly<Record<string, JSONSchemaProps>> | undefined, name: string): JSONSchemaProps | undefined =>
  map !== undefined && Object.hasOwn(map, name) ? map[name] : undefined;
const META: ReadonlySet<string> = new Set(['apiVersion', 'kind', 'metadata']);

interface Pruning {
  readonly unknown: string[];
}
/**
 * A copy with only what the schema names; `unknown` lists the paths of what was dropped, sorted. The root and embedded
 * objects keep apiVersion, kind and metadata. Source: apiextensions-apiserver pkg/apiserver/schema/pruning.
 */
export function prune(
  value: unknown,
  schema: JSONSchemaProps | undefined,
): { value: unknown; unknown: readonly string[] } {
  const state: Pruning = { unknown: [] };
  const root = schema && { ...schema, 'x-kubernetes-embedded-resource': true };
  const out = walk(value, root, '', false, state);
  return { value: out, unknown: state.unknown.toSorted() };
}
/** `kept`: below x-kubernetes-preserve-unknown-fields, what no schema speaks of stays. */
function walk(
  value: unknown,
  schema: JSONSchemaProps | undefined,
  path: string,
  kept: boolean,
  state: Pruning,
): unknown {
  const preserves = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  const keeps = preserves || kept;
  if (Array.isArray(value)) {
    const items = schemaOf(schema?.items);
    return value.map((item, i) =>
      walk(item, items, `${path}[${i}]`, keeps && (preserves || items === undefined), state),
    );
  }
  if (!isObject(value)) return value;
  const out: Json = {};
  for (const name of Object.keys(value)) {
    const at = path === '' ? name : `${path}.${name}`;
    const inner = own(schema?.properties, name);
    const others = schema?.additionalProperties;
    if (schema?.['x-kubernetes-embedded-resource'] && META.has(name)) out[name] = copyJson(value[name]);
    else if (inner) out[name] = walk(value[name], inner, at, false, state);
    else if (schemaOf(others)) out[name] = walk(value[name], schemaOf(others), at, false, state);
    // Without a schema of the values there is nothing known in them.
    else if (others !== undefined) out[name] = walk(value[name], undefined, at, false, state);
    else if (keeps) out[name] = copyJson(value[name]);
    else if (path !== '' || !META.has(name)) state.unknown.push(at);
  }
  return out;
}

/** Whether pruning, dropping nulls and filling in defaults would leave a whole object as it is: most are so, and are not copied. */
export function isAsRead(object: object, schema: JSONSchemaProps): boolean {
  return isLeft(object, { ...schema, 'x-kubernetes-embedded-resource': true }, false, true);
}
function isLeft(value: unknown, schema: JSONSchemaProps | undefined, kept: boolean, isRoot: boolean): boolean {
  const preserves = schema?.['x-kubernetes-preserve-unknown-fields'] === true;
  const keeps = preserves || kept;
  if (Array.isArray(value)) {
    const items = schemaOf(schema?.items);
    const below = keeps && (preserves || items === undefined);
    return value.every((item) => !(items && isFilled(item, items)) && isLeft(item, items, below, false));
  }
  if (!isObject(value)) return true;
  const { properties, additionalProperties } = schema ?? {};
  const others = schemaOf(additionalProperties);
  for (const name of Object.keys(value)) {
    if (schema?.['x-kubernetes-embedded-resource'] && META.has(name)) continue;
    const inner = own(properties, name) ?? others;
    if (inner !== undefined) {
      if (isDropped(value[name], inner) || isFilled(value[name], inner)) return false;
      if (!isLeft(value[name], inner, false, false)) return false;
    } else if (additionalProperties !== undefined) {
      if (!isLeft(value[name], undefined, false, false)) return false;
    } else if (!keeps && !(isRoot && META.has(name))) return false;
  }
  for (const name in properties)
    if (properties[name]!.default !== undefined && properties[name]!.default !== null && !Object.hasOwn(value, name))
      return false;
  return true;
}
const isFilled = (value: unknown, schema: JSONSchemaProps): boolean =>
  value === null && !schema.nullable && schema.default !== undefined && schema.default !== null;

const isDropped = (value: unknown, schema: JSONSchemaProps | undefined): boolean =>
  value === null && schema !== undefined && !schema.nullable && schema.default === undefined;
/** Drops nulls that may not be and have no default, in place. Source: defaulting PruneNonNullableNullsWithoutDefaults. */
export function dropNulls(value: unknown, schema: JSONSchemaProps | undefined): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item, schemaOf(schema?.items));
  else if (isObject(value))
    for (const name of Object.keys(value)) {
      const inner = own(schema?.properties, name) ?? schemaOf(schema?.additionalProperties);
      if (isDropped(value[name], inner)) delete value[name];
      else dropNulls(value[name], inner);
    }
}
const wants = (value: unknown, schema: JSONSchemaProps): boolean => value === null && !schema.nullable;
/** Fills in defaults, in place; nulls that may not be count as absent. Source: apiextensions-apiserver pkg/apiserver/schema/defaulting. */
export function fillDefaults(value: unknown, schema: JSONSchemaProps | undefined): void {
  if (schema === undefined) return;
  if (Array.isArray(value)) {
    const items = schemaOf(schema.items);
    if (items === undefined) return;
    for (const [i, item] of value.entries()) {
      if (wants(item, items) && items.default !== undefined) value[i] = copyJson(items.default);
      fillDefaults(value[i], items);
    }
    return;
  }
  if (!isObject(value)) return;
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    if (inner.default === undefined || inner.default === null) continue;
    if (!Object.hasOwn(value, name) || wants(value[name], inner)) value[name] = copyJson(inner.default);
  }
  const others = schemaOf(schema.additionalProperties);
  for (const name of Object.keys(value)) {
    const inner = own(schema.properties, name);
    if (inner === undefined && others && wants(value[name], others)) value[name] = copyJson(others.default) ?? null;
    fillDefaults(value[name], inner ?? others);
  }
}
