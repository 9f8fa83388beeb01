import { planOf, type Plan, type StructPlan } from './plan.ts';
import type { FieldSchema, SchemaSet } from './schema.ts';

type Json = Readonly<Record<string, unknown>>;
const places = new WeakMap<StructPlan, ReadonlyMap<string, number>>();
function placesOf(plan: StructPlan): ReadonlyMap<string, number> {
  let known = places.get(plan);
  if (known === undefined) places.set(plan, (known = new Map(plan.fields.map(({ name }, i) => [name, i]))));
  return known;
}

/**
 * The object with its members as Go prints them: those of structs in the order of their fields, those of maps by name.
 * What is in order already is returned as it is; nothing is changed in place.
 */
export const inGoOrder = <T extends object>(object: T, schema: FieldSchema, set: SchemaSet): T =>
  arranged(object, planOf(schema, set)) as T;

function arranged(value: unknown, plan: Plan): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (plan === ANY) return Array.isArray(value) ? list(value, ANY) : map(value as Json, ANY);
  switch (plan.kind) {
    case 'struct':
      return struct(value as Json, plan);
    case 'list':
      return Array.isArray(value) ? list(value, plan.items) : value;
    case 'map':
      return map(value as Json, plan.values);
    case 'either':
      return Array.isArray(value) ? list(value, plan.object()) : struct(value as Json, plan.object() as StructPlan);
    default:
      return plan.goType === 'v1.JSON' ? arranged(value, ANY) : value;
  }
}
function list(items: readonly unknown[], plan: Plan): readonly unknown[] {
  if (plan !== ANY && plan.kind !== 'struct' && plan.kind !== 'map' && plan.kind !== 'list' && plan.kind !== 'either')
    return items;
  let out: unknown[] | undefined;
  for (const [i, item] of items.entries()) {
    const better = arranged(item, plan);
    if (better !== item) (out ??= [...items])[i] = better;
  }
  return out ?? items;
}
function struct(object: Json, plan: StructPlan): Json {
  const order = placesOf(plan);
  let last = -1;
  let sorted = true;
  let changed: Record<string, unknown> | undefined;
  for (const name in object) {
    const at = order.get(name);
    if (at === undefined || at < last) sorted = false;
    else last = at;
    if (at === undefined) continue;
    const value = object[name];
    const better = name === 'fieldsV1' ? byName(value) : arranged(value, plan.fields[at]!.plan);
    if (better !== value) (changed ??= {})[name] = better;
  }
  if (sorted && changed === undefined) return object;
  const out: Record<string, unknown> = {};
  const of: Json = changed === undefined ? object : { ...object, ...changed };
  // What is no field of the struct, such as kind and apiVersion of some, goes before.
  for (const name in of) if (!order.has(name)) out[name] = of[name];
  for (const { name } of plan.fields) if (Object.hasOwn(of, name)) out[name] = of[name];
  return out;
}
function map(object: Json, plan: Plan): Json {
  let last = '';
  let sorted = true;
  let changed: Record<string, unknown> | undefined;
  for (const key of Object.keys(object)) {
    if (key < last) sorted = false;
    last = key;
    const value = object[key];
    const better = arranged(value, plan);
    if (better !== value) define((changed ??= {}), key, better);
  }
  if (sorted && changed === undefined) return object;
  return pick(changed === undefined ? object : { ...object, ...changed });
}
/** JSON without a schema, all its members by name: how Go prints maps. */
export const byName = <T>(value: T): T => arranged(value, ANY) as T;
const ANY: Plan = { kind: 'raw', goType: '' };
function pick(of: Json): Json {
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(of).sort()) define(out, key, of[key]);
  return out;
}
function define(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__')
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  else object[key] = value;
}
