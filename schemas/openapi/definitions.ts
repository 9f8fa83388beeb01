import type { FieldSchema, SchemaSet } from '../structural/schema.ts';
import type { Describe, Description } from './descriptions.ts';

export type Json = Record<string, unknown>;
/** The two dialects: v2 cannot say `oneOf`, defaults or more than `$ref` on a reference. */
export interface Dialect {
  readonly version: 2 | 3;
  /** `#/definitions/` or `#/components/schemas/`. */
  readonly prefix: string;
}
export const V2: Dialect = { version: 2, prefix: '#/definitions/' };
export const V3: Dialect = { version: 3, prefix: '#/components/schemas/' };

/** One schema as a JSON Schema object of the dialect; names it refers to are added to `refs`. */
export function schemaObject(
  schema: FieldSchema,
  dialect: Dialect,
  refs: Set<string>,
  description?: string,
  withFields = true,
): Json {
  const out: Json = {};
  if (description) out['description'] = description;
  if (schema.ref !== undefined) {
    refs.add(schema.ref);
    const $ref = dialect.prefix + schema.ref;
    if (dialect.version === 2) out['$ref'] = $ref;
    else {
      if (schema.default !== undefined) out['default'] = schema.default;
      if (Object.keys(schema).every((key) => key === 'ref') && description === undefined) return { $ref };
      out['allOf'] = [{ $ref }];
    }
    return Object.assign(out, extensions(schema));
  }
  if (dialect.version === 2 && schema.oneOf !== undefined) {
    out['type'] = 'string';
    if (schema.format !== undefined) out['format'] = schema.format;
    return out;
  }
  if (schema.type !== undefined) out['type'] = schema.type;
  if (schema.format !== undefined) out['format'] = schema.format;
  if (schema.oneOf !== undefined) out['oneOf'] = schema.oneOf.map(({ type }) => ({ type }));
  if (schema.required !== undefined) out['required'] = schema.required;
  if (schema.enum !== undefined) out['enum'] = schema.enum;
  if (dialect.version === 3 && schema.default !== undefined) out['default'] = schema.default;
  if (schema.items !== undefined) out['items'] = schemaObject(schema.items, dialect, refs);
  if (schema.values !== undefined) out['additionalProperties'] = schemaObject(schema.values, dialect, refs);
  if (schema.fields !== undefined && withFields)
    out['properties'] = propertiesObject(schema.fields, dialect, refs, undefined, undefined);
  return Object.assign(out, extensions(schema));
}
function extensions(schema: FieldSchema): Json {
  const out: Json = {};
  if (schema.gvks !== undefined) out['x-kubernetes-group-version-kind'] = schema.gvks;
  if (schema.listMapKeys !== undefined) out['x-kubernetes-list-map-keys'] = schema.listMapKeys;
  if (schema.listType !== undefined) out['x-kubernetes-list-type'] = schema.listType;
  if (schema.mapType !== undefined) out['x-kubernetes-map-type'] = schema.mapType;
  if (schema.patchMergeKey !== undefined) out['x-kubernetes-patch-merge-key'] = schema.patchMergeKey;
  if (schema.patchStrategy !== undefined) out['x-kubernetes-patch-strategy'] = schema.patchStrategy;
  if (schema.unions !== undefined) out['x-kubernetes-unions'] = schema.unions;
  return out;
}

/** A named definition with its fields in alphabetical order, as the published documents have them. */
export function definitionObject(
  name: string,
  schema: FieldSchema,
  dialect: Dialect,
  refs: Set<string>,
  describe: Describe | undefined,
): Json {
  const about = describe?.(name);
  const out = schemaObject(schema, dialect, refs, about?.text, false);
  if (schema.fields === undefined) return out;
  out['properties'] = propertiesObject(schema.fields, dialect, refs, about, describe);
  return out;
}
function propertiesObject(
  fields: Readonly<Record<string, FieldSchema>>,
  dialect: Dialect,
  refs: Set<string>,
  about: Description | undefined,
  describe: Describe | undefined,
): Json {
  const properties: Json = {};
  for (const name of Object.keys(fields).sort()) {
    const field = fields[name]!;
    // Declarations do not describe fields of a named type: what the type is for serves as well.
    const text = about?.fields.get(name) || (field.ref === undefined ? undefined : describe?.(field.ref)?.text);
    properties[name] = schemaObject(field, dialect, refs, text);
  }
  return properties;
}

/** The definitions named and all they refer to, by name. */
export function closure(
  names: Iterable<string>,
  set: SchemaSet,
  dialect: Dialect,
  describe: Describe | undefined,
): Map<string, Json> {
  const done = new Map<string, Json>();
  const todo = [...names];
  while (todo.length > 0) {
    const name = todo.pop()!;
    if (done.has(name)) continue;
    const schema = set.definition(name);
    if (schema === undefined) continue;
    const refs = new Set<string>();
    done.set(name, definitionObject(name, schema, dialect, refs, describe));
    todo.push(...refs);
  }
  return new Map([...done].sort(([a], [b]) => (a < b ? -1 : 1)));
}
