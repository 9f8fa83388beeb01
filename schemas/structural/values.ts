import { RE2JS } from 're2js';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';
import { fieldPath, invalid, notSupported, required, tooLong, tooMany, type FieldError } from '../meta/field.ts';
import { MOST_TEXT } from '../meta/told.ts';
import { sameJson } from '../patch/values.ts';
import { formatCheck, isKnownFormat } from './formats.ts';

/** Problems, and how many checks have passed: anyOf and oneOf report the alternative that came furthest. */
interface Outcome {
  readonly errors: FieldError[];
  matches: number;
  /** Of the messages, in characters. */
  size: number;
}
const INT64 = { low: -(2 ** 63), high: 2 ** 63 };
const INT32 = { low: -(2 ** 31), high: 2 ** 31 };

/**
 * What a schema of a custom kind has against a value. `root` is the place of the value in what is reported; the texts
 * themselves name places below the value only. Of what is as it was in `old` nothing is said. Rules in CEL are not
 * evaluated here.
 * Source: kube-openapi pkg/validation/validate, apiextensions-apiserver pkg/apiserver/validation.
 */
export function validateValue(value: unknown, schema: JSONSchemaProps, root = '', old?: Old): readonly FieldError[] {
  return validate(value, schema, { root, path: '', old }).errors;
}
/** What was there before; undefined where nothing can be told to be the same thing as now. */
export type Old = { readonly value: unknown } | undefined;

interface Place {
  readonly root: string;
  /** Below root; as the texts print it: `spec.size`, `.labels.a`. */
  readonly path: string;
  readonly old: Old;
}
/** As Go prints the path of a whole object. */
const NOWHERE = '<nil>';
const fieldOf = ({ root, path }: Pick<Place, 'root' | 'path'>): ReturnType<typeof fieldPath> => {
  const below = path.startsWith('.') ? path.slice(1) : path;
  return fieldPath((root === '' || below === '' ? `${root}${below}` : `${root}.${below}`) || NOWHERE);
};
const below = (at: Place, name: string): Place => ({ root: at.root, path: `${at.path}.${name}`, old: oldOf(at, name) });
const property = (at: Place, name: string): Place =>
  at.path === '' ? { root: at.root, path: name, old: oldOf(at, name) } : below(at, name);
function oldOf({ old, root, path }: Place, name: string): Old {
  const before = old?.value;
  if (typeof before !== 'object' || before === null || Array.isArray(before) || !Object.hasOwn(before, name))
    return undefined;
  if (root === '' && path === '' && TYPE_META.has(name)) return undefined;
  return { value: (before as Record<string, unknown>)[name] };
}
const TYPE_META = new Set(['apiVersion', 'kind', 'metadata']);
/** Only items of lists with keys can be told to be the same. Source: apiserver pkg/cel/common CorrelatedObject. */
function oldItem({ old }: Place, schema: JSONSchemaProps, item: unknown): Old {
  if (schema['x-kubernetes-list-type'] !== 'map' || !Array.isArray(old?.value)) return undefined;
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  let known = keyed.get(old);
  if (known === undefined) {
    known = new Map();
    for (const one of old.value as unknown[]) {
      const key = keyOf(one, keys);
      if (!known.has(key)) known.set(key, { value: one });
    }
    keyed.set(old, known);
  }
  return known.get(keyOf(item, keys));
}
/** The items of old lists by their keys, which are scalars. */
const keyed = new WeakMap<NonNullable<Old>, Map<string, NonNullable<Old>>>();
const keyOf = (of: unknown, keys: readonly string[]): string =>
  JSON.stringify(keys.map((key) => (of as Record<string, unknown> | null)?.[key] ?? null));

const typesOf = (schema: JSONSchemaProps): readonly string[] => {
  if (schema['x-kubernetes-int-or-string']) return ['integer', 'string'];
  return schema.type ? [schema.type] : [];
};
const typeOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
};
function say(out: Outcome, errors: readonly FieldError[]): void {
  for (const error of errors) {
    out.errors.push(error);
    out.size += error.message.length;
  }
}
function merge(into: Outcome, from: Outcome): void {
  if (from.errors.length > 0) say(into, from.errors);
  into.matches += from.matches;
}

