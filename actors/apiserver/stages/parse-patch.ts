import { jsonInYaml } from '../../../schemas/codec/json-in-yaml.ts';
import { assertKept, JsonSyntaxError, parseJson, type ParsedJson } from '../../../schemas/codec/json.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { checkOperationTypes, jsonPatchStrictErrors } from '../../../schemas/patch/json-patch.ts';
import { jsonTypeName } from '../../../schemas/patch/values.ts';
import type { ResourceRequest } from '../core.ts';
import { badRequest } from '../errors.ts';
import { fieldValidation } from './decode.ts';

/** A patch before it is applied. */
export interface Patch {
  readonly value: unknown;
  /** Members named twice, unknown fields of operations: told with those of the result. Empty where nobody wants to know. */
  readonly strict: readonly string[];
}

/** Throws BadRequest with the text of the decoder that reads the type. Source: apiserver pkg/endpoints/handlers/patch.go. */
export async function parsePatch(request: ResourceRequest): Promise<Patch> {
  const patch = await parsed(request);
  request.audit?.asksPatch(patch.value);
  return patch;
}
async function parsed(request: ResourceRequest): Promise<Patch> {
  const { body, patchType } = request;
  if (body === undefined) throw badRequest('the body is missing');
  if ('value' in body) {
    if (body.deep) throw badRequest('error decoding patch: exceeded max depth');
    if (patchType === 'json') checkOperationTypes(body.value, false);
    return { value: body.value, strict: [] };
  }
  const lenient = fieldValidation(request) === 'Ignore';
  switch (patchType) {
    case 'apply':
      return parseApply(body.bytes);
    case 'json': {
      const patch = parse(body.bytes, (why) => (lenient ? why : `error decoding patch: ${why}`));
      checkOperationTypes(patch.value, lenient);
      if (lenient) return { value: patch.value, strict: [] };
      const doubled = patch.duplicates.map((problem) => `json patch ${problem}`);
      return { value: patch.value, strict: [...doubled, ...jsonPatchStrictErrors(patch.value)] };
    }
    case 'merge': {
      const patch = parse(body.bytes, (why) => (lenient ? BAD_PATCH : `error decoding patch: ${why}`));
      const { value } = patch;
      if (value === null || (lenient && typeof value !== 'object')) throw badRequest(BAD_PATCH);
      if (!lenient && (typeof value !== 'object' || Array.isArray(value)))
        throw badRequest(`error decoding patch: ${notAMap(value)}`);
      return { value, strict: lenient ? [] : patch.duplicates };
    }
    default: {
      const patch = parse(body.bytes, (why) => why);
      return { value: patch.value, strict: lenient ? [] : patch.duplicates };
    }
  }
}
/** Source: evanphx/json-patch ErrBadJSONPatch. */
const BAD_PATCH = 'Invalid JSON Patch';
const notAMap = (value: unknown): string =>
  `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type map[string]interface {}`;

function parse(bytes: Uint8Array, wrap: (why: string) => string): ParsedJson {
  try {
    return parseJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ApiError('BadRequest', wrap(error.message), { cause: error });
  }
}
async function parseApply(bytes: Uint8Array): Promise<Patch> {
  const json = jsonInYaml(bytes);
  if (json !== undefined) return { value: json, strict: [] };
  const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
  try {
    const { value, duplicates } = await parseYaml(bytes);
    assertKept(value);
    if (Array.isArray(value) || typeof value !== 'object')
      throw badRequest(`error decoding YAML: error unmarshaling JSON: while decoding JSON: ${notAMap(value)}`);
    return { value, strict: duplicates };
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ApiError('BadRequest', `error decoding YAML: error converting YAML to JSON: ${error.message}`, {
      cause: error,
    });
  }
}
