import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import type { InternalVersion } from './internal-spec.ts';

/** Values as the server prints its own structs of them in errors: every field, by its name in Go. Source: apiextensions types.go, types_jsonschema.go. */
type Fields = Record<string, unknown>;
const byKey = <T>(map: Readonly<Record<string, T>> | undefined, print: (value: T) => unknown): Fields | null =>
  map
    ? Object.fromEntries(
        Object.keys(map)
          .toSorted()
          .map((key) => [key, print(map[key]!)]),
      )
    : null;
const list = <T>(values: readonly T[] | undefined, print: (value: T) => unknown): unknown[] | null =>
  values?.map(print) ?? null;
const same = <T>(value: T): T => value;
const orBool = (value: unknown): Fields | null => {
  if (value === undefined) return null;
  return typeof value === 'boolean'
    ? { Allows: value, Schema: null }
    : { Allows: true, Schema: printSchema(value as JSONSchemaProps) };
};
const orArray = (value: unknown): Fields | null => {
  if (value === undefined) return null;
  return Array.isArray(value)
    ? { Schema: null, JSONSchemas: value.map((one) => printSchema(one as JSONSchemaProps)) }
    : { Schema: printSchema(value as JSONSchemaProps), JSONSchemas: null };
};
export const printRule = (rule: ValidationRule): Fields => ({
  Rule: rule.rule,
  Message: rule.message ?? '',
  MessageExpression: rule.messageExpression ?? '',
  Reason: rule.reason ?? null,
  FieldPath: rule.fieldPath ?? '',
  OptionalOldSelf: rule.optionalOldSelf ?? null,
});
export function printSchema(s: JSONSchemaProps): Fields {
  return {
    ID: s.id ?? '', Schema: s.$schema ?? '', Ref: s.$ref ?? null, Description: s.description ?? '', Type: s.type ?? '',
    Nullable: s.nullable ?? false, Format: s.format ?? '', Title: s.title ?? '', Default: s.default ?? null,
    Maximum: s.maximum ?? null, ExclusiveMaximum: s.exclusiveMaximum ?? false,
    Minimum: s.minimum ?? null, ExclusiveMinimum: s.exclusiveMinimum ?? false,
    MaxLength: s.maxLength ?? null, MinLength: s.minLength ?? null, Pattern: s.pattern ?? '',
    MaxItems: s.maxItems ?? null, MinItems: s.minItems ?? null, UniqueItems: s.uniqueItems ?? false,
    MultipleOf: s.multipleOf ?? null, Enum: list(s.enum, same),
    MaxProperties: s.maxProperties ?? null, MinProperties: s.minProperties ?? null, Required: list(s.required, same),
    Items: orArray(s.items), AllOf: list(s.allOf, printSchema), OneOf: list(s.oneOf, printSchema), AnyOf: list(s.anyOf, printSchema),
    Not: s.not ? printSchema(s.not) : null, Properties: byKey(s.properties, printSchema),
    AdditionalProperties: orBool(s.additionalProperties), PatternProperties: byKey(s.patternProperties, printSchema),
    Dependencies: byKey(s.dependencies, (one) =>
      Array.isArray(one) ? { Schema: null, Property: one } : { Schema: printSchema(one as JSONSchemaProps), Property: null }),
    AdditionalItems: orBool(s.additionalItems), Definitions: byKey(s.definitions, printSchema),
    ExternalDocs: s.externalDocs ? { Description: s.externalDocs.description ?? '', URL: s.externalDocs.url ?? '' } : null,
    Example: s.example ?? null, XPreserveUnknownFields: s['x-kubernetes-preserve-unknown-fields'] ?? null,
    XEmbeddedResource: s['x-kubernetes-embedded-resource'] ?? false, XIntOrString: s['x-kubernetes-int-or-string'] ?? false,
    XListMapKeys: list(s['x-kubernetes-list-map-keys'], same), XListType: s['x-kubernetes-list-type'] ?? null,
    XMapType: s['x-kubernetes-map-type'] ?? null, XValidations: list(s['x-kubernetes-validations'], printRule),
  }; // prettier-ignore
}
export const printVersions = (versions: readonly InternalVersion[] | undefined): readonly unknown[] | null =>
  list(versions, (v) => ({
    Name: v.name, Served: v.served, Storage: v.storage, Deprecated: v.deprecated, DeprecationWarning: v.deprecationWarning ?? null,
    Schema: v.schema ? { OpenAPIV3Schema: v.schema.openAPIV3Schema ? printSchema(v.schema.openAPIV3Schema) : null } : null,
    Subresources: v.subresources
      ? {
          Status: v.subresources.status ? {} : null,
          Scale: v.subresources.scale
            ? { SpecReplicasPath: v.subresources.scale.specReplicasPath, StatusReplicasPath: v.subresources.scale.statusReplicasPath, LabelSelectorPath: v.subresources.scale.labelSelectorPath ?? null }
            : null,
        }
      : null,
    AdditionalPrinterColumns: list(v.columns, (c) => ({ Name: c.name, Type: c.type, Format: c.format ?? '', Description: c.description ?? '', Priority: c.priority ?? 0, JSONPath: c.jsonPath })),
    SelectableFields: list(v.selectableFields, (f) => ({ JSONPath: f.jsonPath })),
  })); // prettier-ignore