function validate(value: unknown, schema: JSONSchemaProps, at: Place): Outcome {
  const out = check(value, schema, at);
  if (out.errors.length > 0 && at.old !== undefined && sameJson(value, at.old.value)) out.size = out.errors.length = 0;
  return out;
}
function check(value: unknown, schema: JSONSchemaProps, at: Place): Outcome {
  const out: Outcome = { errors: [], matches: 0, size: 0 };
  const types = typesOf(schema);
  const given = typeOf(value);
  const wrong = typeProblem(value, given, types, schema, at);
  if (wrong) say(out, [wrong]);
  else out.matches += 1;
  if (value === null) {
    if (schema.enum?.length) say(out, enumProblems(value, schema.enum, at));
    return out;
  }
  combine(value, schema, at, out);
  if (typeof value === 'string') say(out, stringProblems(value, schema, types, at));
  if (typeof value === 'number') say(out, numberProblems(value, schema, types, at));
  if (Array.isArray(value)) items(value, schema, at, out);
  if (schema.enum?.length) say(out, enumProblems(value, schema.enum, at));
  if (given === 'object') properties(value as Record<string, unknown>, schema, at, out);
  out.matches += 2;
  return out;
}

function typeProblem(
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
function enumProblems(value: unknown, allowed: readonly unknown[], at: Place): FieldError[] {
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
function stringProblems(value: string, schema: JSONSchemaProps, types: readonly string[], at: Place): FieldError[] {
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

function numberProblems(value: number, schema: JSONSchemaProps, types: readonly string[], at: Place): FieldError[] {
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

function items(value: readonly unknown[], schema: JSONSchemaProps, at: Place, out: Outcome): void {
  const one = schema.items as JSONSchemaProps | undefined;
  if (one && !Array.isArray(one))
    for (const [i, item] of value.entries()) {
      if (out.size > MOST_TEXT) return;
      merge(out, validate(item, one, { root: at.root, path: `${at.path}[${i}]`, old: oldItem(at, schema, item) }));
    }
  if (schema.minItems !== undefined && value.length < schema.minItems)
    say(out, [invalid(fieldOf(at), value.length, `${at.path} in body should have at least ${schema.minItems} items`)]);
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    say(out, [tooMany(fieldOf(at), value.length, schema.maxItems)]);
  out.matches += 1;
}
function properties(value: Record<string, unknown>, schema: JSONSchemaProps, at: Place, out: Outcome): void {
  const names = Object.keys(value);
  const { minProperties, maxProperties } = schema;
  if (minProperties !== undefined && names.length < minProperties)
    say(out, [invalid(fieldOf(at), names.length, `${at.path} in body should have at least ${minProperties} properties`)]);
  if (maxProperties !== undefined && names.length > maxProperties)
    say(out, [tooMany(fieldOf(at), names.length, maxProperties)]);
  const known = schema.properties ?? {};
  const others = schema.additionalProperties as JSONSchemaProps | boolean | undefined;
  for (const name of names) {
    if (out.size > MOST_TEXT) return;
    if (Object.hasOwn(known, name)) continue;
    if (others === false) say(out, [invalid(fieldOf(at), '', `${at.path}.${name} in body is a forbidden property`)]);
    else if (typeof others === 'object') merge(out, validate(value[name], others, below(at, name)));
  }
  for (const name in known) {
    if (out.size > MOST_TEXT) return;
    if (Object.hasOwn(value, name)) merge(out, validate(value[name], known[name]!, property(at, name)));
  }
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(value, name)) say(out, [required(fieldOf(below(at, name)))]);
} // prettier-ignore

/** anyOf, oneOf, allOf, not. */
function combine(value: unknown, schema: JSONSchemaProps, at: Place, out: Outcome): void {
  if (!schema.anyOf && !schema.oneOf && !schema.allOf && !schema.not) return;
  const quoted = JSON.stringify(at.path);
  const fail = (why: string): void => say(out, [invalid(fieldOf({ root: at.root, path: '' }), '', `${quoted} ${why}`)]);
  const run = (list: readonly JSONSchemaProps[] | undefined): Outcome[] =>
    (list ?? []).map((one) => check(value, one, at));
  const best = (list: readonly Outcome[]): Outcome => list.reduce((a, b) => (b.matches > a.matches ? b : a));
  const valid = (list: readonly Outcome[]): Outcome[] => list.filter((one) => one.errors.length === 0);

  const any = run(schema.anyOf);
  if (any.length > 0) {
    if (valid(any).length === 0) fail('must validate at least one schema (anyOf)');
    merge(out, valid(any)[0] ?? best(any));
  }
  const one = run(schema.oneOf);
  if (one.length > 0) {
    const fitting = valid(one);
    if (fitting.length !== 1)
      fail(
        `must validate one and only one schema (oneOf). ${fitting.length === 0 ? 'Found none valid' : `Found ${fitting.length} valid alternatives`}`,
      );
    if (fitting.length < 2) merge(out, fitting[0] ?? best(one));
  }
  const all = run(schema.allOf);
  for (const outcome of all) merge(out, outcome);
  if (valid(all).length < all.length)
    fail(`must validate all the schemas (allOf)${valid(all).length === 0 ? '. None validated' : ''}`);
  if (schema.not && check(value, schema.not, at).errors.length === 0) fail('must not validate the schema (not)');
}
