import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import { forbidden, invalid, notSupported, required, type FieldError, type FieldPath } from '../meta/field.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import { fieldAt } from './field-path.ts';

type Errors = Generator<FieldError, void, undefined>;
/** What holds for the schema because of what it stands in. */
interface Context {
  readonly isRoot: boolean;
  readonly isInMeta: boolean;
  /** Why no default may be set here. */
  readonly noDefault?: string;
}
const TYPES = ['array', 'boolean', 'integer', 'number', 'object', 'string'];
const REASONS = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];
const META = new Set(['metadata', 'kind', 'apiVersion']);
const LINE_BREAK = /[\n\r]/;
const UNSUPPORTED = [
  ['id', 'id'], ['additionalItems', 'additionalItems'], ['patternProperties', 'patternProperties'], ['definitions', 'definitions'],
  ['dependencies', 'dependencies'], ['$ref', '$ref'],
] as const; // prettier-ignore
const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
const isGiven = (value: unknown): boolean =>
  value !== undefined &&
  value !== '' &&
  !(typeof value === 'object' && value !== null && Object.keys(value).length === 0);

/** What a schema may say at all, rules in CEL but for their expressions. Source: apiextensions validation ValidateCustomResourceDefinitionOpenAPISchema. */
export function* schemaProblems(
  s: JSONSchemaProps,
  at: FieldPath,
  context: Context = { isRoot: true, isInMeta: false },
): SteppedErrors {
  yield undefined;
  yield* allowed(s, at, context);
  if (s.uniqueItems)
    yield forbidden(
      at('uniqueItems'),
      'uniqueItems cannot be set to true since the runtime complexity becomes quadratic',
    );
  const inner: Context = { ...context, isRoot: false };
  const others = schemaOf(s.additionalProperties);
  if (
    s.additionalProperties !== undefined &&
    (s.additionalProperties as unknown) !== true &&
    Object.keys(s.properties ?? {}).length > 0
  )
    yield forbidden(at('additionalProperties'), 'additionalProperties and properties are mutual exclusive');
  if (others)
    yield* schemaProblems(
      others,
      at('additionalProperties'),
      context.isInMeta ? { ...inner, noDefault: ' inside additionalProperties applying to object metadata' } : inner,
    );
  for (const [name, sub] of Object.entries(s.properties ?? {})) {
    const isMeta = (context.isRoot || s['x-kubernetes-embedded-resource'] === true) && META.has(name);
    yield* schemaProblems(sub, at('properties').key(name), {
      ...inner,
      ...(isMeta && { isInMeta: true }),
      ...(isMeta && context.isRoot && { noDefault: ` in top-level ${name}` }),
    });
  }
  if (s.not) yield* schemaProblems(s.not, at('not'), inner);
  for (const group of ['allOf', 'oneOf', 'anyOf'] as const)
    for (const [i, sub] of (s[group] ?? []).entries()) yield* schemaProblems(sub, at(group)(i), inner);
  for (const [name, sub] of Object.entries(s.definitions ?? {}))
    yield* schemaProblems(sub, at('definitions').key(name), inner);
  const items = schemaOf(s.items);
  if (items) yield* schemaProblems(items, at('items'), inner);
  if (Array.isArray(s.items))
    for (const [i, sub] of s.items.entries()) yield* schemaProblems(sub as JSONSchemaProps, at('items')(i), inner);
  yield* extensions(s, at);
  for (const [i, rule] of (s['x-kubernetes-validations'] ?? []).entries())
    yield* ruleProblems(rule, s, at('x-kubernetes-validations')(i));
}

function* allowed(s: JSONSchemaProps, at: FieldPath, context: Context): Errors {
  if (s.type && !TYPES.includes(s.type)) yield notSupported(at('type'), s.type, TYPES);
  if (s.default !== undefined && context.noDefault !== undefined)
    yield forbidden(at('default'), `must not be set${context.noDefault}`);
  for (const [name, shown] of UNSUPPORTED)
    if (isGiven(s[name]) || (name === 'dependencies' && s[name] !== undefined))
      yield forbidden(at(shown), `${shown} is not supported`);
  if (s.type === 'null') yield forbidden(at('type'), 'type cannot be set to null, use nullable as an alternative');
  if (Array.isArray(s.items)) yield forbidden(at('items'), 'items must be a schema object and not an array');
  if (context.isInMeta && s['x-kubernetes-embedded-resource'])
    yield forbidden(at('x-kubernetes-embedded-resource'), 'must not be used inside of resource meta');
}

