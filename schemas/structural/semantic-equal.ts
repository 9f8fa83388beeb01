import { equal } from '../meta/equal.ts';
import { parseQuantity } from '../meta/quantity.ts';
import { builtinSchemas } from './builtin.ts';
import { planOf, type Plan } from './plan.ts';

type Struct = Readonly<Record<string, unknown>>;

/**
 * Deep equality of two values of a builtin definition, as Go's structs see them: empty lists and maps are absent ones,
 * quantities are equal by amount, but a pointer to an empty struct (`securityContext: {}`) is not an absent one.
 * Source: apimachinery pkg/api/equality Semantic.DeepEqual.
 */
export function sameStruct(a: unknown, b: unknown, definition: string): boolean {
  return same(a, b, planOf(builtinSchemas.definition(definition) ?? {}, builtinSchemas, definition));
}
function same(a: unknown, b: unknown, plan: Plan): boolean {
  if (a === b) return true;
  switch (plan.kind) {
    case 'struct':
      return plan.fields.every((field) => {
        const [x, y] = [(a as Struct | null | undefined)?.[field.name], (b as Struct | null | undefined)?.[field.name]];
        if (x === y) return true;
        if (field.pointer && isAbsent(x) !== isAbsent(y)) return false;
        return same(x, y, field.plan);
      });
    case 'list': {
      const [x, y] = [(a ?? []) as readonly unknown[], (b ?? []) as readonly unknown[]];
      return x.length === y.length && x.every((item, i) => same(item, y[i], plan.items));
    }
    case 'map': {
      const [x, y] = [(a ?? {}) as Struct, (b ?? {}) as Struct];
      const keys = Object.keys(x);
      return (
        keys.length === Object.keys(y).length &&
        keys.every((key) => Object.hasOwn(y, key) && same(x[key], y[key], plan.values))
      );
    }
    case 'quantity':
      if (isAbsent(a) || isAbsent(b)) return isAbsent(a) && isAbsent(b);
      return parseQuantity(a as string).nano === parseQuantity(b as string).nano;
    default:
      return equal(a, b);
  }
}
const isAbsent = (value: unknown): boolean => value === undefined || value === null;
