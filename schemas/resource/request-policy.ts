import type { Errors } from '../define.ts';
import type { CapacityRequestPolicy, CapacityRequestPolicyRange } from '../generated/resource-v1.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { addQuantities, compareQuantities, quantityValue } from '../meta/quantity.ts';
import { setOf } from './checks.ts';

const MAX_OPTIONS = 10;

/** Which parts of a capacity may be asked for. Source: pkg/apis/resource/validation validateRequestPolicy and its parts. */
export function* validateRequestPolicy(capacity: string, policy: CapacityRequestPolicy, at: FieldPath): Errors {
  const { validRange } = policy;
  const values = (policy.validValues ?? []).map(String);
  // Always printed, and null where there is none.
  const given: string | number | null | undefined = policy.default;
  const standard = given === undefined || given === null ? undefined : String(given);
  if (values.length > 0 && validRange)
    yield forbidden(at, 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time');
  else if (values.length > 0) {
    if (standard === undefined) yield required(at('default'), 'required when validValues is defined');
    else yield* validateValues(standard, capacity, values, at('validValues'));
  } else if (validRange) {
    if (standard === undefined) yield required(at('default'), 'required when validRange is defined');
    else yield* validateRange(standard, capacity, validRange, at('validRange'));
  }
} // prettier-ignore
function* validateValues(standard: string, capacity: string, values: readonly string[], at: FieldPath): Errors {
  for (const [i, value] of values.entries())
    if (i > 0 && compareQuantities(values[i - 1]!, value) > 0)
      yield invalid(at(i), value, 'values must be sorted in ascending order');
  yield* setOf(
    values,
    MAX_OPTIONS,
    function* (value, here) {
      if (compareQuantities(value, capacity) > 0)
        yield invalid(here, value, `option is larger than capacity value: ${capacity}`);
    },
    (value) => String(quantityValue(value)),
    at,
  );
  const found = values.length <= MAX_OPTIONS && values.some((value) => compareQuantities(value, standard) === 0);
  if (!found) yield invalid(at, standard, 'default value is not valid according to the requestPolicy');
}
function* validateRange(standard: string, capacity: string, range: CapacityRequestPolicyRange, at: FieldPath): Errors {
  if (range.min === undefined) {
    yield required(at('min'), 'required when validRange is defined');
    return;
  }
  const min = String(range.min);
  const more = (a: string, b: string): boolean => compareQuantities(a, b) > 0;
  if (more(min, capacity)) yield invalid(at('min'), min, `min is larger than capacity value: ${capacity}`);
  if (more(min, standard)) yield invalid(at('min'), standard, `default is less than min: ${min}`);
  const max = range.max === undefined ? undefined : String(range.max);
  if (max !== undefined) {
    if (more(min, max)) yield invalid(at('max'), min, `min is larger than max: ${max}`);
    if (more(max, capacity)) yield invalid(at('max'), max, `max is larger than capacity value: ${capacity}`);
    if (more(standard, max)) yield invalid(at('max'), standard, `default is more than max: ${max}`);
  }
  if (range.step === undefined) return;
  const step = String(range.step);
  const added = addQuantities(min, step);
  if (more(added, capacity))
    yield invalid(at('step'), step, `one step ${added} is larger than capacity value: ${capacity}`);
  for (const value of max === undefined ? [standard] : [standard, max])
    if ((quantityValue(value) - quantityValue(min)) % quantityValue(step) !== 0)
      yield invalid(at('step'), value, `value is not a multiple of a given step (${step}) from (${min})`);
}
