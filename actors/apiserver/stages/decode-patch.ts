import { JsonSyntaxError } from '../../../schemas/codec/json.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { fieldPath, invalid } from '../../../schemas/meta/field.ts';
import { ApiError, statusOf } from '../../../schemas/meta/status.ts';
import { applyJsonPatch } from '../../../schemas/patch/json-patch.ts';
import { inOrder, type FieldSet } from '../../../schemas/patch/managed-fields/field-set.ts';
import { applyMergePatch } from '../../../schemas/patch/merge-patch.ts';
import { applyStrategicMergePatch, strategicRest } from '../../../schemas/patch/strategic-merge.ts';
import { goFormat } from '../../../schemas/patch/values.ts';
import { canonical, decode, type Decoded } from '../../../schemas/structural/decode.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { badRequest, invalidKind, plain } from '../errors.ts';
import { claimedType, decodeDetail, isSameType, typeProblem } from './claimed-type.ts';
import { assertKeepable, fieldValidation, notAnObject, withReset, type Expected } from './decode.ts';
import type { Patch } from './parse-patch.ts';

/**
 * The result of a patch as an object. What is wrong with it is the patch's fault: Invalid, with an empty kind and name.
 * Source: apiserver pkg/endpoints/handlers/patch.go.
 */
export function decodePatched(
  core: Core,
  request: ResourceRequest,
  patched: unknown,
  old: Draft,
  patch: Patch,
  expected: Expected,
): Draft {
  const wanted = apiVersionOf(expected);
  const show = (): string => {
    if (request.patchType === 'strategic')
      return goFormat(strategicRest(old, patch.value, expected.schema, core.schemasOf(expected)));
    return goJson(printed());
  };
  // What the patch did not touch is printed as it was.
  const printed = (): unknown => applyPatch(core, request, asPrinted(core, old, expected), patch.value, expected);
  const refuse = (why: string): ApiError =>
    invalidKind('', '', '', [
      { reason: 'FieldValueInvalid', field: 'patch', message: `Invalid value: ${JSON.stringify(show())}: ${why}` },
    ]);
  const fromMap = request.patchType === 'strategic';
  // A strategic patch is merged into an object whose type is known, whatever the result claims.
  const nameless = fromMap ? false : checkPatchedType(core, patched, expected, refuse);
  try {
    const { object, strict, empties } = nameless
      ? readInside(patched)
      : decode(sorted(patched), expected.schema, core.schemasOf(expected), { fromMap });
    if (empties) request.saysEmpties = true;
    const problems = [...patch.strict, ...strict];
    if (problems.length > 0) {
      const mode = fieldValidation(request);
      if (mode === 'Strict') throw refuse(`strict decoding error: ${problems.join(', ')}`);
      if (mode === 'Warn') request.warnings.push(...problems);
    }
    // A part copied into another is deeper than both; what is merged is as deep as one of them.
    if (request.patchType === 'json') assertKeepable(object);
    if (expected.schema.read) keepsType(object, expected, old);
    const claimed = (patched as { apiVersion?: unknown } | null)?.apiVersion;
    if (!fromMap && typeof claimed === 'string') expected.definition?.oldDefaults?.[claimed]?.(object as never);
    const unreadable = expected.definition?.unreadable?.(object as never);
    if (unreadable !== undefined) throw fromMap ? plain(unreadable) : refuse(unreadable);
    object.apiVersion = wanted;
    // Another kind in place of a custom one is for validation to refuse.
    if (!expected.schema.read || !object.kind) object.kind = expected.kind;
    object.metadata ??= {};
    return withReset(object, patched);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(`${expected.kind} cannot be handled: ${error.message}`);
    if (statusOf(error)?.reason !== 'BadRequest') throw error;
    if (fromMap) throw refuse((error as Error).message);
    throw refuse(
      firstMistake(() => decode(printed(), expected.schema, core.schemasOf(expected))) ?? decodeDetail(error),
    );
  }
}
/** Throws Invalid for a custom object that says it is of another version. Source: apiextensions-apiserver customresource ValidateTypeMeta. */
function keepsType({ apiVersion, kind }: Draft, expected: Expected, old: Draft): void {
  const wanted = apiVersionOf(expected);
  if (!apiVersion || apiVersion === wanted) return;
  const problems = [invalid(fieldPath('apiVersion'), apiVersion, `must be ${wanted}`)];
  if (kind && kind !== expected.kind) problems.unshift(invalid(fieldPath('kind'), kind, `must be ${expected.kind}`));
  throw invalidKind(expected.group, kind ?? expected.kind, old.metadata.name ?? '', problems);
}
/** Of several mistakes the first in the order in which Go has the object is told. */
function firstMistake(decoding: () => unknown): string | undefined {
  try {
    decoding();
    return undefined;
  } catch (error) {
    return decodeDetail(error);
  }
}
/** True if the result no longer says its version: Go then reads it as its internal type, of which no field has that name. */
function checkPatchedType(
  core: Core,
  patched: unknown,
  expected: Expected,
  refuse: (why: string) => ApiError,
): boolean {
  if (Array.isArray(patched)) throw refuse(notAnObject(patched));
  if (expected.schema.read || typeof patched !== 'object' || patched === null) return false;
  const value = patched as Readonly<Record<string, unknown>>;
  const claimed = claimedType(value);
  if (typeof claimed === 'string') throw refuse(claimed);
  const { group, version } = claimed;
  const actual = { group, version, kind: claimed.kind === '' ? expected.kind : claimed.kind };
  if (version === '' && (group === '' || group === expected.group) && actual.kind === expected.kind) return true;
  if (isSameType(actual, expected)) return false;
  const problem = typeProblem(core, value, actual, expected, () => JSON.stringify(sorted(patched)));
  if (problem !== undefined) throw refuse(problem);
  return false;
}
const READ_INSIDE: ReadonlySet<string> = new Set(['kind', 'apiVersion', 'name', 'generateName', 'namespace', 'selfLink', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'labels', 'annotations', 'ownerReferences', 'finalizers', 'managedFields']); // prettier-ignore
/** Metadata is a part of the internal type that has no name of its own. */
function readInside(patched: unknown): Decoded {
  const given = sorted(patched) as { readonly name?: unknown; readonly namespace?: unknown };
  const texts = (['name', 'namespace'] as const).filter((key) => typeof given[key] === 'string');
  return {
    object: { metadata: Object.fromEntries(texts.map((key) => [key, given[key]])) } as unknown as Draft,
    strict: Object.keys(given).filter((key) => !READ_INSIDE.has(key)).map((key) => `unknown field ${JSON.stringify(key)}`),
  };
} // prettier-ignore
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
/** The object as Go prints it: in the order of its structs, ownership sorted; what was defaulted or filled in comes later here. */
function asPrinted(core: Core, old: Draft, expected: Expected): unknown {
  if (expected.schema.read) return sortedDeep(old);
  const printed = canonical(old, expected.schema, core.schemasOf(expected));
  for (const entry of printed.metadata.managedFields ?? [])
    (entry as { fieldsV1?: unknown }).fieldsV1 = inOrder((entry.fieldsV1 ?? {}) as FieldSet);
  return printed;
}
function sortedDeep(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortedDeep);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(sorted(value) as object).map(([key, item]) => [key, sortedDeep(item)]));
}
/** As Go's encoder writes it. */
const goJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (c) => `\\u${c.codePointAt(0)!.toString(16).padStart(4, '0')}`);

/** The patched object, not decoded yet. Throws what the patch's kind refuses. */
export function applyPatch(
  core: Core,
  request: ResourceRequest,
  old: unknown,
  value: unknown,
  expected: Expected,
): unknown {
  switch (request.patchType) {
    case 'json':
      return applyJsonPatch(old, value);
    case 'merge':
      return applyMergePatch(old, value);
    case 'strategic':
      return applyStrategicMergePatch(old, value, expected.schema, core.schemasOf(expected));
    default:
      throw new ApiError('UnsupportedMediaType', '415: Unsupported Media Type', { details: {} });
  }
}
