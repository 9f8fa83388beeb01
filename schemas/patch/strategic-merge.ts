import { ApiError } from '../meta/status.ts';
import type { FieldSchema, SchemaSet } from '../structural/schema.ts';
import { PatchSchema } from './strategic-schema.ts';
import { elementKind, mergeOrdered, partition, requireKeys } from './strategic-order.ts';
import { goFormat, goTypeName, isMap, jsonTypeName, own, put, type JsonMap } from './values.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const ORDER = '$setElementOrder/';
const ORDER_PREFIX = '$setElementOrder';
const DELETE = '$deleteFromPrimitiveList/';
const DELETE_PREFIX = '$deleteFromPrimitiveList';

/**
 * Applies a strategic merge patch to a copy of `original`; parts that the patch does not touch are shared with it.
 * `schema` is of the whole object. Throws BadRequest for malformed directives of lists, Invalid for lists of lists, and for
 * other bad input a Status of code 500 without a reason, as kube-apiserver does.
 * Source: apimachinery pkg/util/strategicpatch.
 */
export const applyStrategicMergePatch = (
  original: unknown,
  patch: unknown,
  schema: FieldSchema,
  set: SchemaSet,
): unknown => run(original, patch, schema, set).result;
/** What applying it leaves of a patch: directives that were carried out are gone. Refusals of the result print that. */
export const strategicRest = (original: unknown, patch: unknown, schema: FieldSchema, set: SchemaSet): unknown =>
  run(original, patch, schema, set).rest;

function run(
  original: unknown,
  patch: unknown,
  schema: FieldSchema,
  set: SchemaSet,
): { result: unknown; rest: unknown } {
  if (patch !== null && !isMap(patch))
    throw new ApiError(
      'BadRequest',
      `json: cannot unmarshal ${jsonTypeName(patch)} into Go value of type map[string]interface {}`,
    );
  const rest = structuredClone(patch ?? {});
  return { result: mergeMap(isMap(original) ? original : {}, rest, new PatchSchema(schema, set)), rest };
}

const failure = (message: string): ApiError => new ApiError('', message, { code: 500 });
const badFormat = (what: string): ApiError => new ApiError('BadRequest', `invalid patch format of ${what}`);
const badArgument = (expected: string, value: unknown): ApiError =>
  failure(`expected a ${expected}, but received a ${goTypeName(value)}`);
const badDirective = (directive: unknown, item: JsonMap): ApiError =>
  failure(`unknown patch type: ${goText(directive)} in map: ${goFormat(item)}`);
/** As `%s` prints it. */
const goText = (value: unknown): string =>
  value === null || typeof value === 'string'
    ? (value ?? '%!s(<nil>)')
    : `%!s(${goTypeName(value)}=${goFormat(value)})`;

function mergeMap(original: JsonMap, patch: JsonMap, schema: PatchSchema): JsonMap {
  if (Object.hasOwn(patch, DIRECTIVE)) {
    const directive = patch[DIRECTIVE];
    if (directive === 'delete') return {};
    if (directive !== 'replace') throw badDirective(directive, patch);
    delete patch[DIRECTIVE];
    return patch;
  }
  const result: JsonMap = {};
  const retained = retainedKeys(patch);
  for (const key of Object.keys(original))
    if (retained === undefined || retained.has(key)) put(result, key, original[key]);

  for (const key of Object.keys(patch)) {
    if (!key.startsWith(ORDER_PREFIX)) continue;
    const order = patch[key];
    delete patch[key];
    if (!Array.isArray(order)) throw badArgument('[]interface {}', order);
    if (!key.startsWith(ORDER)) throw badFormat('setElementOrder list');
    const field = key.slice(ORDER.length);
    if (mergeInOrder(result, patch, field, order, schema)) delete patch[field];
  }
  for (const key of Object.keys(patch)) mergeField(result, key, patch[key], schema);
  return result;
}

