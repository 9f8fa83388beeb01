import { RE2JS } from 're2js';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';
import { invalid, notSupported, tooLong, type FieldError } from '../meta/field.ts';
import { formatCheck, isKnownFormat } from './formats.ts';
import { fieldOf, type Place } from './value-place.ts';

/** What a schema says of a value by itself: types, numbers, texts and enums. Source: kube-openapi pkg/validation/validate. */
const INT64 = { low: -(2 ** 63), high: 2 ** 63 };
const INT32 = { low: -(2 ** 31), high: 2 ** 31 };
export const typesOf = (schema: JSONSchemaProps): readonly string[] => {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string'];
  return schema.type ? [schema.type] : [];
};
export const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};
export function typeProblem(
  value: unknown,
  given: string,
  types: readonly string[],
  schema: JSONSchemaProps,
  at: Place,
): FieldError | undefined {
  if (types.length === 0) return undefined;
  const fits =
    value === null
      ? schema.nullable === true
      : types.includes(given) || (given === 'integer' && types.includes('number'));
  if (fits) return undefined;
  const format = schema.format ?? '';
  const isText = given === 'string' || given === 'array';
  const isFormatted = format !== '' && isKnownFormat(format, types.length === 1 ? types[0]! : '');
  if (!isText && value !== null && isFormatted) {
    const own = GO_FORMATS[given] ?? '';
    return own === format ? undefined : typeInvalid(at, own, format);
  }
  // A string or list under a format is left to the format, where the type is no number.
  if (isText && isFormatted && !types.includes('number') && !types.includes('integer')) return undefined;
  return typeInvalid(at, given, types.join(','));
}
/** What Go's decoder makes of numbers. */
const GO_FORMATS: Readonly<Record<string, string>> = { integer: 'int64', number: 'float64' };
const typeInvalid = (at: Place, shown: string, wanted: string): FieldError => ({
  reason: 'FieldValueTypeInvalid',
  field: `${fieldOf(at)}`,
  message: `Invalid value: ${JSON.stringify(shown)}: ${at.path} in body must be of type ${wanted}: ${JSON.stringify(shown)}`,
});
/** The values of an enum made ready: there may be as many as fit into a definition. */
interface Enum {
  readonly texts: ReadonlySet<unknown>;
  readonly isOnlyTexts: boolean;
  readonly shown: readonly string[];
}
const enums = new WeakMap<readonly unknown[], Enum>();
function enumOf(allowed: readonly unknown[]): Enum {
  let known = enums.get(allowed);
  if (known === undefined) {
    const texts = new Set(allowed.filter((one) => typeof one === 'string'));
    const shown = allowed.map((one) => (typeof one === 'string' ? one : JSON.stringify(one)));
    enums.set(allowed, (known = { texts, isOnlyTexts: allowed.every((one) => typeof one === 'string'), shown }));
  }
  return known;
}
export function enumProblems(value: unknown, allowed: readonly unknown[], at: Place): FieldError[] {
  const { texts, isOnlyTexts, shown } = enumOf(allowed);
  if (texts.has(value)) return [];
  const isFound = !(isOnlyTexts && typeof value === 'string') && allowed.some((one) => equal(one, value));
  return isFound ? [] : [notSupported(fieldOf(at), value, shown)];
}

/** What has been compiled, or why it could not be; the newest, as definitions come and go. */
const patterns = new Map<string, RE2JS | string>();
const MOST_PATTERNS = 1000;
/** A compiled pattern (RE2 syntax: no backtracking), or why it is none. */
function compiled(pattern: string): RE2JS | string {
  let made = patterns.get(pattern);
  if (made !== undefined) return made;
  try {
    made = RE2JS.compile(pattern);
  } catch (error) {
    made = (error as Error).message;
  }
  if (patterns.size >= MOST_PATTERNS) patterns.delete(patterns.keys().next().value!);
  patterns.set(pattern, made);
  return made;
}
/** Why a pattern is none, as Go says it. */
export function patternProblem(pattern: string): string | undefined {
  const made = compiled(pattern);
  return typeof made === 'string' ? made : undefined;
}
/** Only the first problem of length and pattern is told, and that of the format. */
export function stringProblems(
  value: string,
  schema: JSONSchemaProps,
  types: readonly string[],
  at: Place,
): FieldError[] {
  const out: FieldError[] = [];
  const isMeasured = schema.maxLength !== undefined || schema.minLength !== undefined;
  const length = isMeasured ? [...value].length : 0;
  if (schema.maxLength !== undefined && length > schema.maxLength) out.push(tooLong(fieldOf(at), schema.maxLength));
  else if (schema.minLength !== undefined && length < schema.minLength)
    out.push(invalid(fieldOf(at), value, `${at.path} in body should be at least ${schema.minLength} chars long`));
  else if (schema.pattern) {
    const pattern = compiled(schema.pattern);
    if (typeof pattern === 'string' || !pattern.matcher(value).find())
      out.push(invalid(fieldOf(at), value, `${at.path} in body should match '${schema.pattern}'`));
  }
  const isFormatted = schema.format && isKnownFormat(schema.format, types.length === 1 ? types[0]! : '');
  const check = isFormatted ? formatCheck(schema.format!) : undefined;
  if (check && !check(value)) out.push(typeInvalid(at, value, schema.format!));
  return out;
}

export function numberProblems(
  value: number,
  schema: JSONSchemaProps,
  types: readonly string[],
  at: Place,
): FieldError[] {
  const out: FieldError[] = [];
  const wrong = (why: string): number => out.push(invalid(fieldOf(at), value, `${at.path} in body should be ${why}`));
  const range = types.length === 1 && types[0] === 'integer' ? (schema.format === 'int32' ? INT32 : INT64) : undefined;
  if (range && (!Number.isInteger(value) || value < range.low || value >= range.high)) {
    const format =
      schema.format === 'int32' || schema.format === 'int64' ? `with format ${schema.format}` : '(default format)';
    out.push(
      invalid(
        fieldOf({ root: at.root, path: '' }),
        '',
        `Checked value must be of type integer ${format} in ${at.path}`,
      ),
    );
  }
  const { multipleOf, maximum, minimum } = schema;
  if (
    multipleOf !== undefined &&
    multipleOf > 0 &&
    !Number.isInteger(multipleOf < 1 ? (1 / multipleOf) * value : value / multipleOf)
  )
    wrong(`a multiple of ${multipleOf}`);
  if (minimum !== undefined && (schema.exclusiveMinimum ? value <= minimum : value < minimum))
    wrong(`greater than ${schema.exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  if (maximum !== undefined && (schema.exclusiveMaximum ? value >= maximum : value > maximum))
    wrong(`less than ${schema.exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  return out;
}
