import { inDocumentOrder } from '../../../schemas/codec/json-duplicates.ts';
import { hasLongNumbers, parseSpelled, withNumbers } from '../../../schemas/codec/json-numbers.ts';
import { assertKept, JsonSyntaxError, parseDeepJson, type ParsedJson } from '../../../schemas/codec/json.ts';
import { readEnvelope } from '../../../schemas/codec/protobuf-envelope.ts';
import { decodeMessage, hasProtobuf, ProtobufError } from '../../../schemas/codec/protobuf.ts';
import { schemaNameOf } from '../../../schemas/registry.ts';
import { apiVersionOf, parseApiVersion } from '../../../schemas/meta/object.ts';
import type { ResourceDefinition } from '../../../schemas/define.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { decode } from '../../../schemas/structural/decode.ts';
import { byName } from '../../../schemas/structural/order.ts';
import type { FieldSchema } from '../../../schemas/structural/schema.ts';
import { noteObject } from '../audit/notes.ts';
import type { Body, Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest } from '../errors.ts';
import { claimedType, hasOddNames, isSameType, typeProblem, withDefaultType } from './claimed-type.ts';

/** What a body is expected to hold: the resource's kind, or a subresource's. */
export interface Expected {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly schema: FieldSchema;
  readonly definition?: Pick<ResourceDefinition<never>, 'oldDefaults' | 'unreadable'>;
}
const SHOWN_BYTES = 30;
/** Go's print of the struct that the type of a body is read into. */
const TYPE_META =
  'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

/**
 * The body as an object of the expected kind: types checked, unknown fields dropped and, by `fieldValidation`, refused
 * or warned about. Throws BadRequest, UnsupportedMediaType.
 * Source: apiserver pkg/endpoints/handlers/create.go; apimachinery pkg/runtime/serializer/json.
 */
export async function decodeObject(
  core: Core,
  request: ResourceRequest,
  expected: Expected = request.resource,
): Promise<Draft> {
  const { body } = request;
  const parsed = await parse(body, expected.kind, apiVersionOf(expected));
  return decodeParsed(core, request, parsed, expected);
}
export function decodeParsed(core: Core, request: ResourceRequest, parsed: ParsedJson, expected: Expected): Draft {
  const value = (parsed.value ?? {}) as Readonly<Record<string, unknown>>;
  const apiVersion = apiVersionOf(expected);
  const mismatch = checkType(core, request.body, value, expected, apiVersion);
  const { version, kind, schema } = expected;
  const read = (given: unknown): ReturnType<typeof decode> =>
    decode(given ?? {}, schema, core.schemasOf(expected), { kind, version });
  // What has no type takes any number.
  const decoded = (): ReturnType<typeof decode> =>
    schema.read ? read(value) : decodeSpelled(request.body, parsed, read);
  const { object, strict, empties } = parsed.deep ? kept(decoded, expected.kind) : decoded();
  if (empties) request.saysEmpties = true;
  complain(
    request,
    toldOf(expected.schema.read ? undefined : request.body, parsed.duplicates, strict),
    expected,
    value,
  );
  if (mismatch !== undefined) throw badRequest(mismatch);
  const unreadable = expected.definition?.unreadable?.(object as never);
  if (unreadable !== undefined)
    throw badRequest(
      `${expected.kind} in version ${JSON.stringify(expected.version)} cannot be handled as a ${expected.kind}: ${unreadable}`,
    );
  object.apiVersion = apiVersion;
  // Another kind in place of a custom one is for validation to refuse.
  if (!expected.schema.read || !object.kind) object.kind = expected.kind;
  object.metadata ??= {};
  if (request.audit !== undefined) noteObject(core, request, expected, object);
  return withReset(object, value);
}
/**
 * Decodes what a body says, with its numbers as they are written if that may matter: Go's decoder takes no `2.0` for an
 * integer, and quotes what it refuses. YAML became JSON before it was read.
 */