/** Takes `$retainKeys` out, which must name every field that the patch sets; undefined if it is absent. */
function retainedKeys(patch: JsonMap): ReadonlySet<unknown> | undefined {
  if (!Object.hasOwn(patch, RETAIN_KEYS)) return undefined;
  const list = patch[RETAIN_KEYS];
  delete patch[RETAIN_KEYS];
  if (!Array.isArray(list)) throw badFormat('retainKeys');
  const keys = new Set<unknown>(list);
  for (const [key, value] of Object.entries(patch)) {
    if (value === null || key.startsWith(DELETE_PREFIX) || key.startsWith(ORDER_PREFIX)) continue;
    if (!keys.has(key)) throw badFormat('retainKeys');
  }
  return keys;
}

function mergeField(result: JsonMap, key: string, value: unknown, schema: PatchSchema): void {
  const isDeletion = key.startsWith(DELETE_PREFIX);
  if (isDeletion) {
    if (!key.startsWith(DELETE)) throw badFormat('primitive list');
    key = key.slice(DELETE.length);
  }
  if (value === null) {
    delete result[key];
    return;
  }
  const current = own(result, key);
  if (current !== undefined && isMap(current) && isMap(value)) {
    const field = schema.field(key);
    put(result, key, field.strategy === 'replace' ? value : mergeMap(current, value, field.schema));
  } else if (Array.isArray(current) && Array.isArray(value)) {
    const field = schema.list(key);
    put(result, key, isDeletion || field.strategy === 'merge' ? mergeList(current, value, field.schema, field.mergeKey, isDeletion) : value); // prettier-ignore
  } else if (!isDeletion) {
    dropNulls(value);
    const cleaned = withoutDirectives(value);
    if (cleaned === undefined) delete result[key];
    else put(result, key, cleaned);
  }
}

/** Merges `field` and puts it in the order asked for. False: neither side has it. */
function mergeInOrder(
  result: JsonMap,
  patch: JsonMap,
  field: string,
  order: readonly unknown[],
  schema: PatchSchema,
): boolean {
  const current = own(result, field);
  const patched = own(patch, field);
  if (current !== undefined && !Array.isArray(current)) throw badArgument('[]interface {}', current);
  if (patched !== undefined && !Array.isArray(patched)) throw badArgument('[]interface {}', patched);
  const { schema: items, strategy, mergeKey } = schema.list(field);
  if (patched !== undefined) checkOrder(patched, order, mergeKey);
  if (current === undefined && patched === undefined) return false;
  const merged: readonly unknown[] =
    current === undefined ? (withoutDirectives(patched) as unknown[])
    : patched === undefined ? current
    : strategy === 'merge' ? mergeList(current, patched, items, mergeKey, false)
    : patched; // prettier-ignore
  if (mergeKey !== '') checkSearch(merged, order, mergeKey);
  const kind = elementKind([current ?? [], patched ?? []]);
  const [inOrder, others] = partition(merged, order, mergeKey);
  put(result, field, mergeOrdered(inOrder, others, order, current ?? [], mergeKey, kind));
  return true;
}

/** The items of a patch must appear in `$setElementOrder`, in the same order. */
function checkOrder(patched: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  if (order.length === 0 || patched.length === 0) return;
  const keyOf = (item: unknown): unknown => {
    if (mergeKey === '') return item;
    if (!isMap(item)) throw badArgument('map[string]interface {}', item);
    if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
    return item[mergeKey];
  };
  let at = 0;
  for (const item of patched) {
    if (mergeKey !== '' && !isMap(item)) throw badArgument('map[string]interface {}', item);
    if (isMap(item) && Object.hasOwn(item, DIRECTIVE)) continue;
    const key = keyOf(item);
    while (at < order.length && keyOf(order[at]) !== key) at++;
    if (at++ >= order.length)
      throw failure(
        `The order in patch list:\n${goFormat(patched)}\n doesn't match $setElementOrder list:\n${goFormat(order)}\n`,
      );
  }
}

