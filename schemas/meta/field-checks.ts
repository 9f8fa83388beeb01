import { equal } from './equal.ts';
import { invalid, type FieldError, type FieldPath } from './field.ts';
import { dnsLabel, percent } from './names.ts';

/** Checks that many kinds share, each a generator of field errors. Source: pkg/apis/core/validation, pkg/apis/apps/validation. */
type Errors = Generator<FieldError, void, undefined>;
type Numeric = number | null | undefined;

export function* nonNegative(value: Numeric, at: FieldPath): Errors {
  if ((value ?? 0) < 0) yield invalid(at, value, 'must be greater than or equal to 0');
}
export function* positive(value: Numeric, at: FieldPath): Errors {
  if ((value ?? 0) <= 0) yield invalid(at, value ?? 0, 'must be greater than zero');
}
export function* immutable(value: unknown, old: unknown, at: FieldPath): Errors {
  if (!equal(value, old)) yield invalid(at, value ?? null, 'field is immutable');
}
/** An integer from 0 or `N%`. */
export function* intOrPercent(value: number | string | undefined, at: FieldPath): Errors {
  if (typeof value === 'string') for (const why of percent(value)) yield invalid(at, value, why);
  else yield* nonNegative(value, at);
}
export function* atMost100Percent(value: number | string | undefined, at: FieldPath): Errors {
  if (typeof value === 'string' && percent(value).length === 0 && Number.parseInt(value, 10) > 100)
    yield invalid(at, value, 'must not be greater than 100%');
}
/** The number in `3` or `30%`. */
export const intOrPercentValue = (value: number | string | undefined): number =>
  typeof value === 'string' ? Number.parseInt(value, 10) || 0 : (value ?? 0);
export function* dnsLabelField(value: string, at: FieldPath): Errors {
  for (const why of dnsLabel(value)) yield invalid(at, value, why);
}
