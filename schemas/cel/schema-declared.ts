import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import type { CelDeclared, CelField } from './declared.ts';
import { celName } from './names.ts';
import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  listOf,
  mapOf,
  objectOf,
  STRING,
  TIMESTAMP,
  type CelType,
} from './types.ts';

/** The largest request there is; what has no bound of its own is bounded by it. */
export const LARGEST_REQUEST = 3 * 1024 * 1024;
const DURATION_TEXT = { min: 3, max: 32 };
const DATE_TEXT = 12;
const DATE_TIME_TEXT = { min: 21, max: 32 };

export const schemaOf = (value: unknown): JSONSchemaProps | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
const declare = (type: CelType, minSize: number, more: Partial<CelDeclared> = {}): CelDeclared => ({
  type,
  minSize,
  ...more,
});
/** The keys of maps. */
const KEY = declare(STRING, 2);

/**
 * What expressions see of a value of a structural schema; undefined where they see nothing of it. `name` is that of the type;
 * the types within are named after it. `isRoot`: of a custom resource, or of a resource embedded in one.
 * Source: apiserver pkg/cel/common/schemas.go SchemaDeclType, pkg/cel/types.go MaybeAssignTypeName.
 */
export function declaredBySchema(schema: JSONSchemaProps, name: string, isRoot: boolean): CelDeclared | undefined {
  if (schema['x-kubernetes-int-or-string'] === true) {
    const most = schema.maxLength === undefined ? LARGEST_REQUEST - 2 : characters(schema.maxLength);
    return declare(DYN, 1, { maxElements: most, format: 'int-or-string' });
  }
  const nullable = schema.nullable === true ? { nullable: true } : {};
  switch (isRoot ? (schema.type ?? 'object') : schema.type) {
    case 'array':
      return listDeclared(schema, name, nullable);
    case 'object':
      return objectDeclared(isRoot ? withMeta(schema) : schema, name, nullable);
    case 'string':
      return { ...stringDeclared(schema), ...nullable };
    case 'boolean':
      return declare(BOOL, 4, nullable);
    case 'number':
      return declare(DOUBLE, 1, nullable);
    case 'integer':
      return declare(INT, 1, nullable);
    default:
      return undefined;
  }
}
function listDeclared(schema: JSONSchemaProps, name: string, more: Partial<CelDeclared>): CelDeclared | undefined {
  const items = schemaOf(schema.items);
  const element = items && declaredBySchema(items, `${name}.@idx`, items['x-kubernetes-embedded-resource'] === true);
  if (!element) return undefined;
  const most =
    schema.maxItems === undefined
      ? Math.floor((LARGEST_REQUEST - 2) / (element.minSize + 1))
      : Math.max(0, schema.maxItems);
  const listType = schema['x-kubernetes-list-type'] as CelDeclared['listType'];
  return declare(listOf(element.type), 2, {
    maxElements: most,
    element,
    ...(listType && { listType }),
    ...(schema['x-kubernetes-list-map-keys'] && { listMapKeys: schema['x-kubernetes-list-map-keys'] }),
    ...more,
  });
}
function objectDeclared(schema: JSONSchemaProps, name: string, more: Partial<CelDeclared>): CelDeclared | undefined {
  const others = schemaOf(schema.additionalProperties);
  if (others) {
    const element = declaredBySchema(others, `${name}.@elem`, others['x-kubernetes-embedded-resource'] === true);
    if (!element) return undefined;
    const most =
      schema.maxProperties === undefined
        ? Math.floor((LARGEST_REQUEST - 2) / (element.minSize + 6))
        : Math.max(0, schema.maxProperties);
    return declare(mapOf(STRING, element.type), 2, { maxElements: most, key: KEY, element, ...more });
  }
  const fields = new Map<string, CelField>();
  const required = new Set(schema.required ?? []);
  let minSize = 2;
  for (const [property, sub] of Object.entries(schema.properties ?? {})) {
    const escaped = celName(property);
    const declared = declaredBySchema(sub, `${name}.${escaped}`, sub['x-kubernetes-embedded-resource'] === true);
    if (!declared) continue;
    if (escaped !== undefined) fields.set(escaped, { name: property, declared });
    if (required.has(property) && sub.default === undefined)
      minSize += Buffer.byteLength(property) + declared.minSize + 4;
  }
  return declare(objectOf(name), minSize, { fields, ...more });
}
/** What every object of a kind has, whatever its schema says. */
function withMeta(schema: JSONSchemaProps): JSONSchemaProps {
  const text = { type: 'string' };
  return {
    ...schema,
    properties: {
      ...schema.properties,
      kind: text,
      apiVersion: text,
      metadata: { type: 'object', properties: { name: text, generateName: text } },
    },
  };
}
/** A character may take four bytes. */
const characters = (count: number): number => Math.max(0, count) * 4;
function stringDeclared(schema: JSONSchemaProps): CelDeclared {
  switch (schema.format) {
    case 'byte':
      return declare(BYTES, 2, {
        maxElements: schema.maxLength === undefined ? LARGEST_REQUEST - 2 : Math.max(0, schema.maxLength),
        format: 'byte',
      });
    case 'duration':
      return declare(DURATION, DURATION_TEXT.min, { maxElements: DURATION_TEXT.max, format: 'duration' });
    case 'date':
      return declare(TIMESTAMP, DATE_TEXT, { maxElements: DATE_TEXT, format: 'date' });
    case 'date-time':
      return declare(TIMESTAMP, DATE_TIME_TEXT.min, { maxElements: DATE_TIME_TEXT.max, format: 'date-time' });
    default:
      return declare(STRING, 2, { maxElements: textLength(schema) });
  }
}
function textLength(schema: JSONSchemaProps): number {
  if (schema.maxLength !== undefined) return characters(schema.maxLength);
  const named = (schema.enum ?? []).map((one) => (typeof one === 'string' ? Buffer.byteLength(one) : 0));
  return named.length > 0 ? Math.max(...named) : LARGEST_REQUEST - 2;
}
