import goFacts from '../facts/go-fields.json' with { type: 'json' };
import facts from '../facts/schema.json' with { type: 'json' };
import type { FieldSchema, SchemaSet } from './schema.ts';

type Raw = Readonly<Record<string, FieldSchema>>;
const raw = facts as unknown as Raw;
const go = goFacts as Readonly<Record<string, string>>;
const known = new Map<string, FieldSchema | undefined>();

/** A definition with its fields in the order of the Go struct (the order of JSON keys) and Go's flags on each. */
function definition(name: string): FieldSchema | undefined {
  if (known.has(name)) return known.get(name);
  const schema = Object.hasOwn(raw, name) ? raw[name] : undefined;
  const order = go[name];
  const joined = schema?.fields && order ? { ...schema, fields: join(schema.fields, order) } : schema;
  known.set(name, joined);
  return joined;
}
/** `order` is space-separated: name, `*` pointer, `!` always printed, `?` omitted when zero, `:` and the Go type. */
function join(fields: Readonly<Record<string, FieldSchema>>, order: string): Record<string, FieldSchema> {
  const out: Record<string, FieldSchema> = {};
  for (const entry of order.split(' ')) {
    const [, name, flags, goType] = /^([^*!?:]+)([*!?]*):?(.*)$/.exec(entry)!;
    const field = fields[name!];
    if (field === undefined) continue;
    // A struct held by value is printed even when empty; so are times, as null.
    const byValue = field.ref !== undefined && !flags!.includes('*') && !flags!.includes('?');
    out[name!] = {
      ...field,
      ...(flags!.includes('*') && { pointer: true }),
      ...((flags!.includes('!') || byValue) && { always: true }),
      ...(goType && { goType }),
    };
  }
  return out;
}
const resolved = new WeakMap<FieldSchema, FieldSchema>();

/** The schemas of all builtin kinds. Source: Kubernetes' OpenAPI document and the tags of its Go structs. */
export const builtinSchemas: SchemaSet = {
  definition,
  resolve(schema) {
    if (schema.ref === undefined) return schema;
    let out = resolved.get(schema);
    if (out === undefined) {
      const { ref, ...own } = schema;
      out = { ...definition(ref), ...own };
      resolved.set(schema, out);
    }
    return out;
  },
};
