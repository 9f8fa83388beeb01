import type { CustomResourceDefinitionVersion, JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { duplicate, fieldPath, invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
import type { DynamicObject } from '../meta/object.ts';
import { dns1035Label, pathSegment } from '../meta/names.ts';
import { isObject, schemaOf } from '../structural/custom-values.ts';
import { validateValue } from '../structural/values.ts';

type Errors = Generator<FieldError, void, undefined>;
const MAX_REPLICAS = 2 ** 31 - 1;
const NUMBER = 'expected int64';

/** `old`: on update. Source: apiextensions-apiserver pkg/registry/customresource strategy.go Validate, ValidateUpdate; validator.go. */
export function* customProblems(
  object: DynamicObject,
  kind: string,
  version: CustomResourceDefinitionVersion,
  old?: DynamicObject,
): SteppedErrors {
  const schema = version.schema?.openAPIV3Schema ?? {};
  if (object.kind !== kind) yield invalid(fieldPath('kind'), object.kind ?? '', `must be ${kind}`);
  else {
    const { metadata: _metadata, ...rest } = object;
    yield* yield* validateValue(rest, withoutMeta(schema), '', old && { value: old });
    yield* scaleProblems(object, version, true);
  }
  yield* embeddedProblems(object, schema, fieldPath());
  yield* newListProblems(object, old, schema);
}
/** Source: apiextensions-apiserver pkg/registry/customresource status_strategy.go ValidateUpdate. */
export function* customStatusProblems(
  object: DynamicObject,
  version: CustomResourceDefinitionVersion,
  old: DynamicObject,
): SteppedErrors {
  const whole = version.schema?.openAPIV3Schema ?? {};
  const schema = whole.properties?.['status'];
  const before = Object.hasOwn(old, 'status') ? { value: old['status'] } : undefined;
  if (object['status'] !== undefined && schema) yield* yield* validateValue(object['status'], schema, 'status', before);
  yield* scaleProblems(object, version, false);
  yield* newListProblems(object, old, whole);
}
/** Where lists were wrong already, nothing is said of any. */
function* newListProblems(object: DynamicObject, old: DynamicObject | undefined, schema: JSONSchemaProps): Errors {
  if (old !== undefined && listProblems(old, schema, fieldPath()).next().done !== true) return;
  yield* listProblems(object, schema, fieldPath());
}
/** metadata has rules of its own. */
function withoutMeta(schema: JSONSchemaProps): JSONSchemaProps {
  if (!schema.properties?.['metadata'] && !schema.required?.includes('metadata')) return schema;
  const { metadata: _metadata, ...properties } = schema.properties ?? {};
  return {
    ...schema,
    properties,
    ...(schema.required && { required: schema.required.filter((name) => name !== 'metadata') }),
  };
}

/** Paths are printed as the definition has them, the leading dot included. */
function* scaleProblems(object: DynamicObject, version: CustomResourceDefinitionVersion, ofSpec: boolean): Errors {
  const scale = version.subresources?.scale;
  if (!scale) return;
  if (ofSpec) yield* replicas(object, scale.specReplicasPath);
  yield* replicas(object, scale.statusReplicasPath);
  if (!scale.labelSelectorPath) return;
  const { why } = nested(object, scale.labelSelectorPath, 'string', 'expected string');
  if (why !== undefined) yield invalid(fieldPath(scale.labelSelectorPath), '', why);
}
function* replicas(object: DynamicObject, path: string): Errors {
  const { value, why } = nested(object, path, 'number', NUMBER);
  const at = fieldPath(path);
  if (why !== undefined) yield invalid(at, 0, why);
  else if (((value as number | undefined) ?? 0) < 0) yield invalid(at, value, 'should be a non-negative integer');
  else if (((value as number | undefined) ?? 0) > MAX_REPLICAS)
    yield invalid(at, value, `should be less than or equal to ${MAX_REPLICAS}`);
}
/** Source: apimachinery unstructured NestedInt64, NestedString. */
function nested(
  object: DynamicObject,
  path: string,
  type: 'number' | 'string',
  wanted: string,
): { value?: unknown; why?: string } {
  let value: unknown = object;
  const names = path.replace(/^\./, '').split('.');
  for (const name of names) {
    if (value === undefined || value === null) return {};
    if (!isObject(value))
      return {
        why: `${path} accessor error: ${show(value)} is of the type ${goType(value)}, expected map[string]interface{}`,
      };
    value = value[name];
  }
  if (value === undefined) return {};
  if (typeof value !== type || (type === 'number' && !Number.isInteger(value)))
    return { why: `${path} accessor error: ${show(value)} is of the type ${goType(value)}, ${wanted}` };
  return { value };
}
const show = (value: unknown): string => (typeof value === 'string' ? value : value === null ? '<nil>' : Array.isArray(value) ? `[${value.map(show).join(' ')}]` : isObject(value) ? `map[${Object.keys(value).toSorted().map((k) => `${k}:${show(value[k])}`).join(' ')}]` : String(value)); // prettier-ignore
const goType = (value: unknown): string => {
  if (value === null) return '<nil>';
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
};

/** Whether something holds for a schema or for any within it, looked up once a schema: values of most need not be walked. */
function anywhere(holds: (schema: JSONSchemaProps) => boolean): (schema: JSONSchemaProps) => boolean {
  const known = new WeakMap<JSONSchemaProps, boolean>();
  return function look(schema): boolean {
    let found = known.get(schema);
    if (found === undefined) {
      const { items, additionalProperties, properties } = schema;
      const within = [schemaOf(items), schemaOf(additionalProperties), ...Object.values(properties ?? {})];
      found = holds(schema) || within.some((part) => isObject(part) && look(part));
      known.set(schema, found);
    }
    return found;
  };
}
const hasEmbedded = anywhere((schema) => schema['x-kubernetes-embedded-resource'] === true);
const hasListTypes = anywhere((schema) => ['set', 'map'].includes(schema['x-kubernetes-list-type'] ?? ''));

/** Objects in the object name their type. Source: apiextensions-apiserver schema/objectmeta Validate. */
function* embeddedProblems(value: unknown, schema: JSONSchemaProps | undefined, at: FieldPath): Errors {
  if (schema === undefined || !hasEmbedded(schema)) return;
  if (Array.isArray(value)) {
    const items = schemaOf(schema.items);
    if (items && hasEmbedded(items))
      for (const [i, item] of value.entries()) yield* embeddedProblems(item, items, at(i));
    return;
  }
  if (!isObject(value)) return;
  if (schema['x-kubernetes-embedded-resource']) yield* resourceProblems(value, at);
  const others = schemaOf(schema.additionalProperties);
  for (const [name, inner] of Object.entries(value)) {
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (own && hasEmbedded(own)) yield* embeddedProblems(inner, own, at(name));
    else if (!own && others && hasEmbedded(others)) yield* embeddedProblems(inner, others, at.key(name));
  }
}
function* resourceProblems({ apiVersion, kind, metadata }: Record<string, unknown>, at: FieldPath): Errors {
  if (apiVersion === undefined) yield required(at('apiVersion'));
  else if (typeof apiVersion !== 'string') yield invalid(at('apiVersion'), apiVersion, 'must be a string');
  else if (apiVersion === '') yield invalid(at('apiVersion'), '', 'must not be empty');
  else if (apiVersion.split('/').length > 2)
    yield invalid(at('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  if (kind === undefined) yield required(at('kind'));
  else if (typeof kind !== 'string') yield invalid(at('kind'), kind, 'must be a string');
  else if (kind === '') yield invalid(at('kind'), '', 'must not be empty');
  else {
    const found = dns1035Label(kind.toLowerCase());
    if (found.length > 0)
      yield invalid(at('kind'), kind, `may have mixed case, but should otherwise match: ${found.join(',')}`);
  }
  const { name } = isObject(metadata) ? metadata : {};
  if (typeof name === 'string' && name !== '')
    for (const why of pathSegment(name)) yield invalid(at('metadata')('name'), name, why);
}

/** Sets have no item twice, maps no key. Source: apiextensions-apiserver schema/listtype. */
export function* listProblems(value: unknown, schema: JSONSchemaProps | undefined, at: FieldPath): Errors {
  if (schema === undefined || !hasListTypes(schema)) return;
  if (Array.isArray(value)) {
    const items = schemaOf(schema.items);
    if (schema['x-kubernetes-list-type'] === 'set') yield* twice(value, value, at);
    if (schema['x-kubernetes-list-type'] === 'map')
      yield* mapItems(value, schema['x-kubernetes-list-map-keys'] ?? [], at);
    if (items && hasListTypes(items)) for (const [i, item] of value.entries()) yield* listProblems(item, items, at(i));
    return;
  }
  if (!isObject(value)) return;
  const others = schemaOf(schema.additionalProperties);
  for (const [name, inner] of Object.entries(value)) {
    const own = schema.properties && Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
    if (own && hasListTypes(own)) yield* listProblems(inner, own, at(name));
    else if (!own && others && hasListTypes(others)) yield* listProblems(inner, others, at.key(name));
  }
}
/** Tells the second appearance of each, not the third. */
function* twice(names: readonly unknown[], shown: readonly unknown[], at: FieldPath): Errors {
  const seen = new Map<string, number>();
  for (const [i, name] of names.entries()) {
    const key = JSON.stringify(name) ?? 'undefined';
    const times = seen.get(key) ?? 0;
    if (times === 1) yield duplicate(at(i), shown[i]);
    seen.set(key, times + 1);
  }
}
function* mapItems(list: readonly unknown[], keys: readonly string[], at: FieldPath): Errors {
  const wrong = list.findIndex((item) => item !== null && !isObject(item));
  if (wrong >= 0) {
    yield invalid(at(wrong), list[wrong], 'must be an object for an array of list-type map');
    return;
  }
  const names = list.map((item) =>
    Object.fromEntries(
      keys
        .filter((k) => isObject(item) && Object.hasOwn(item, k))
        .map((k) => [k, (item as Record<string, unknown>)[k]]),
    ),
  );
  yield* twice(names, names, at);
}

/** True where the definition has rules (x-kubernetes-validations), at whatever depth. */
export const isRuled = anywhere((schema) => (schema['x-kubernetes-validations']?.length ?? 0) > 0);
const BLOCKING = new Set<FieldError['reason']>([
  'FieldValueNotSupported', 'FieldValueRequired', 'FieldValueTooLong', 'FieldValueTooMany', 'FieldValueTypeInvalid',
]); // prettier-ignore
/**
 * The errors, and those of the rules if there are some; or that they were not checked, as the object is not what they may
 * count on.
 * Source: apiextensions-apiserver pkg/registry/customresource strategy.go hasBlockingErr.
 */
export function* withRules(found: SteppedErrors, rules: (() => Steps<readonly FieldError[]>) | undefined): SteppedErrors {
  let isBlocked = false;
  for (const error of found) {
    if (error !== undefined && BLOCKING.has(error.reason)) isBlocked = true;
    yield error;
  }
  if (!rules) return;
  if (!isBlocked) {
    yield* yield* rules();
    return;
  }
  const why =
    'some validation rules were not checked because the object was invalid; correct the existing errors to complete validation';
  yield { reason: 'FieldValueInvalid', field: '<nil>', message: `Invalid value: null: ${why}` };
} // prettier-ignore
