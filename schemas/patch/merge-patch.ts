import { ApiError } from '../meta/status.ts';
import { isMap, jsonTypeName, own, put, type JsonMap } from './values.ts';

/**
 * Applies an RFC 7386 patch to a copy of `document`; parts that the patch does not touch are shared with the inputs.
 * Throws BadRequest when the patch is not an object.
 */
export function applyMergePatch(document: unknown, patch: unknown): unknown {
  if (patch === null) throw new ApiError('BadRequest', 'Invalid JSON Patch');
  // Where nobody looks closely a list takes the place of the whole object.
  if (Array.isArray(patch)) return withoutNullItems(patch);
  if (!isMap(patch))
    throw new ApiError(
      'BadRequest',
      `error decoding patch: json: cannot unmarshal ${jsonTypeName(patch)} into Go value of type map[string]interface {}`,
    );
  return merge(document, patch);
}

/** Maps that a patch goes through come out with sorted keys: problems are told in that order, and printed with them. */
function merge(target: unknown, patch: JsonMap): JsonMap {
  const result: JsonMap = {};
  const before = isMap(target) ? target : {};
  for (const key of [...new Set([...Object.keys(before), ...Object.keys(patch)])].sort()) {
    const value = own(patch, key);
    if (value === undefined) put(result, key, before[key]);
    else if (value !== null) put(result, key, isMap(value) ? merge(own(before, key), value) : withoutNullItems(value));
  }
  return result;
}

/** Source: evanphx/json-patch pruneAryNils: nulls inside lists of a merge patch are kept, those inside their maps go. */
function withoutNullItems(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.map((item: unknown) => (isMap(item) ? merge(undefined, item) : withoutNullItems(item)));
}
