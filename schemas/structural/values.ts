import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import type { Steps } from '../helpers/steps.ts';
import { invalid, required, tooMany, type FieldError } from '../meta/field.ts';
import { MOST_TEXT } from '../meta/told.ts';
import { sameJson } from '../patch/values.ts';
import { enumProblems, numberProblems, stringProblems, typeOf, typeProblem, typesOf } from './scalar-values.ts';
import { below, fieldOf, oldItem, property, type Old, type Place } from './value-place.ts';

/** Problems, and how many checks have passed: anyOf and oneOf report the alternative that came furthest. */
interface Outcome {
  readonly errors: FieldError[];
  matches: number;
  /** Of the messages, in characters. */
  size: number;
}

/**
 * What a schema of a custom kind has against a value. `root` is the place of the value in what is reported; the texts
 * themselves name places below the value only. Of what is as it was in `old` nothing is said. Rules in CEL are not
 * evaluated here.
 * Source: kube-openapi pkg/validation/validate, apiextensions-apiserver pkg/apiserver/validation.
 */
export function* validateValue(value: unknown, schema: JSONSchemaProps, root = '', old?: Old): Steps<readonly FieldError[]> {
  const at = { root, path: '', old };
  const { errors } = isWhole(value, schema) ? validate(value, schema, at) : yield* validateParts(value, schema, at);
  return errors;
} // prettier-ignore
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

const alternativesOf = ({ anyOf = [], oneOf = [], allOf = [], not }: JSONSchemaProps): readonly JSONSchemaProps[] => [
  ...anyOf, ...oneOf, ...allOf, ...(not ? [not] : []),
]; // prettier-ignore
const sizes = new WeakMap<JSONSchemaProps, number>();
/** How many schemas a value is held against, alternatives within alternatives included. */
function sizeOf(schema: JSONSchemaProps): number {
  if (!schema.anyOf && !schema.oneOf && !schema.allOf && !schema.not) return 1;
  let known = sizes.get(schema);
  if (known === undefined) {
    known = alternativesOf(schema).reduce((sum, one) => sum + sizeOf(one), 1);
    sizes.set(schema, known);
  }
  return known;
}
/** What is checked in one go; all else is walked, so that others may have their turn. */
const isWhole = (value: unknown, schema: JSONSchemaProps): boolean =>
  value === null || (typeof value !== 'object' && sizeOf(schema) <= STEP);
/** How many values are looked at in a step. */
const STEP = 300;
let looked = 0;
/** Nothing is said of what is as it was. */
function withoutOld(out: Outcome, value: unknown, { old }: Place): Outcome {
  if (out.errors.length > 0 && old !== undefined && sameJson(value, old.value)) out.size = out.errors.length = 0;
  return out;
}
const validate = (value: unknown, schema: JSONSchemaProps, at: Place): Outcome =>
  withoutOld(check(value, schema, at), value, at);
function* validateParts(value: unknown, schema: JSONSchemaProps, at: Place): Steps<Outcome> {
  return withoutOld(yield* checkParts(value, schema, at), value, at);
}
function typed(value: unknown, schema: JSONSchemaProps, types: readonly string[], at: Place): Outcome {
  looked += 1;
  const out: Outcome = { errors: [], matches: 0, size: 0 };
  const wrong = typeProblem(value, typeOf(value), types, schema, at);
  if (wrong) say(out, [wrong]);
  else out.matches += 1;
  return out;
}
function scalar(value: unknown, schema: JSONSchemaProps, types: readonly string[], at: Place, out: Outcome): void {
  if (typeof value === 'string') say(out, stringProblems(value, schema, types, at));
  if (typeof value === 'number') say(out, numberProblems(value, schema, types, at));
  if (schema.enum?.length) say(out, enumProblems(value, schema.enum, at));
  if (value !== null) out.matches += 2;
}
/** Of what is whole. */
function check(value: unknown, schema: JSONSchemaProps, at: Place): Outcome {
  const types = typesOf(schema);
  const out = typed(value, schema, types, at);
  if (value !== null && sizeOf(schema) > 1) {
    const run = (list: readonly JSONSchemaProps[] | undefined): Outcome[] =>
      (list ?? []).map((one) => check(value, one, at));
    const not = schema.not && check(value, schema.not, at);
    judge({ any: run(schema.anyOf), one: run(schema.oneOf), all: run(schema.allOf), not }, at, out);
  }
  scalar(value, schema, types, at, out);
  return out;
}
function* checkParts(value: unknown, schema: JSONSchemaProps, at: Place): Steps<Outcome> {
  const types = typesOf(schema);
  const out = typed(value, schema, types, at);
  yield* combine(value, schema, at, out);
  if (Array.isArray(value)) yield* items(value, schema, at, out);
  scalar(value, schema, types, at, out);
  if (typeof value === 'object' && !Array.isArray(value))
    yield* properties(value as Record<string, unknown>, schema, at, out);
  if (looked < STEP) return out;
  looked = 0;
  yield;
  return out;
}

