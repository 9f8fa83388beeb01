import { assertKept, JsonSyntaxError, parseJson } from '../../../schemas/codec/json.ts';
import { apiVersionOf, parseApiVersion } from '../../../schemas/meta/object.ts';
import { ApiError, statusOf } from '../../../schemas/meta/status.ts';
import { jsonPatchStrictErrors } from '../../../schemas/patch/json-patch.ts';
import { goFormat, jsonTypeName } from '../../../schemas/patch/values.ts';
import { canonical, decode } from '../../../schemas/structural/decode.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, invalidKind } from '../errors.ts';
import { assertKeepable, fieldValidation, type Expected } from './decode.ts';

/** The patch itself, before it is applied. Throws BadRequest with the decoder's text. */
export async function parsePatch(request: ResourceRequest): Promise<unknown> {
  const { body, patchType } = request;
  if (body === undefined) throw badRequest('the body is missing');
  if ('value' in body) {
    if (body.deep) throw badRequest('error decoding patch: exceeded max depth');
    return body.value;
  }
  if (patchType === 'apply') {
    const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
    try {
      const { value, duplicates } = await parseYaml(body.bytes);
      assertKept(value);
      if (duplicates.length > 0)
        throw badRequest(
          `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n${duplicates.map((d) => `  ${d}`).join('\n')}`,
        );
      if (Array.isArray(value) || typeof value !== 'object')
        throw badRequest(
          `error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`,
        );
      return value;
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw new ApiError('BadRequest', `error decoding YAML: error converting YAML to JSON: ${error.message}`, {
        cause: error,
      });
    }
  }
  try {
    const { value, duplicates } = parseJson(body.bytes);
    if (duplicates.length > 0 && patchType === 'strategic') {
      const mode = fieldValidation(request);
      if (mode === 'Warn') request.warnings.push(...duplicates);
      else if (mode === 'Strict') strictProblems.set(value as object, duplicates);
    }
    return value;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ApiError('BadRequest', patchType === 'json' ? `error decoding patch: ${error.message}` : error.message, {
      cause: error,
    });
  }
}
/** Members named twice in a strategic patch: refused together with the unknown fields of its result. */
const strictProblems = new WeakMap<object, readonly string[]>();

/**
 * The result of a patch as an object. What is wrong with it is the patch's fault: Invalid, with an empty kind and name.
 * Source: apiserver pkg/endpoints/handlers/patch.go.
 */
export function decodePatched(
  core: Core,
  request: ResourceRequest,
  patched: unknown,
  old: Draft,
  patch: unknown,
  expected: Expected,
): Draft {
  const { kind = expected.kind, apiVersion } = (patched ?? {}) as { kind?: string; apiVersion?: string };
  const wanted = apiVersionOf(expected);
  const show = (): string => {
    if (request.patchType === 'strategic') return goFormat(patch);
    const printed = asPrinted(core, old, expected);
    return goJson(inOrderOf(printed, patched), inOrderOf(printed, old), true);
  };
  const refuse = (why: string): ApiError =>
    invalidKind('', '', '', [
      { reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${JSON.stringify(show())}: ${why}` },
    ]);
  if (kind !== expected.kind) {
    const other = core.registry.byKind({ ...parseApiVersion(apiVersion ?? wanted), kind });
    if (other === undefined)
      throw refuse(
        `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion ?? wanted)} in scheme "pkg/api/legacyscheme/scheme.go:30"`,
      );
    throw refuse(problemAs(core, patched, other) ?? `converting (${other.version}.${kind}): unknown conversion`);
  }
  try {
    const { object, strict } = decode(sorted(patched), expected.schema, core.schemasOf(expected));
    const problems = [...(strictProblems.get(patch as object) ?? []), ...patchProblems(request, patch), ...strict];
    if (problems.length > 0) {
      const mode = fieldValidation(request);
      if (mode === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
      if (mode === 'Warn') request.warnings.push(...problems);
    }
    // A part copied into another is deeper than both; what is merged is as deep as one of them.
    if (request.patchType === 'json') assertKeepable(object);
    object.apiVersion = wanted;
    object.kind = expected.kind;
    object.metadata ??= {};
    return object;
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`${expected.kind} cannot be handled: ${error.message}`);
    if (statusOf(error)?.reason !== 'BadRequest') throw error;
    throw refuse(detail(error));
  }
}
/** The patch libraries leave the top level sorted: that is the order in which problems are told. */
function sorted(patched: unknown): unknown {
  if (typeof patched !== 'object' || patched === null || Array.isArray(patched)) return patched;
  const map = patched as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(map)
      .sort()
      .map((key) => [key, map[key]]),
  );
}
/** What is wrong with the result as an object of the kind that it now claims to be. */
function problemAs(core: Core, patched: unknown, other: Expected): string | undefined {
  try {
    decode(patched, other.schema, core.schemasOf(other));
    return undefined;
  } catch (error) {
    return detail(error);
  }
}
const detail = (error: unknown): string => (error as Error).message.replace(/^.*? cannot be handled as a [^:]*: /, '');
const patchProblems = (request: ResourceRequest, patch: unknown): readonly string[] =>
  request.patchType === 'json' ? jsonPatchStrictErrors(patch) : [];

/** The object as Go prints it: in the order of its structs, ownership sorted; what was defaulted or filled in comes later here. */
function asPrinted(core: Core, old: Draft, expected: Expected): unknown {
  if (expected.schema.read) return old;
  const printed = canonical(old, expected.schema, core.schemasOf(expected));
  for (const entry of printed.metadata.managedFields ?? [])
    (entry as { fieldsV1?: unknown }).fieldsV1 = sortedDeep(entry.fieldsV1);
  return printed;
}
const sortedDeep = (value: unknown): unknown =>
  typeof value !== 'object' || value === null || Array.isArray(value)
    ? value
    : Object.fromEntries(Object.entries(sorted(value) as object).map(([key, item]) => [key, sortedDeep(item)]));
/** `value` with its members in the order of `like`, those that it lacks at the end. */
function inOrderOf(like: unknown, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || typeof like !== 'object' || like === null) return value;
  if (Array.isArray(value)) return value.map((item, i) => inOrderOf((like as readonly unknown[])[i], item));
  const [map, order] = [value as Record<string, unknown>, like as Record<string, unknown>];
  const keys = [
    ...Object.keys(order).filter((key) => key in map),
    ...Object.keys(map).filter((key) => !(key in order)),
  ];
  return Object.fromEntries(keys.map((key) => [key, inOrderOf(order[key], map[key])]));
}
/** JSON as the patch libraries leave it: what they touched has its keys sorted, the rest is as it was. */
function goJson(value: unknown, before: unknown, root = false): string {
  if (typeof value !== 'object' || value === null || (value === before && !root)) return JSON.stringify(value);
  if (Array.isArray(value))
    return `[${value.map((v, i) => goJson(v, (before as unknown[] | undefined)?.[i])).join(',')}]`;
  const map = value as Record<string, unknown>;
  const old = (typeof before === 'object' && before !== null ? before : {}) as Record<string, unknown>;
  const keys = Object.keys(map).filter((key) => map[key] !== undefined);
  if (root || keys.some((key) => map[key] !== old[key] && !isUntouched(map[key], old[key]))) keys.sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${goJson(map[key], old[key])}`).join(',')}}`;
}
const isUntouched = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