/** Items are looked for in the order one by one: what has no key there is met unless all are found before it. */
function checkSearch(items: readonly unknown[], order: readonly unknown[], mergeKey: string): void {
  const at = order.findIndex((one) => !isMap(one) || !Object.hasOwn(one, mergeKey));
  if (at < 0) return;
  const before = new Set(order.slice(0, at).map((one) => (one as JsonMap)[mergeKey]));
  if (items.every((item) => isMap(item) && before.has(item[mergeKey]))) return;
  const bad = order[at];
  throw isMap(bad) ? noMergeKey(bad, mergeKey) : badArgument('map[string]interface {}', bad);
}
const noMergeKey = (item: JsonMap, mergeKey: string): ApiError =>
  failure(`map: ${goFormat(item)} does not contain declared merge key: ${mergeKey}`);

function mergeList(current: readonly unknown[], patch: readonly unknown[], items: PatchSchema, mergeKey: string, isDeletion: boolean): readonly unknown[] {
  if (current.length === 0 && patch.length === 0) return current;
  const kind = elementKind([current, patch]);
  if (kind === 'scalar') {
    if (isDeletion) return current.filter((item) => !patch.includes(item));
    const [inPatch, others] = partition([...new Set([...current, ...patch])], patch, '');
    return mergeOrdered(inPatch, others, patch, current, '', kind);
  }
  if (mergeKey === '') throw failure(`cannot merge lists without merge key for ${items.kindName}`);
  const [rest, plain] = applyItemDirectives(current as readonly JsonMap[], patch as readonly JsonMap[], mergeKey);
  const merged: JsonMap[] = [...rest];
  for (const item of plain) {
    if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
    requireKeys(merged, mergeKey, noMergeKey);
    const at = merged.findIndex((other) => other[mergeKey] === item[mergeKey]);
    if (at < 0) merged.push(item);
    else merged[at] = mergeMap(merged[at]!, item, items);
  }
  requireKeys(merged, mergeKey, noMergeKey);
  const [inPatch, others] = partition(merged, plain, mergeKey);
  return mergeOrdered(inPatch, others, plain, rest, mergeKey, kind);
} // prettier-ignore

/** Carries out `$patch` of list items; the current items left and the patch's ordinary ones. */
function applyItemDirectives(current: readonly JsonMap[], patch: readonly JsonMap[], mergeKey: string): [readonly JsonMap[], readonly JsonMap[]] {
  const plain: JsonMap[] = [];
  let rest = current;
  let replace = false;
  for (const item of patch) {
    if (!Object.hasOwn(item, DIRECTIVE)) {
      plain.push(item);
      continue;
    }
    const directive = item[DIRECTIVE];
    if (directive === 'replace') replace = true;
    else if (directive === 'merge') throw failure('merging lists cannot yet be specified in the patch');
    else if (directive !== 'delete') throw badDirective(directive, item);
    else {
      if (!Object.hasOwn(item, mergeKey)) throw noMergeKey(item, mergeKey);
      requireKeys(rest, mergeKey, noMergeKey);
      rest = rest.filter((other) => other[mergeKey] !== item[mergeKey]);
    }
  }
  return replace ? [plain, []] : [rest, plain];
} // prettier-ignore

/** A part of the patch that becomes part of the object: maps with `$patch` are taken out, at the top as undefined. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isMap(value)) return value;
  if (Object.hasOwn(value, DIRECTIVE)) return undefined;
  for (const key of Object.keys(value)) {
    const cleaned = withoutDirectives(value[key]);
    if (cleaned === undefined) delete value[key];
    else put(value, key, cleaned);
  }
  return value;
}
function dropNulls(value: unknown): void {
  if (Array.isArray(value)) for (const item of value) dropNulls(item);
  else if (isMap(value))
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else dropNulls(value[key]);
    }
}
