import type {
  CustomResourceColumnDefinition,
  CustomResourceSubresources,
  JSONSchemaProps,
  SelectableField,
} from '../generated/apiextensions-v1.ts';
import { duplicate, forbidden, invalid, required, tooMany, type FieldError, type FieldPath } from '../meta/field.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import { defaultProblems } from './defaults.ts';
import { fieldAt } from './field-path.ts';
import { printSchema } from './go-print.ts';
import type { Parts } from './internal-spec.ts';
import { isRuled } from './custom-rules.ts';
import { rules } from './rule-loading.ts';
import { schemaProblems } from './schema-rules.ts';
import { structuralProblems, unstructurable } from './structural.ts';

type Errors = Generator<FieldError, void, undefined>;
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const COLUMN_FORMATS = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];
const MAX_SELECTABLE = 8;
/** What the root of a schema may have besides type beside a status subresource, by the names in Go. */
const ROOT_FIELDS = ['Description', 'Type', 'Format', 'Title', 'Maximum', 'ExclusiveMaximum', 'Minimum', 'ExclusiveMinimum', 'MaxLength', 'MinLength', 'Pattern', 'MaxItems', 'MinItems', 'UniqueItems', 'MultipleOf', 'Required', 'Items', 'Properties', 'ExternalDocs', 'Example', 'XPreserveUnknownFields', 'XValidations']; // prettier-ignore

/** Texts that are there though they are empty. */
const POINTERS: ReadonlySet<string> = new Set(['Ref', 'XListType', 'XMapType']);

/** Schema of a version or of all. */
export function* schemaPart(
  schema: JSONSchemaProps | undefined,
  hasStatus: boolean,
  at: FieldPath,
  isUnchanged = false,
): SteppedErrors {
  if (!schema) return;
  const place = at('openAPIV3Schema');
  if (hasStatus) yield* rootUnderStatus(schema, place);
  if (schema.nullable) yield forbidden(place('nullable'), 'nullable cannot be true at the root');
  const why = unstructurable(schema);
  let count = 0;
  if (why === undefined) {
    const problems = yield* structuralProblems(schema, place);
    count = problems.length;
    yield* problems;
    if (count === 0)
      for (const problem of defaultProblems({ ...schema, 'x-kubernetes-embedded-resource': true }, place)) {
        if (problem !== undefined) count += 1;
        yield problem;
      }
  }
  const isSound = why === undefined && count === 0;
  const broken: string[] = [];
  for (const problem of schemaProblems(schema, place)) {
    if (problem !== undefined) {
      count += 1;
      broken.push(problem.field);
    }
    yield problem;
  }
  if (isSound && isRuled(schema)) {
    const isBroken = (where: FieldPath): boolean => broken.some((field) => `${field}.`.startsWith(`${where}.`));
    yield* rules().ruleErrors(schema, place, { isBroken, isUnchanged });
  }
  if (why !== undefined && count === 0) yield invalid(place, '', why);
}
function* rootUnderStatus(schema: JSONSchemaProps, at: FieldPath): Errors {
  // What stands within does not matter, and may be a lot.
  for (const [name, value] of Object.entries(printSchema(flat(schema)))) {
    if (value === null || value === false || (value === '' && !POINTERS.has(name))) continue;
    if (name === 'Type' && value !== 'object') {
      yield invalid(
        at('type'),
        value,
        'only "object" is allowed as the type at the root of the schema if the status subresource is enabled',
      );
      return;
    }
    if (ROOT_FIELDS.includes(name)) continue;
    yield invalid(
      at,
      printSchema(schema),
      `only [${ROOT_FIELDS.join(' ')}] fields are allowed at the root of the schema if the status subresource is enabled`,
    );
    return;
  }
}

