import { invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { pathSegment } from '../meta/names.ts';

/** Checks that kinds of several groups share. */
type Errors = Generator<FieldError, void, undefined>;

/** One Invalid for each problem that a name rule found. */
export function* problems(found: readonly string[], value: unknown, at: FieldPath): Errors {
  for (const why of found) yield invalid(at, value, why);
}
/** Like notSupported of meta/field.ts, with the values in the order given. */
export const notOneOf = (value: unknown, supported: readonly string[], at: FieldPath): FieldError => ({
  reason: 'FieldValueNotSupported',
  field: `${at}`,
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}`,
});
/** A name that must be there and fit into a URL path. */
export function* requiredSegment(value: string | undefined, at: FieldPath): Errors {
  if (!value) yield required(at);
  else yield* problems(pathSegment(value), value, at);
}