function* typeMustBe(s: JSONSchemaProps, type: string, cause: string, at: FieldPath): Errors {
  const why = `must be ${type} if ${cause} is specified`;
  if (!s.type) yield required(at('type'), why);
  else if (s.type !== type) yield invalid(at('type'), s.type, why);
}
function* extensions(s: JSONSchemaProps, at: FieldPath): Errors {
  const listType = s['x-kubernetes-list-type'];
  const mapType = s['x-kubernetes-map-type'];
  const keys = s['x-kubernetes-list-map-keys'] ?? [];
  const items = schemaOf(s.items);
  if (s['x-kubernetes-preserve-unknown-fields'] === false)
    yield invalid(at('x-kubernetes-preserve-unknown-fields'), false, 'must be true or undefined');
  if (mapType !== undefined) {
    yield* typeMustBe(s, 'object', 'x-kubernetes-map-type', at);
    if (mapType !== 'atomic' && mapType !== 'granular')
      yield notSupported(at('x-kubernetes-map-type'), mapType, ['atomic', 'granular']);
  }
  if (listType !== undefined) {
    const before = yield* counted(typeMustBe(s, 'array', 'x-kubernetes-list-type', at));
    if (before === 0 && listType === 'set' && items) yield* setItems(items, at('items'));
    if (!['atomic', 'set', 'map'].includes(listType))
      yield notSupported(at('x-kubernetes-list-type'), listType, ['atomic', 'set', 'map']);
  }
  if (keys.length > 0 && listType !== 'map') {
    const why = 'must be map if x-kubernetes-list-map-keys is non-empty';
    yield listType === undefined
      ? required(at('x-kubernetes-list-type'), why)
      : invalid(at('x-kubernetes-list-type'), listType, why);
  }
  if (listType === 'map') yield* mapList(s, keys, items, at);
  if ((listType === 'set' || listType === 'map') && items) yield* keyedItems(listType, keys, items, at('items'));
}
function* counted(errors: Errors): Generator<FieldError, number, undefined> {
  let count = 0;
  for (const error of errors) {
    count += 1;
    yield error;
  }
  return count;
}
function* setItems(items: JSONSchemaProps, at: FieldPath): Errors {
  const why = 'must be atomic as item of a list with x-kubernetes-list-type=set';
  const listType = items['x-kubernetes-list-type'];
  if (items.type === 'array' && listType !== undefined && listType !== 'atomic')
    yield invalid(at('x-kubernetes-list-type'), listType, why);
  if (items.type === 'object' && items['x-kubernetes-map-type'] !== 'atomic')
    yield invalid(at('x-kubernetes-map-type'), listType ?? null, why);
}
function* mapList(
  s: JSONSchemaProps,
  keys: readonly string[],
  items: JSONSchemaProps | undefined,
  at: FieldPath,
): Errors {
  if (keys.length === 0)
    yield required(at('x-kubernetes-list-map-keys'), 'must not be empty if x-kubernetes-list-type is map');
  if (s.items === undefined) yield required(at('items'), 'must have a schema if x-kubernetes-list-type is map');
  if (!items) return;
  if (items.type !== 'object') {
    yield invalid(
      at('items')('type'),
      items.type ?? '',
      "must be object if parent array's x-kubernetes-list-type is map",
    );
    return;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const own = Object.hasOwn(items.properties ?? {}, key) ? items.properties![key] : undefined;
    if (!own) yield invalid(at('x-kubernetes-list-map-keys'), keys, 'entries must all be names of item properties');
    else if (own.type === 'array' || own.type === 'object')
      yield invalid(
        at('items')('properties').key(key)('type'),
        items.type,
        "must be a scalar type if parent array's x-kubernetes-list-type is map",
      );
    if (seen.has(key)) yield invalid(at('x-kubernetes-list-map-keys'), keys, 'must not contain duplicate entries');
    seen.add(key);
  }
}
function* keyedItems(listType: string, keys: readonly string[], items: JSONSchemaProps, at: FieldPath): Errors {
  if (items.nullable) yield forbidden(at('nullable'), `cannot be nullable when x-kubernetes-list-type is ${listType}`);
  if (listType !== 'map') return;
  const needed = new Set(items.required);
  for (const key of keys) {
    const own = Object.hasOwn(items.properties ?? {}, key) ? items.properties![key] : undefined;
    const place = at('properties').key(key);
    if (!own) continue;
    if (!needed.has(key) && own.default === undefined)
      yield required(
        place('default'),
        'this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property',
      );
    if (own.nullable)
      yield forbidden(place('nullable'), 'this property is in x-kubernetes-list-map-keys, so it cannot be nullable');
  }
}

function* ruleProblems(rule: ValidationRule, s: JSONSchemaProps, at: FieldPath): Errors {
  const { rule: expression = '', message = '', messageExpression = '', reason, fieldPath = '' } = rule;
  const text = message.trim();
  if (expression.trim() === '') yield required(at('rule'), 'rule is not specified');
  else if (message !== '' && text === '') yield invalid(at('message'), message, 'must be non-empty if specified');
  else if (LINE_BREAK.test(text)) yield invalid(at('message'), message, 'must not contain line breaks');
  else if (LINE_BREAK.test(expression.trim()) && text === '')
    yield required(at('message'), 'message must be specified if rule contains line breaks');
  if (messageExpression !== '' && messageExpression.trim() === '')
    yield required(at('messageExpression'), 'messageExpression must be non-empty if specified');
  if (reason !== undefined && !REASONS.includes(reason)) yield notSupported(at('reason'), reason, REASONS);
  if (fieldPath === '') return;
  if (fieldPath.trim() === '') yield invalid(at('fieldPath'), fieldPath, 'must be non-empty if specified');
  if (LINE_BREAK.test(fieldPath)) yield invalid(at('fieldPath'), fieldPath, 'must not contain line breaks');
  if (fieldAt(fieldPath, s).why !== undefined) yield invalid(at('fieldPath'), fieldPath, 'must be a valid path');
}
