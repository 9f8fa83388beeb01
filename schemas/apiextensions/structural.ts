import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { equal } from '../meta/equal.ts';
import { gathered, type SteppedErrors } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
import { forbidden, invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { patternProblem } from '../structural/scalar-values.ts';

type Errors = SteppedErrors;
type Level = 'root' | 'item' | 'field';
const EMPTY_TYPE: Readonly<Record<Level, string>> = {
  root: 'must not be empty at the root',
  item: 'must not be empty for specified array items',
  field: 'must not be empty for specified object fields',
};
const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];
const subSchema = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;

/** Why a schema cannot be made structural at all: it is reported only when nothing else is wrong. */
export function unstructurable(s: JSONSchemaProps): string | undefined {
  if (s.id) return "OpenAPIV3Schema 'id' is not supported";
  if (s.$schema) return "OpenAPIV3Schema 'schema' is not supported";
  if (s.$ref) return "OpenAPIV3Schema '$ref' is not supported";
  if (Object.keys(s.patternProperties ?? {}).length > 0) return "OpenAPIV3Schema 'patternProperties' is not supported";
  if (Object.keys(s.dependencies ?? {}).length > 0) return "OpenAPIV3Schema 'dependencies' is not supported";
  if (s.additionalItems !== undefined) return "OpenAPIV3Schema 'additionalItems' is not supported";
  if (Object.keys(s.definitions ?? {}).length > 0) return "OpenAPIV3Schema 'definitions' is not supported";
  if (s['x-kubernetes-preserve-unknown-fields'] === false)
    return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined";
  if (Array.isArray(s.items)) return "OpenAPIV3Schema 'items' must be a schema, but is an array";
  const inner = [...(s.allOf ?? []), ...(s.anyOf ?? []), ...(s.oneOf ?? []), ...Object.values(s.properties ?? {})];
  for (const one of [s.not, s.items, s.additionalProperties]) {
    const schema = subSchema(one);
    if (schema) inner.push(schema);
  }
  for (const one of inner) {
    const why = unstructurable(one);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Whether every value has a known type, and what restricts it stands beside it. Source: apiextensions-apiserver pkg/apiserver/schema ValidateStructural. */
export function* structuralProblems(schema: JSONSchemaProps, at: FieldPath): Steps<readonly FieldError[]> {
  const found = yield* gathered(invariants(schema, 'root', at));
  for (const error of yield* gathered(completeness(schema, schema, at, at))) found.push(error);
  const shown = found.map((error) => ({ error, text: `${error.field}: ${error.message}` }));
  return shown.sort((a, b) => (a.text < b.text ? -1 : 1)).map(({ error }) => error);
}

function* invariants(s: JSONSchemaProps, level: Level, at: FieldPath): Errors {
  yield undefined;
  const { type = '', properties = {} } = s;
  const isEmbedded = s['x-kubernetes-embedded-resource'] === true;
  const isIntOrString = s['x-kubernetes-int-or-string'] === true;
  const isPreserving = s['x-kubernetes-preserve-unknown-fields'] === true;
  const items = subSchema(s.items);
  if (type === 'array' && !items) yield required(at('items'), 'must be specified');
  if (items) yield* invariants(items, 'item', at('items'));
  for (const [name, sub] of Object.entries(properties)) yield* invariants(sub, 'field', at('properties').key(name));
  if (s.additionalProperties !== undefined) {
    if (level === 'root') yield forbidden(at('additionalProperties'), 'must not be used at the root');
    const sub = subSchema(s.additionalProperties);
    if (sub) yield* invariants(sub, 'field', at('additionalProperties'));
  }
  if (isIntOrString && isPreserving)
    yield invalid(
      at('x-kubernetes-preserve-unknown-fields'),
      true,
      'must be false if x-kubernetes-int-or-string is true',
    );
  if (isIntOrString && isEmbedded)
    yield invalid(at('x-kubernetes-embedded-resource'), true, 'must be false if x-kubernetes-int-or-string is true');
  yield* valueRules(s, equal(s.anyOf, INT_OR_STRING), equal(s.allOf?.[0]?.anyOf, INT_OR_STRING), at);

  if (isEmbedded && type !== 'object')
    yield type === ''
      ? required(at('type'), 'must be object if x-kubernetes-embedded-resource is true')
      : invalid(at('type'), type, 'must be object if x-kubernetes-embedded-resource is true');
  else if (type === '' && !isIntOrString && !isPreserving) yield required(at('type'), EMPTY_TYPE[level]);
  if (isEmbedded && s.additionalProperties !== undefined)
    yield forbidden(at('additionalProperties'), 'must not be used if x-kubernetes-embedded-resource is set');
  if (level === 'root' && type !== '' && type !== 'object')
    yield invalid(at('type'), type, 'must be object at the root');

  const isObject = level === 'root' || isEmbedded;
  for (const name of ['kind', 'apiVersion'])
    if (isObject && Object.hasOwn(properties, name) && properties[name]!.type !== 'string')
      yield invalid(at('properties').key(name)('type'), properties[name]!.type ?? '', 'must be string');
  if (Object.hasOwn(properties, 'metadata'))
    yield* metadataRules(properties['metadata']!, isObject, level, at('properties').key('metadata'));
  if (isEmbedded && !isPreserving && Object.keys(properties).length === 0)
    yield required(
      at('properties'),
      'must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields',
    );
}
function* metadataRules(s: JSONSchemaProps, isObject: boolean, level: Level, at: FieldPath): Errors {
  if (isObject && s.type !== 'object') yield invalid(at('type'), s.type ?? '', 'must be object');
  if (level !== 'root') return;
  const { type: _type, default: _default, properties = {}, ...rest } = s;
  const isRestricted = Object.keys(properties).some((name) => name !== 'name' && name !== 'generateName');
  if (isRestricted || Object.values(rest).some((value) => value !== undefined && value !== false && value !== ''))
    yield forbidden(
      at,
      'must not specify anything other than name and generateName, but metadata is implicitly specified',
    );
}

/** What stands in allOf, anyOf, oneOf and not may only restrict. */
function* valueRules(s: JSONSchemaProps, skipAnyOf: boolean, skipFirstAllOfAnyOf: boolean, at: FieldPath): Errors {
  if (!skipAnyOf) for (const [i, one] of (s.anyOf ?? []).entries()) yield* nestedRules(one, false, at('anyOf')(i));
  for (const [i, one] of (s.allOf ?? []).entries())
    yield* nestedRules(one, skipFirstAllOfAnyOf && i === 0, at('allOf')(i));
  for (const [i, one] of (s.oneOf ?? []).entries()) yield* nestedRules(one, false, at('oneOf')(i));
  if (s.not) yield* nestedRules(s.not, false, at('not'));
  const why = s.pattern ? patternProblem(s.pattern) : undefined;
  if (why !== undefined)
    yield invalid(at('pattern'), s.pattern, `must be a valid regular expression, but isn't: ${why}`);
}
const FORBIDDEN = [
  ['type', 'must be empty to be structural'],
  ['additionalProperties', 'must be undefined to be structural'],
  ['default', 'must be undefined to be structural'],
  ['title', 'must be empty to be structural'],
  ['description', 'must be empty to be structural'],
  ['nullable', 'must be false to be structural'],
  ['x-kubernetes-preserve-unknown-fields', 'must be false to be structural'],
  ['x-kubernetes-embedded-resource', 'must be false to be structural'],
  ['x-kubernetes-int-or-string', 'must be false to be structural'],
  ['x-kubernetes-list-map-keys', 'must be empty to be structural'],
  ['x-kubernetes-list-type', 'must be undefined to be structural'],
  ['x-kubernetes-map-type', 'must be undefined to be structural'],
  ['x-kubernetes-validations', 'must be empty to be structural'],
] as const;
const isSet = (value: unknown): boolean =>
  value !== undefined && value !== '' && value !== false && !(Array.isArray(value) && value.length === 0);

function* nestedRules(s: JSONSchemaProps, skipAnyOf: boolean, at: FieldPath): Errors {
  yield undefined;
  yield* valueRules(s, skipAnyOf, false, at);
  const items = subSchema(s.items);
  if (items) yield* nestedRules(items, false, at('items'));
  for (const [name, sub] of Object.entries(s.properties ?? {}))
    yield* nestedRules(sub, false, at('properties').key(name));
  for (const [name, why] of FORBIDDEN)
    if (isSet(s[name]) || (name === 'default' && s.default === false)) yield forbidden(at(name), why);
  if (Object.hasOwn(s.properties ?? {}, 'metadata'))
    yield forbidden(at('properties').key('metadata'), 'must not be specified in a nested context');
}

/** Every property and item that is restricted is also specified. */
function* completeness(rules: JSONSchemaProps, s: JSONSchemaProps, at: FieldPath, from: FieldPath): Errors {
  if (rules.not) yield* nestedCompleteness(rules.not, s, at, from('not'));
  for (const group of ['allOf', 'anyOf', 'oneOf'] as const)
    for (const [i, one] of (rules[group] ?? []).entries()) yield* nestedCompleteness(one, s, at, from(group)(i));
}
function* nestedCompleteness(
  rules: JSONSchemaProps,
  s: JSONSchemaProps | undefined,
  at: FieldPath,
  from: FieldPath,
): Errors {
  if (!s) {
    yield required(at, `because it is defined in ${from}`);
    return;
  }
  yield* completeness(rules, s, at, from);
  const items = subSchema(rules.items);
  if (items) yield* nestedCompleteness(items, subSchema(s.items), at('items'), from('items'));
  for (const [name, sub] of Object.entries(rules.properties ?? {})) {
    const own = Object.hasOwn(s.properties ?? {}, name) ? s.properties![name] : undefined;
    yield* nestedCompleteness(sub, own, at('properties').key(name), from('properties').key(name));
  }
}
