import type { Plan, ScalarPlan } from './plan.ts';
import { leafType, readScalar, type Place } from './scalar.ts';

/** What Go calls the kind of a value in a map of JSON. */
const kindOf = (value: unknown): string => {
  if (typeof value === 'number') return Number.isInteger(value) && Math.abs(value) < 2 ** 63 ? 'int64' : 'float64';
  if (Array.isArray(value)) return 'slice';
  return typeof value === 'boolean' ? 'bool' : typeof value === 'object' ? 'map' : 'string';
};
/** Why a value of a map does not become what a field is. Source: apimachinery pkg/runtime converter.go fromUnstructured. */
export function conversionError(value: unknown, plan: Plan, place: Place | undefined): string {
  const from = kindOf(value);
  switch (plan.kind) {
    case 'struct':
      return `cannot restore struct from: ${from}`;
    case 'map':
      return `cannot restore map from ${from}`;
    case 'list':
    case 'bytes':
      return `cannot restore slice from ${from}`;
    default: {
      const to = GO_KIND[plan.kind] ?? plan.kind;
      const named = place === undefined ? to : leafType(place, plan.goType);
      const isInteger = to !== 'string' && to !== 'bool';
      // Go converts numbers to strings, and fractions to integers, but JSON does not.
      const converts = to === 'string' ? from === 'int64' : isInteger && from === 'float64';
      return converts ? `cannot convert ${from} to ${named}` : `unrecognized type: ${to}`;
    }
  }
}
const GO_KIND: Readonly<Record<string, string>> = { double: 'float64', boolean: 'bool' };

/** A scalar out of a map. Throws Error with Go's text. */
export function readConverted(value: unknown, plan: ScalarPlan): unknown {
  switch (plan.kind) {
    case 'int32':
    case 'int64':
      if (typeof value !== 'number' || !Number.isInteger(value))
        throw new Error(conversionError(value, plan, undefined));
      return wrapped(value, plan.kind);
    case 'double':
    case 'boolean':
      if (typeof value !== (plan.kind === 'double' ? 'number' : 'boolean'))
        throw new Error(conversionError(value, plan, undefined));
      return value;
    case 'bytes':
      if (typeof value !== 'string') {
        if (Array.isArray(value)) return readScalar(value, plan, undefined);
        throw new Error(conversionError(value, plan, undefined));
      }
      try {
        return readScalar(value, plan, undefined);
      } catch (error) {
        throw new Error(`error decoding from json: ${(error as Error).message}`, { cause: error });
      }
    default:
      // Types that read JSON themselves.
      return readScalar(value, plan, undefined);
  }
}
/** What does not fit is cut, as Go does. */
function wrapped(value: number, kind: 'int32' | 'int64'): number {
  const limit = 2 ** 63;
  const whole = value >= limit || value < -limit ? -limit : value;
  return kind === 'int64' ? whole : Number(BigInt.asIntN(32, BigInt(whole)));
}
