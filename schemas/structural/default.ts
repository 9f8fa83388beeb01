import { planOf, type Plan, type StructPlan } from './plan.ts';
import type { FieldSchema, SchemaSet } from './schema.ts';

/**
 * Fills in what Go always prints and the static defaults of the facts, in place, into structs made since decode();
 * returns the object. decode() has done the same for what it read.
 */
export function applyDefaults<T extends object>(object: T, schema: FieldSchema, set: SchemaSet): T {
  fill(object, planOf(schema, set));
  return object;
}
function fill(value: unknown, plan: Plan): void {
  if (typeof value !== 'object' || value === null) return;
  if (plan.kind === 'struct') fillStruct(value as Record<string, unknown>, plan);
  else if (plan.kind === 'list') for (const item of value as unknown[]) fill(item, plan.items);
  else if (plan.kind === 'map') for (const item of Object.values(value)) fill(item, plan.values);
}
function fillStruct(value: Record<string, unknown>, plan: StructPlan): void {
  for (const field of plan.fields) {
    let given = value[field.name];
    if (given === undefined || given === null) {
      if (field.default !== undefined) given = field.default;
      else if (!field.always) continue;
      else given = field.plan.kind === 'struct' && !field.pointer ? {} : field.zero;
      value[field.name] = given;
    }
    if (typeof given === 'object') fill(given, field.plan);
  }
}
