import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import { equal } from '../meta/equal.ts';
import { invalid, required, type FieldError, type FieldPath } from '../meta/field.ts';
import { validateValue } from '../structural/values.ts';

type Errors = Generator<FieldError, void, undefined>;
const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
const META = new Set(['apiVersion', 'kind', 'metadata']);

/** Every default keeps to its own schema and has no field that would be pruned. Source: apiextensions-apiserver pkg/apiserver/schema/defaulting ValidateDefaults. */
export function* defaultProblems(s: JSONSchemaProps, at: FieldPath): SteppedErrors {
  yield undefined;
  if (s.default !== undefined && s.default !== null) {
    const value: unknown = s.default;
    if (!equal(pruned(value, s), value)) yield invalid(at('default'), value, 'must not have unknown fields');
    yield undefined;
    const missing = s['x-kubernetes-embedded-resource'] ? [...missingType(value, at('default'))] : [];
    yield* missing.length > 0 ? missing : yield* validateValue(value, s, `${at('default')}`);
  }
  const items = schemaOf(s.items);
  if (items) yield* defaultProblems(items, at('items'));
  for (const [name, sub] of Object.entries(s.properties ?? {})) yield* defaultProblems(sub, at('properties').key(name));
}

/** Source: apiextensions-apiserver pkg/apiserver/schema/objectmeta Validate. */
function* missingType(value: unknown, at: FieldPath): Errors {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return;
  for (const name of ['apiVersion', 'kind']) if (!Object.hasOwn(value, name)) yield required(at(name));
}
/** A copy without what the schema does not name. Source: apiextensions-apiserver pkg/apiserver/schema/pruning. */
function pruned(value: unknown, s: JSONSchemaProps | undefined): unknown {
  if (Array.isArray(value))
    return s?.['x-kubernetes-preserve-unknown-fields'] && !s.items
      ? value
      : value.map((item) => pruned(item, schemaOf(s?.items)));
  if (typeof value !== 'object' || value === null) return value;
  const others = s?.additionalProperties;
  const isEmbedded = s?.['x-kubernetes-embedded-resource'] === true;
  const out: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const own = Object.hasOwn(s?.properties ?? {}, name) ? s!.properties![name] : undefined;
    if (isEmbedded && META.has(name)) out[name] = item;
    else if (own) out[name] = pruned(item, own);
    else if (schemaOf(others)) out[name] = pruned(item, schemaOf(others));
    else if (others === true || s?.['x-kubernetes-preserve-unknown-fields']) out[name] = item;
  }
  return out;
}