export function decodeSpelled<T>(
  body: Body | undefined,
  { value, spelled }: ParsedJson,
  decoded: (value: unknown) => T,
): T {
  if (spelled !== undefined) return withNumbers(decoded(spelled()));
  try {
    return decoded(value);
  } catch (error) {
    if (body !== undefined && 'bytes' in body && body.contentType === 'application/json') {
      const text = Buffer.from(body.bytes).toString();
      if (hasLongNumbers(text)) decoded(parseSpelled(text));
    }
    throw error;
  }
}
/** Levels of `metadata.managedFields[0].fieldsV1` above those of the object that it tells of. */
const ABOVE_FIELDS = 8;
/** Throws JsonSyntaxError for an object that is nested too deep to be kept. */
export function assertKeepable({ metadata, ...rest }: Draft): void {
  assertKept(rest);
  assertKept(metadata, ABOVE_FIELDS);
}
/** Unknown fields may be as deep as they like, for they are dropped. */
function kept(decoded: () => ReturnType<typeof decode>, kind: string): ReturnType<typeof decode> {
  try {
    const result = decoded();
    assertKeepable(result.object);
    return result;
  } catch (error) {
    if (!(error instanceof JsonSyntaxError) && !(error instanceof RangeError)) throw error;
    const why = error instanceof RangeError ? 'exceeded max depth' : error.message;
    throw new ApiError('BadRequest', `${kind} cannot be handled: ${why}`, { cause: error });
  }
}
export const fieldValidation = (request: ResourceRequest): string => request.query.get('fieldValidation') || 'Warn';

/** What lies in a field that is not known is passed over. */
function toldOf(body: Body | undefined, duplicates: readonly string[], unknown: readonly string[]): readonly string[] {
  if (duplicates.length === 0 || unknown.length === 0) return [...duplicates, ...unknown];
  const within = unknown.map((text) => text.slice('unknown field "'.length, -1));
  const pathOf = (text: string): string => text.slice('duplicate field "'.length, -1);
  const isWithin = (path: string): boolean => within.some((w) => path.startsWith(`${w}.`) || path.startsWith(`${w}[`));
  const told = [...duplicates.filter((d) => !isWithin(pathOf(d))), ...unknown];
  const isJson = body !== undefined && 'bytes' in body && body.contentType !== 'application/yaml';
  return isJson ? inDocumentOrder(Buffer.from(body.bytes).toString(), told) : told;
}
/** Of a YAML body all keys that are set twice are one mistake, with a line each. */
function joinLines(problems: readonly string[]): readonly string[] {
  const lines = problems.filter((p) => YAML_LINE.test(p));
  if (lines.length === 0) return problems;
  return [
    `yaml: unmarshal errors:\n${lines.map((l) => `  ${l}`).join('\n')}`,
    ...problems.filter((p) => !YAML_LINE.test(p)),
  ];
}
const YAML_LINE = /^line \d+: key /;
function complain(request: ResourceRequest, problems: readonly string[], expected: Expected, value: object): void {
  if (problems.length === 0) return;
  const mode = fieldValidation(request);
  if (mode === 'Strict') {
    const { kind, apiVersion } = value as { kind?: string; apiVersion?: string };
    const { version } = parseApiVersion(apiVersion || apiVersionOf(expected));
    throw badRequest(
      `${kind || expected.kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: strict decoding error: ${joinLines(problems).join(', ')}`,
    );
  }
  if (mode === 'Warn') request.warnings.push(...problems);
}

/** Versions that are served no more but still understood. */
const ACCEPTED: Readonly<Record<string, string>> = { Eviction: 'policy/v1beta1' };
/** Throws BadRequest for another kind or version than the path's; returns why not, where the body is read first (custom kinds). */
function checkType(
  core: Core,
  body: Body | undefined,
  value: Readonly<Record<string, unknown>>,
  expected: Expected,
  apiVersion: string,
): string | undefined {
  const { kind, apiVersion: given } = value;
  if (kind === expected.kind && given === apiVersion && !hasOddNames(value)) return undefined;
  const claimed = claimedType(value);
  if (typeof claimed === 'string') throw badRequest(unrecognized(expected.kind, claimed, bytesOf(body, value)));
  const actual = withDefaultType(claimed, expected);
  if (isSameType(actual, expected) || ACCEPTED[actual.kind] === apiVersionOf(actual)) return undefined;
  const mismatch = `the API version in the data (${apiVersionOf(actual)}) does not match the expected API version (${apiVersion})`;
  if (expected.schema.read)
    return actual.group === expected.group && actual.version === expected.version ? undefined : mismatch;
  const problem = typeProblem(core, value, actual, expected, () => Buffer.from(bytesOf(body, value)).toString());
  if (problem === undefined) throw badRequest(mismatch);
  throw badRequest(
    `${actual.kind} in version ${JSON.stringify(actual.version)} cannot be handled as a ${expected.kind}: ${problem}`,
  );
}
const bytesOf = (body: Body | undefined, value: unknown): Uint8Array =>
  body !== undefined && 'bytes' in body ? body.bytes : Buffer.from(JSON.stringify(value));