/** Only what a schema says itself. */
function flat(schema: JSONSchemaProps): JSONSchemaProps {
  const { properties, items, definitions, patternProperties, dependencies, ...own } = schema;
  const emptied = { properties, definitions, patternProperties, dependencies };
  const maps = Object.entries(emptied).flatMap(([name, map]) => (map === undefined ? [] : [[name, {}] as const]));
  return { ...own, ...Object.fromEntries(maps), ...(items !== undefined && { items: Array.isArray(items) ? [] : {} }) };
}
function simplePath(path: string): string | undefined {
  return path.startsWith('.') ? undefined : 'must be a simple json path starting with .';
}
export function* subresources(parts: CustomResourceSubresources | undefined, at: FieldPath): Errors {
  const scale = parts?.scale;
  if (!scale) return;
  const rows = [
    ['specReplicasPath', scale.specReplicasPath, ['.spec.'], '.spec'],
    ['statusReplicasPath', scale.statusReplicasPath, ['.status.'], '.status'],
    ['labelSelectorPath', scale.labelSelectorPath, ['.spec.', '.status.'], 'either .spec or .status'],
  ] as const;
  for (const [name, path = '', roots, shown] of rows) {
    const place = at('scale')(name);
    if (path === '') {
      if (name !== 'labelSelectorPath') yield required(place);
      continue;
    }
    const why = simplePath(path);
    if (why !== undefined) yield invalid(place, path, why);
    else if (!roots.some((root) => path.startsWith(root)))
      yield invalid(place, path, `should be a json path under ${shown}`);
  }
}
export function* columns(list: readonly CustomResourceColumnDefinition[] | undefined, at: FieldPath): Errors {
  for (const [i, column] of (list ?? []).entries()) {
    const place = at(i);
    const types = `must be one of ${COLUMN_TYPES.join(',')}`;
    if (!column.name) yield required(place('name'));
    if (!column.type) yield required(place('type'), types);
    else if (!COLUMN_TYPES.includes(column.type)) yield invalid(place('type'), column.type, types);
    if (column.format && !COLUMN_FORMATS.includes(column.format))
      yield invalid(place('format'), column.format, `must be one of ${COLUMN_FORMATS.join(',')}`);
    const why = simplePath(column.jsonPath ?? '');
    if (!column.jsonPath) yield required(place('JSONPath'));
    else if (why !== undefined) yield invalid(place('JSONPath'), column.jsonPath, why);
  }
}
export function* selectableFields(
  list: readonly SelectableField[] | undefined,
  schema: JSONSchemaProps,
  at: FieldPath,
): Errors {
  const seen = new Set<string>();
  for (const [i, { jsonPath = '' }] of (list ?? []).entries()) {
    const place = at(i)('jsonPath');
    if (jsonPath === '') {
      yield required(place);
      continue;
    }
    const found = fieldAt(jsonPath, schema, false);
    if (found.why !== undefined) {
      yield invalid(place, jsonPath, `is an invalid path: ${found.why}`);
      continue;
    }
    if (found.steps[0] === 'metadata') yield invalid(place, jsonPath, 'must not point to fields in metadata');
    if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? ''))
      yield invalid(
        place,
        jsonPath,
        'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
      );
    const path = found.steps.join('.');
    if (seen.has(path)) yield duplicate(place, jsonPath);
    seen.add(path);
  }
  if (seen.size > MAX_SELECTABLE) yield tooMany(at, seen.size, MAX_SELECTABLE);
}

/** What a version has of its own, or, under other names, all have. */
export function* parts(
  own: Parts,
  names: { readonly schema: string; readonly missingSchema: string; readonly isMissing: (parts: Parts) => boolean },
  hasStatus: boolean,
  at: FieldPath,
  /** Schemas that are as they were. */
  unchanged: ReadonlySet<JSONSchemaProps>,
): SteppedErrors {
  const schema = own.schema?.openAPIV3Schema;
  yield* schemaPart(schema, hasStatus, at(names.schema), schema !== undefined && unchanged.has(schema));
  yield* subresources(own.subresources, at('subresources'));
  yield* columns(own.columns, at('additionalPrinterColumns'));
  if (!own.selectableFields?.length) return;
  if (names.isMissing(own)) yield invalid(at('selectableFields'), '', names.missingSchema);
  else yield* selectableFields(own.selectableFields, own.schema?.openAPIV3Schema ?? {}, at('selectableFields'));
}
