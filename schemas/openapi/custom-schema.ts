import { schemaObject, type Dialect, type Json } from './definitions.ts';
import type { Describe } from './descriptions.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
/** Any kind whose envelope is described: its words are those of all kinds. */
const DESCRIBED = 'io.k8s.api.core.v1.ConfigMap';
const INT_OR_STRING = [{ type: 'integer' }, { type: 'string' }];

/** What is published of a definition's schema, and where what it refers to is noted. */
export interface Publishing {
  readonly dialect: Dialect;
  readonly refs: Set<string>;
  readonly describe: Describe | undefined;
}

/**
 * A definition's own schema as it is published: with the fields that all kinds have, and in v2 without what clients of
 * v2 cannot read. Source: apiextensions-apiserver pkg/controller/openapi/builder buildKubeNative, openapi/v2 ToStructuralOpenAPIV2.
 */
export function publishedSchema(original: Json | undefined, publishing: Publishing): Json {
  const { dialect } = publishing;
  // kubectl takes properties for all that there may be, so those of any are not told.
  if (original === undefined || (dialect.version === 2 && original['x-kubernetes-preserve-unknown-fields'] === true))
    return { type: 'object' };
  const schema = dialect.version === 2 ? inV2(original) : original;
  const out = embedded(schema, publishing);
  return { ...out, properties: { ...(out['properties'] as Json | undefined), ...envelope(publishing) } };
}
/** apiVersion, kind and metadata, described as those of built-in kinds. */
function envelope({ dialect, refs, describe }: Publishing): Json {
  const about = describe?.(DESCRIBED)?.fields;
  const text = (name: string): Json => schemaObject({ type: 'string' }, dialect, refs, about?.get(name));
  return {
    apiVersion: text('apiVersion'),
    kind: text('kind'),
    metadata: schemaObject({ ref: OBJECT_META }, dialect, refs, METADATA),
  };
}

const CONVENTIONS = 'https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
/** What every kind's metadata is said to be. A fact: clients print it, and conformance tests look for it. */
const METADATA = `Standard object's metadata. More info: ${CONVENTIONS}#metadata`;

/** `change` of every schema below this one, and of it. */
function everywhere(schema: Json, change: (schema: Json) => Json): Json {
  const out = change(schema);
  const { items, properties, additionalProperties } = out;
  return {
    ...out,
    ...(isSchema(items) && { items: everywhere(items, change) }),
    ...(isSchema(additionalProperties) && { additionalProperties: everywhere(additionalProperties, change) }),
    ...(isSchema(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, one]) => [name, everywhere(one as Json, change)]),
      ),
    }),
  };
}
const isSchema = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const inV2 = (schema: Json): Json =>
  everywhere(schema, (one) => {
    const { allOf: _a, oneOf: _o, anyOf: _y, not: _n, default: _d, nullable, ...out } = one;
    const isAny = out['x-kubernetes-preserve-unknown-fields'] === true;
    if (nullable === true || isAny) {
      delete out['items'];
      delete out['properties'];
    }
    if (nullable === true || (isAny && out['type'] === 'object')) delete out['type'];
    if (out['items'] === undefined && out['type'] === 'array') delete out['type'];
    const properties = out['properties'] as Readonly<Record<string, Json>> | undefined;
    const required = (out['required'] as readonly string[] | undefined)?.filter((name) => properties?.[name]?.['nullable'] !== true); // prettier-ignore
    if (required?.length === 0) delete out['required'];
    else if (required !== undefined) out['required'] = required;
    return out;
  });

/** Objects within the object have an envelope too, and what may be a number or a text says so where that can be said. */
const embedded = (schema: Json, publishing: Publishing): Json =>
  everywhere(schema, (one) => {
    const isV2 = publishing.dialect.version === 2;
    if (one['x-kubernetes-int-or-string'] === true && !isV2) return { anyOf: INT_OR_STRING, ...one };
    if (one['x-kubernetes-embedded-resource'] !== true) return one;
    if (isV2 && one['x-kubernetes-preserve-unknown-fields'] === true) return one;
    const required = [
      ...new Set([...((one['required'] as readonly string[] | undefined) ?? []), 'kind', 'apiVersion']),
    ];
    return { ...one, required, properties: { ...(one['properties'] as Json | undefined), ...envelope(publishing) } };
  });
