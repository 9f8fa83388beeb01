import { planOf, type FieldPlan, type Plan, type StructPlan } from './plan.ts';
import type { FieldSchema, SchemaSet } from './schema.ts';

/** Where an object's empty lists and maps are to go: `print`, those that Go's encoder leaves out; `store`, all that protobuf cannot say. */
export type Leaving = 'print' | 'store';
type Struct = Readonly<Record<string, unknown>>;

/**
 * The object without its empty lists and maps, as it is printed (which keeps those of fields that are printed always)
 * or as it comes back from the store (where these are null then). What holds none is shared with the given one, which is
 * not changed. Source: encoding/json omitempty; the generated protobuf of k8s.io/api.
 */
export function withoutEmpties<T extends object>(object: T, schema: FieldSchema, set: SchemaSet, leaving: Leaving): T {
  // What came by a schema of its own is kept as it is.
  return schema.read ? object : (strip(object, planOf(schema, set), leaving) as T);
}
function strip(value: unknown, plan: Plan, leaving: Leaving): unknown {
  if (typeof value !== 'object' || value === null) return value;
  switch (plan.kind) {
    case 'struct':
      return stripStruct(value as Struct, plan, leaving);
    case 'list':
      return isScalar(plan.items) ? value : stripItems(value as readonly unknown[], plan.items, leaving);
    case 'map':
      return isScalar(plan.values) ? value : stripValues(value as Struct, plan.values, leaving);
    case 'either':
      return Array.isArray(value)
        ? plan.other === 'list' ? stripItems(value, plan.object(), leaving) : value
        : strip(value, plan.object(), leaving); // prettier-ignore
    default:
      return value;
  }
}
const isScalar = ({ kind }: Plan): boolean =>
  kind !== 'struct' && kind !== 'list' && kind !== 'map' && kind !== 'either';

function stripStruct(value: Struct, plan: StructPlan, leaving: Leaving): Struct {
  let out: Record<string, unknown> | undefined;
  for (const field of plan.fields) {
    const given = value[field.name];
    if (typeof given !== 'object' || given === null) continue;
    const kept = isEmptyOf(given, field.plan) ? withoutOne(given, field, leaving) : strip(given, field.plan, leaving);
    if (kept === given) continue;
    out ??= { ...value };
    if (kept === undefined) delete out[field.name];
    else out[field.name] = kept;
  }
  return out ?? value;
}
function withoutOne(given: object, field: FieldPlan, leaving: Leaving): unknown {
  if (!field.always) return field.pointer ? given : undefined;
  return leaving === 'store' ? field.zero : given;
}
function stripItems(list: readonly unknown[], items: Plan, leaving: Leaving): readonly unknown[] {
  const out = list.map((item) => strip(item, items, leaving));
  return out.some((item, i) => item !== list[i]) ? out : list;
}
function stripValues(map: Struct, values: Plan, leaving: Leaving): Struct {
  const out = Object.entries(map).map(([key, value]): [string, unknown] => [
    key,
    leaving === 'store' && isEmptyOf(value, values) ? null : strip(value, values, leaving),
  ]);
  return out.some(([key, value]) => value !== map[key]) ? Object.fromEntries(out) : map;
}
/** Whether it is an empty list or map, not a struct without fields. */
export function isEmptyOf(value: unknown, plan: Plan): boolean {
  if (plan.kind === 'list') return (value as readonly unknown[] | null)?.length === 0;
  if (plan.kind !== 'map' || value === null) return false;
  for (const _ in value as object) return false;
  return true;
}