/** Parses without looking at the kind. `expectedKind` is only for the error's text. */
export async function parse(body: Body | undefined, expectedKind: string, expectedVersion = ''): Promise<ParsedJson> {
  if (body === undefined) return fail(expectedKind, 'unexpected end of JSON input', new Uint8Array(0));
  if ('value' in body) return { duplicates: [], ...body, value: body.value ?? null };
  const { bytes, contentType } = body;
  if (contentType === 'application/yaml') {
    const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
    try {
      const parsed = await parseYaml(bytes);
      // Go goes by way of JSON, which comes out sorted. What is too deep for that is in a field that is not kept.
      const value = parsed.deep ? parsed.value : byName(parsed.value);
      return checkShape({ ...parsed, value }, bytes, expectedKind);
    } catch (error) {
      if (!(error instanceof JsonSyntaxError)) throw error;
      throw new ApiError('BadRequest', unrecognized(expectedKind, error.message, bytes), { cause: error });
    }
  }
  if (contentType === 'application/vnd.kubernetes.protobuf') return parseProtobuf(bytes, expectedKind, expectedVersion);
  try {
    if (bytes.length === 0) throw new JsonSyntaxError('unexpected end of JSON input');
    return checkShape(parseDeepJson(bytes), bytes, expectedKind);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    return fail(expectedKind, error.message, bytes);
  }
}
function parseProtobuf(bytes: Uint8Array, expectedKind: string, expectedVersion: string): ParsedJson {
  try {
    const { apiVersion, kind, raw } = readEnvelope(bytes);
    const definition =
      kind === 'DeleteOptions'
        ? DELETE_OPTIONS
        : schemaNameOf({ ...parseApiVersion(apiVersion || expectedVersion), kind: kind || expectedKind });
    const value = hasProtobuf(definition) ? decodeMessage(definition, raw) : {};
    return { value: { apiVersion, kind, ...value }, duplicates: [] };
  } catch (error) {
    if (!(error instanceof ProtobufError)) throw error;
    throw new ApiError('BadRequest', unrecognized(expectedKind, error.message, bytes), { cause: error });
  }
}
const DELETE_OPTIONS = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
function checkShape(parsed: ParsedJson, bytes: Uint8Array, kind: string): ParsedJson {
  const { value } = parsed;
  if (value === null || (typeof value === 'object' && !Array.isArray(value))) return parsed;
  throw badRequest(unrecognized(kind, notAnObject(value), bytes));
}
/** Of which the type cannot be read. */
export function notAnObject(value: unknown): string {
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `couldn't get version/kind; json parse error: json: cannot unmarshal ${type} into Go value of type ${TYPE_META}`;
}
/** Metadata of custom kinds comes without empty lists, but an empty list of owners says that nobody shall own anything. */
export function withReset(object: Draft, given: unknown): Draft {
  const owners = (given as { metadata?: { managedFields?: unknown } } | null)?.metadata?.managedFields;
  if (Array.isArray(owners) && owners.length === 0) object.metadata.managedFields = [];
  return object;
}
function fail(kind: string, why: string, bytes: Uint8Array): never {
  throw badRequest(unrecognized(kind, `couldn't get version/kind; json parse error: ${why}`, bytes));
}
const unrecognized = (kind: string, why: string, bytes: Uint8Array): string =>
  `the object provided is unrecognized (must be of type ${kind}): ${why} (${summary(bytes)})`;
function summary(bytes: Uint8Array): string {
  if (bytes.length === 0) return '<empty>';
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SHOWN_BYTES));
  return (head[0] === 0x7b ? head.toString('utf8') : head.toString('hex')) + (bytes.length > SHOWN_BYTES ? ' ...' : '');
}