function* items(value: readonly unknown[], schema: JSONSchemaProps, at: Place, out: Outcome): Steps<void> {
  const one = schema.items as JSONSchemaProps | undefined;
  if (one && !Array.isArray(one))
    for (const [i, item] of value.entries()) {
      if (out.size > MOST_TEXT) return;
      const place = { root: at.root, path: `${at.path}[${i}]`, old: oldItem(at, schema, item) };
      merge(out, isWhole(item, one) ? validate(item, one, place) : yield* validateParts(item, one, place));
      if (looked < STEP) continue;
      looked = 0;
      yield;
    }
  if (schema.minItems !== undefined && value.length < schema.minItems)
    say(out, [invalid(fieldOf(at), value.length, `${at.path} in body should have at least ${schema.minItems} items`)]);
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    say(out, [tooMany(fieldOf(at), value.length, schema.maxItems)]);
  out.matches += 1;
}
function* properties(value: Record<string, unknown>, schema: JSONSchemaProps, at: Place, out: Outcome): Steps<void> {
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
    else if (typeof others === 'object') merge(out, isWhole(value[name], others) ? validate(value[name], others, below(at, name)) : yield* validateParts(value[name], others, below(at, name)));
    if (looked < STEP) continue;
    looked = 0;
    yield;
  }
  for (const name in known) {
    if (out.size > MOST_TEXT) return;
    if (!Object.hasOwn(value, name)) continue;
    const sub = known[name]!;
    merge(out, isWhole(value[name], sub) ? validate(value[name], sub, property(at, name)) : yield* validateParts(value[name], sub, property(at, name)));
  }
  for (const name of schema.required ?? [])
    if (!Object.hasOwn(value, name)) say(out, [required(fieldOf(below(at, name)))]);
} // prettier-ignore

/** anyOf, oneOf, allOf, not. */
function* combine(value: unknown, schema: JSONSchemaProps, at: Place, out: Outcome): Steps<void> {
  if (sizeOf(schema) === 1) return;
  const run = function* (list: readonly JSONSchemaProps[] | undefined): Steps<Outcome[]> {
    const outcomes: Outcome[] = [];
    for (const one of list ?? [])
      outcomes.push(isWhole(value, one) ? check(value, one, at) : yield* checkParts(value, one, at));
    return outcomes;
  };
  const alternatives = { any: yield* run(schema.anyOf), one: yield* run(schema.oneOf), all: yield* run(schema.allOf) };
  const [not] = yield* run(schema.not && [schema.not]);
  judge({ ...alternatives, not }, at, out);
}
interface Alternatives {
  readonly any: readonly Outcome[];
  readonly one: readonly Outcome[];
  readonly all: readonly Outcome[];
  readonly not: Outcome | undefined;
}
function judge({ any, one, all, not }: Alternatives, at: Place, out: Outcome): void {
  const quoted = JSON.stringify(at.path);
  const fail = (why: string): void => say(out, [invalid(fieldOf({ root: at.root, path: '' }), '', `${quoted} ${why}`)]);
  const best = (list: readonly Outcome[]): Outcome => list.reduce((a, b) => (b.matches > a.matches ? b : a));
  const valid = (list: readonly Outcome[]): Outcome[] => list.filter(({ errors }) => errors.length === 0);

  if (any.length > 0) {
    if (valid(any).length === 0) fail('must validate at least one schema (anyOf)');
    merge(out, valid(any)[0] ?? best(any));
  }
  if (one.length > 0) {
    const fitting = valid(one);
    if (fitting.length !== 1)
      fail(
        `must validate one and only one schema (oneOf). ${fitting.length === 0 ? 'Found none valid' : `Found ${fitting.length} valid alternatives`}`,
      );
    if (fitting.length < 2) merge(out, fitting[0] ?? best(one));
  }
  for (const outcome of all) merge(out, outcome);
  if (valid(all).length < all.length)
    fail(`must validate all the schemas (allOf)${valid(all).length === 0 ? '. None validated' : ''}`);
  if (not?.errors.length === 0) fail('must not validate the schema (not)');
}
