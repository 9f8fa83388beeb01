import {
  CelCompileError,
  celEnvironment,
  compileSteps,
  declaredBySchema,
  instantiationProblem,
  sizesWithin,
  type CelDeclared,
  type CelEnvironment,
  type CelProgram,
} from '../cel/index.ts';
import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import { forbidden, internalError, invalid, type FieldPath } from '../meta/field.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
import { schemaOf } from '../structural/custom-values.ts';
import { printRule } from './go-print.ts';

type Errors = SteppedErrors;
/** What one rule, and what all of a schema's, may be estimated to cost. */
const RULE_LIMIT = 10_000_000n;
const SCHEMA_LIMIT = 100_000_000n;
const SHOWN_RULES = 4;
const LARGEST_REQUEST = 3 * 1024 * 1024;
const MOST = 2n ** 64n - 1n;
/** Named so that no rule could have meant it. */
const SELF = 'selfType0';

/** What holds for the rules of a place because of where it is. */
interface Place {
  readonly at: FieldPath;
  readonly isRoot: boolean;
  /** How often it can be there; undefined where lists or maps above have no bound. */
  readonly count: bigint | undefined;
  /** The first schema above whose old and new parts cannot be told to belong together. */
  readonly uncorrelated: FieldPath | undefined;
}
interface Options {
  /** Whether there is something wrong with the schema at a place or below. */
  readonly isBroken: (at: FieldPath) => boolean;
  /** The schema is as it was: what its rules cost each is no matter any more. */
  readonly isUnchanged: boolean;
}
interface Cost {
  readonly at: FieldPath;
  readonly cost: bigint;
}

/**
 * What is wrong with the rules of a sound schema (x-kubernetes-validations): what does not compile, costs too much, or asks
 * for old values where there can be none. Source: apiextensions validation ValidateCustomResourceDefinitionOpenAPISchema,
 * pkg/apiserver/schema/cel/compilation.go.
 */
export function* ruleErrors(schema: JSONSchemaProps, at: FieldPath, options: Options): Errors {
  const costs: Cost[] = [];
  yield* within(schema, { at, isRoot: true, count: 1n, uncorrelated: undefined }, options, costs);
  const total = capped(costs.reduce((sum, { cost }) => sum + cost, 0n));
  if (total <= SCHEMA_LIMIT) return;
  const worst = costs.filter(({ cost }) => cost >= SCHEMA_LIMIT / 100n);
  worst.sort((a, b) => (a.cost < b.cost ? 1 : a.cost > b.cost ? -1 : 0));
  for (const one of worst.slice(0, SHOWN_RULES))
    yield forbidden(
      one.at,
      'contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema',
    );
  yield forbidden(
    at,
    overBudget('x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema', total, SCHEMA_LIMIT),
  );
}
function* within(schema: JSONSchemaProps, place: Place, options: Options, costs: Cost[]): Errors {
  const { at, uncorrelated } = place;
  const many = place.count === undefined ? undefined : times(place.count, repeats(schema));
  const others = schemaOf(schema.additionalProperties);
  const below = { isRoot: false, count: many, uncorrelated };
  if (others) yield* within(others, { ...below, at: at('additionalProperties') }, options, costs);
  const mapType = schema['x-kubernetes-map-type'];
  const isMap = mapType === undefined || mapType === 'granular' || mapType === 'atomic';
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const inner = { ...below, uncorrelated: isMap ? uncorrelated : (uncorrelated ?? at) };
    yield* within(property, { ...inner, at: at('properties').key(name) }, options, costs);
  }
  const items = schemaOf(schema.items);
  const isKeyed = schema['x-kubernetes-list-type'] === 'map';
  if (items) {
    const inner = { ...below, uncorrelated: isKeyed ? uncorrelated : (uncorrelated ?? at) };
    yield* within(items, { ...inner, at: at('items') }, options, costs);
  }
  if (schema['x-kubernetes-validations']?.length && !options.isBroken(at))
    yield* ownRules(schema, place, options, costs);
}
/** How many of its parts a value of a schema has; undefined if there is no bound. */
function repeats(schema: JSONSchemaProps): number | undefined {
  if (schema.type === 'array') return schema.maxItems === undefined ? undefined : Math.max(0, schema.maxItems);
  if (schema.type !== 'object' || schema.additionalProperties === undefined) return 1;
  return schema.maxProperties === undefined ? undefined : Math.max(0, schema.maxProperties);
}
const capped = (value: bigint): bigint => (value > MOST ? MOST : value);
const times = (a: bigint, b: number | undefined): bigint | undefined =>
  b === undefined ? undefined : capped(a * BigInt(b));

