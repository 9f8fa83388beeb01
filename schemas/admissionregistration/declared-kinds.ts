import { declaredBySchema, type CelDeclared } from '../cel/index.ts';
import type { CustomResourceDefinition, JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import type { GroupVersionKind } from '../meta/object.ts';
import { schemaNameOf } from '../schema-names.ts';
import { builtinSchemas } from '../structural/builtin.ts';
import { schemaOf } from '../structural/custom-values.ts';
import type { FieldSchema } from '../structural/schema.ts';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const TEXT: JSONSchemaProps = { type: 'string' };

/**
 * What expressions see of objects of a kind; undefined if nobody serves it. `name` is that of the type, and is part of what is
 * said of it. Source: apiserver pkg/admission/plugin/policy/validating/typechecking.go declType, pkg/cel/openapi/resolver.
 */
export function declaredKind(
  gvk: GroupVersionKind,
  definitions: Iterable<CustomResourceDefinition>,
  name: string,
): CelDeclared | undefined {
  const builtin = builtinSchemas.definition(schemaNameOf(gvk));
  const schema = builtin ? spelledOut(builtin, new Set([schemaNameOf(gvk)])) : customSchema(gvk, definitions);
  return schema && declaredBySchema(schema, name, false);
}
/** Without references; where a definition is within itself, the inner one is an object of nothing. Source: resolver/refs.go. */
function spelledOut(schema: FieldSchema, within: ReadonlySet<string>): JSONSchemaProps {
  if (schema.ref !== undefined) {
    if (within.has(schema.ref)) return { type: 'object' };
    return spelledOut(builtinSchemas.definition(schema.ref) ?? {}, new Set([...within, schema.ref]));
  }
  const { type, format, fields, items, values } = schema;
  return {
    ...(type && { type }),
    ...(format === 'int-or-string' ? { 'x-kubernetes-int-or-string': true } : format && { format }),
    ...(items && { items: spelledOut(items, within) }),
    ...(values && { additionalProperties: spelledOut(values, within) }),
    ...(fields && {
      properties: Object.fromEntries(Object.entries(fields).map(([field, of]) => [field, spelledOut(of, within)])),
    }),
  };
}
function customSchema(
  { group, version, kind }: GroupVersionKind,
  definitions: Iterable<CustomResourceDefinition>,
): JSONSchemaProps | undefined {
  for (const { spec } of definitions) {
    if (spec.group !== group || spec.names.kind !== kind) continue;
    const schema = spec.versions.find(({ name, served }) => served && name === version)?.schema?.openAPIV3Schema;
    if (schema) return asPublished(schema, true);
  }
  return undefined;
}
/** As the OpenAPI document has it: resources have all of their metadata. Source: apiextensions-apiserver pkg/controller/openapi/builder. */
function asPublished(schema: JSONSchemaProps, isResource: boolean): JSONSchemaProps {
  const { 'x-kubernetes-embedded-resource': _, properties, items, additionalProperties, ...rest } = schema;
  const inner = (of: JSONSchemaProps): JSONSchemaProps =>
    asPublished(of, of['x-kubernetes-embedded-resource'] === true);
  const [each, others] = [schemaOf(items), schemaOf(additionalProperties)];
  return {
    ...rest,
    ...(isResource && { type: 'object' }),
    ...(each && { items: inner(each) }),
    ...(others && { additionalProperties: inner(others) }),
    ...((properties || isResource) && {
      properties: {
        ...Object.fromEntries(Object.entries(properties ?? {}).map(([field, of]) => [field, inner(of)])),
        ...(isResource && {
          apiVersion: TEXT,
          kind: TEXT,
          metadata: spelledOut(builtinSchemas.definition(OBJECT_META)!, new Set([OBJECT_META])),
        }),
      },
    }),
  };
}
