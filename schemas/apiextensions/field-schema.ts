import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { schemaOf } from '../structural/custom-values.ts';
import type { FieldSchema } from '../structural/schema.ts';

const OBJECT_META: FieldSchema = { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' };
const TYPE_META: Readonly<Record<string, FieldSchema>> = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
const ANYTHING: FieldSchema = {};

/** The structure of a custom kind as merging, ownership and OpenAPI see it; defaults and rules are not part of it. Source: apiextensions-apiserver pkg/controller/openapi/builder. */
export function fieldSchema(schema: JSONSchemaProps, isRoot = false): FieldSchema {
  if (schema['x-kubernetes-int-or-string']) return { format: 'int-or-string' };
  const preserves = schema['x-kubernetes-preserve-unknown-fields'] === true;
  switch (schema.type) {
    case 'object':
      return objectSchema(schema, isRoot || schema['x-kubernetes-embedded-resource'] === true, preserves);
    case 'array':
      return {
        type: 'array',
        items: fieldSchema(schemaOf(schema.items) ?? {}),
        listType: (schema['x-kubernetes-list-type'] as FieldSchema['listType']) ?? 'atomic',
        ...(schema['x-kubernetes-list-map-keys'] && { listMapKeys: schema['x-kubernetes-list-map-keys'] }),
      };
    case 'string': case 'integer': case 'number': case 'boolean':
      return { type: schema.type, ...(schema.format && { format: schema.format }), ...(schema.default !== undefined && { default: schema.default }) };
    default:
      return ANYTHING;
  }
} // prettier-ignore
function objectSchema(schema: JSONSchemaProps, isResource: boolean, preserves: boolean): FieldSchema {
  const others = schema.additionalProperties;
  const values = schemaOf(others);
  const fields: Record<string, FieldSchema> = isResource ? { ...TYPE_META, metadata: OBJECT_META } : {};
  for (const [name, sub] of Object.entries(schema.properties ?? {}))
    if (!(isResource && Object.hasOwn(fields, name))) fields[name] = fieldSchema(sub);
  const isAtomic = schema['x-kubernetes-map-type'] === 'atomic';
  const open = values ? fieldSchema(values) : preserves || others === true ? ANYTHING : undefined;
  return {
    type: 'object',
    ...((Object.keys(fields).length > 0 || open === undefined) && { fields }),
    ...(open && { values: open }),
    ...(isAtomic && { mapType: 'atomic' as const }),
    ...(schema.required && { required: schema.required }),
  };
}
