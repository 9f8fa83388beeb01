import { builtinSchemas } from '../structural/builtin.ts';
import { planOf, type Plan, type StructPlan } from '../structural/plan.ts';
import type { FieldSchema } from '../structural/schema.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Wrap = (inner: Json) => Json;
export interface Mutilated {
  readonly whole: unknown;
  /** The same with a part left out, null, empty or alone. */
  readonly object: unknown;
  /** Where, and what was done there. */
  readonly what: string;
}
/** How deep the fields of a struct are filled in. */
const DEPTH = 2;

/**
 * For each field of each definition below a schema, once: a small object with all fields of that definition, and the same
 * with that field left out, null, empty, with null in it, or alone. `seen` remembers definitions.
 */
export const mutilated = (schema: FieldSchema, seen: Set<string>): Generator<Mutilated> =>
  below(planOf(schema, builtinSchemas), (inner) => inner, '', seen);

function* below(plan: Plan, wrap: Wrap, path: string, seen: Set<string>): Generator<Mutilated> {
  if (plan.kind === 'struct') yield* ofStruct(plan, wrap, path, seen);
  else if (plan.kind === 'list') yield* below(plan.items, (inner) => wrap([inner]), `${path}[]`, seen);
  else if (plan.kind === 'map') yield* below(plan.values, (inner) => wrap({ x: inner }), `${path}.*`, seen);
}
function* ofStruct(plan: StructPlan, wrap: Wrap, path: string, seen: Set<string>): Generator<Mutilated> {
  if (seen.has(plan.goType)) return;
  seen.add(plan.goType);
  const here = filled(plan, DEPTH) as { [key: string]: Json };
  const whole = wrap(here);
  const change = (to: Json, how: string): Mutilated => ({ whole, object: wrap(to), what: `${path}: ${how}` });
  yield change({}, 'empty');
  for (const { name, plan: inner } of plan.fields) {
    const { [name]: value, ...others } = here;
    if (value === undefined) continue;
    yield change(others, `without ${name}`);
    if (path !== '') yield change({ [name]: value }, `only ${name}`);
    if (inner.kind !== 'struct' && inner.kind !== 'list' && inner.kind !== 'map') continue;
    yield change({ ...here, [name]: null }, `${name} null`);
    yield change({ ...here, [name]: inner.kind === 'list' ? [] : {} }, `${name} empty`);
    if (inner.kind !== 'struct')
      yield change({ ...here, [name]: inner.kind === 'list' ? [null] : { x: null } }, `${name} with null`);
    yield* below(inner, (part) => wrap({ [name]: part }), `${path}.${name}`, seen);
  }
}
function filled(plan: Plan, depth: number): Json {
  switch (plan.kind) {
    case 'struct':
      return depth === 0 ? {} : Object.fromEntries(plan.fields.map((f) => [f.name, filled(f.plan, depth - 1)]));
    case 'list':
      return [filled(plan.items, depth)];
    case 'map':
      return { x: filled(plan.values, depth) };
    case 'boolean':
      return true;
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 1;
    case 'quantity':
      return '1';
    case 'time':
      return '2020-01-02T03:04:05Z';
    case 'microTime':
      return '2020-01-02T03:04:05.000006Z';
    case 'bytes':
      return 'eA==';
    case 'raw':
      return {};
    default:
      return 'x';
  }
}