function* ownRules(schema: JSONSchemaProps, place: Place, { isUnchanged }: Options, costs: Cost[]): Errors {
  const at = place.at('x-kubernetes-validations');
  const isResource = place.isRoot || schema['x-kubernetes-embedded-resource'] === true;
  const declared = declaredBySchema(schema, SELF, isResource);
  if (!declared) {
    yield internalError(at, `${NO_TYPE}: unable to convert structural schema to CEL declarations`);
    return;
  }
  const count = place.count ?? BigInt(Math.floor(LARGEST_REQUEST / (declared.minSize + 1)));
  for (const [i, rule] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    if ((rule.rule ?? '').trim() === '') continue;
    const { rule: own, message } = yield* judgedRule(rule, declared);
    const { made } = own;
    const cost = capped(own.most * count);
    if (cost > RULE_LIMIT && !isUnchanged)
      yield forbidden(at(i)('rule'), overBudget('estimated rule cost', cost, RULE_LIMIT));
    costs.push({ at: at(i)('rule'), cost });
    if ('problem' in made) yield invalid(at(i)('rule'), printRule(rule), made.problem);
    else if (message) yield* messageRule(rule, message, at(i)('messageExpression'), isUnchanged, costs);
    yield* oldSelf(rule, 'problem' in made ? undefined : made, at(i), place.uncorrelated);
  }
}
const NO_TYPE = 'internal error: failed to construct type information for x-kubernetes-validations rules';
function* messageRule(
  rule: ValidationRule,
  { made, most: cost }: Judged,
  at: FieldPath,
  isUnchanged: boolean,
  costs: Cost[],
): Errors {
  if ('problem' in made) {
    yield invalid(at, printRule(rule), made.problem);
    return;
  }
  if (cost > RULE_LIMIT && !isUnchanged)
    yield forbidden(at, overBudget('estimated messageExpression cost', cost, RULE_LIMIT));
  costs.push({ at, cost });
}
function* oldSelf(
  rule: ValidationRule,
  program: CelProgram | undefined,
  at: FieldPath,
  uncorrelated: FieldPath | undefined,
): Errors {
  const { optionalOldSelf } = rule;
  if (program?.uses.has('oldSelf')) {
    if (uncorrelated)
      yield invalid(
        at('rule'),
        rule.rule,
        `oldSelf cannot be used on the uncorrelatable portion of the schema within ${uncorrelated}`,
      );
  } else if (optionalOldSelf !== undefined && optionalOldSelf !== null)
    yield invalid(at('optionalOldSelf'), optionalOldSelf, 'may not be set if oldSelf is not used in rule');
}

interface Judged {
  readonly made: CelProgram | { readonly problem: string };
  readonly most: bigint;
}
interface JudgedRule {
  readonly rule: Judged;
  /** Of a sound rule with an expression for its message. */
  readonly message: Judged | undefined;
}
function* judgedRule(rule: ValidationRule, declared: CelDeclared): Steps<JudgedRule> {
  const environment = environmentOf(declared, rule);
  const own = yield* judge(rule.rule ?? '', environment, 'bool', RULE);
  const hasMessage = rule.messageExpression && !('problem' in own.made);
  const message = hasMessage ? yield* judge(rule.messageExpression!, environment, 'string', MESSAGE) : undefined;
  return { rule: own, message };
}
function* judge(source: string, environment: CelEnvironment, kind: 'bool' | 'string', words: Words): Steps<Judged> {
  const made = yield* compiled(source, environment, kind, words);
  return { made, most: 'problem' in made ? 0n : made.estimateCost().max };
}
function environmentOf(declared: CelDeclared, { optionalOldSelf }: ValidationRule): CelEnvironment {
  const old: CelDeclared =
    optionalOldSelf === true ? { type: { kind: 'optional', value: declared.type }, minSize: 1 } : declared;
  return celEnvironment({ variables: { self: declared, oldSelf: old }, sizes: sizesWithin(declared) });
}
interface Words {
  readonly uncompiled: string;
  readonly mistyped: string;
  readonly unmade: string;
}
const RULE: Words = {
  uncompiled: 'compilation failed: ',
  mistyped: 'cel expression must evaluate to a bool',
  unmade: 'program instantiation failed: ',
};
const MESSAGE: Words = {
  uncompiled: 'messageExpression compilation failed: ',
  mistyped: 'messageExpression must evaluate to a string',
  unmade: 'messageExpression instantiation failed: ',
};
function* compiled(
  source: string,
  environment: CelEnvironment,
  kind: 'bool' | 'string',
  words: Words,
): Steps<CelProgram | { readonly problem: string }> {
  try {
    const program = yield* compileSteps(source, environment);
    if (program.type.kind !== kind) return { problem: words.mistyped };
    const problem = instantiationProblem(program);
    yield;
    return problem === undefined ? program : { problem: `${words.unmade}${problem}` };
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return { problem: `${words.uncompiled}${error.message}` };
  }
}
function overBudget(what: string, cost: bigint, limit: bigint): string {
  const factor = Number(cost) / Number(limit);
  const shown = factor > 100 ? 'more than 100x' : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return `${what} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`;
}
