import { ApiError } from '../meta/status.ts';
import { isMap, jsonTypeName, own, put, type JsonMap } from './values.ts';

/**
 * Applies an RFC 7386 patch to a copy of `document`; parts that the patch does not touch are shared with the inputs.
 * Throws BadRequest when the patch is not an object.
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (patch === null) throw new ApiError('BadRequest', 'Invalid JSON Patch');
  if (!isMap(patch))
    throw new ApiError(
      'BadRequest',
      `error decoding patch: json: cannot unmarshal ${jsonTypeName(patch)} into Go value of type map[string]interface {}`,
    );
  return merge(document, patch);
}

function merge(target: unknown, patch: JsonMap): JsonMap {
  const result: JsonMap = {};
  // Maps that a patch goes through come out with sorted keys; refusals that print the document show it.
  if (isMap(target)) for (const key of Object.keys(target).sort()) put(result, key, target[key]);
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete result[key];
    else put(result, key, isMap(value) ? merge(own(result, key), value) : withoutNullItems(value));
  }
  return result;
}

/** Source: evanphx/json-patch pruneAryNils: nulls inside lists of a merge patch are kept, those inside their maps go. */
function withoutNullItems(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) => (isMap(item) ? merge(undefined, item) : withoutNullItems(item)));
}
