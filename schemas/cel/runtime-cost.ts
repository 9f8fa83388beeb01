import { CelList, CelMap, CelOpaque, CelOptional, typeNameOf, type CelValue } from './values.ts';
import { goTypeOf, GoPanic } from './eval-frame.ts';
import { CelFormat } from './libraries/format.ts';
import { matchWork } from './libraries/regex.ts';
import { runeCount } from './values-text.ts';

/**
 * What evaluating costs, in cel-go's units. Source: cel-go interpreter/runtimecost.go, common/cost.go, ext/lists.go,
 * ext/sets.go; apiserver pkg/cel/library/cost.go CallCost.
 */
export const LIST_COST = 10;
export const MAP_COST = 30;
export const STRUCT_COST = 40;
const TRAVERSAL = 0.1;
const REGEX = 0.25;
/** Two checks fit an expression. */
const AUTHORIZATION_COST = 350_000;

/** Cost of a call by its arguments and result. */
export type CallCost = (args: readonly CelValue[], result: CelValue) => number;

/** Elements of lists and maps, code points of strings, bytes; 1 of all else. Source: runtimecost.go actualSize. */
export function sizeOf(value: CelValue | undefined): number {
  if (typeof value === 'string') return runeCount(value);
  if (typeof value !== 'object' || value === null) return 1;
  if (value instanceof CelList || value instanceof CelMap) return value.size;
  if (value instanceof Uint8Array) return value.length;
  if (value instanceof CelOpaque) return value.size ?? 1;
  return value instanceof CelOptional && value.value !== undefined ? sizeOf(value.value) : 1;
}
/** As kube's own estimator counts: it does not look into optionals. */
const ownSize = (value: CelValue | undefined): number => (value instanceof CelOptional ? 1 : sizeOf(value));
const encoder = new TextEncoder();
/** Source: library/cost.go traversalCost. */
function traversal(value: CelValue): number {
  if (typeof value === 'string') return Math.floor(encoder.encode(value).length * TRAVERSAL);
  if (value instanceof Uint8Array) return Math.floor(value.length * TRAVERSAL);
  let cost = 0;
  if (value instanceof CelList) {
    for (const item of value) cost += traversal(item);
    return cost;
  }
  if (value instanceof CelMap) {
    for (const key of value.keys()) cost += traversal(key) + traversal(value.find(key) ?? null);
    return cost;
  }
  return 1;
}
const one: CallCost = () => 1;
const walk =
  (arg: number, factor = 1): CallCost =>
  (args) => Math.ceil(ownSize(args[arg]) * factor * TRAVERSAL); // prettier-ignore
const standardWalk: CallCost = ([text]) => Math.ceil(sizeOf(text) * TRAVERSAL);
const least: CallCost = ([a, b]) => Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * TRAVERSAL);
const joined: CallCost = ([a, b]) => Math.ceil((sizeOf(a) + sizeOf(b)) * TRAVERSAL);
/** From here on matching is felt: a step of it then costs what it takes. The real one has threads to spare, this has not. */
const MUCH_WORK = 1_000_000;
const STEPS_PER_COST = 100;
const matching: CallCost = ([text, pattern]) => {
  const cost = Math.ceil((1 + sizeOf(text)) * TRAVERSAL) * Math.ceil(sizeOf(pattern) * REGEX);
  const work = matchWork(text, pattern);
  return work > MUCH_WORK ? Math.max(cost, Math.ceil(work / STEPS_PER_COST)) : cost;
};
const selector: CallCost = (args) => {
  const length = ownSize(args[1]);
  return LIST_COST + Math.ceil(length * TRAVERSAL) + Math.ceil(Math.ceil(length * 0.5) * (LIST_COST + STRUCT_COST));
};
const cidrBase = (args: readonly CelValue[]): number => Math.ceil(2 * ownSize(args[0]) * TRAVERSAL);

const every = (names: string, cost: CallCost): readonly (readonly [string, CallCost])[] =>
  names.split(' ').map((name) => [name, cost] as const);
/** By the function's name: these come before those by overload. */
const BY_NAME = new Map<string, CallCost>([
  ...every('check', () => AUTHORIZATION_COST),
  ...every('serviceAccount path group resource subresource namespace name allowed reason error errored', one),
  ...every('fieldSelector labelSelector', selector),
  ...every('isSorted sum max min indexOf lastIndexOf', (args) => (args.length > 0 ? traversal(args[0]!) : 0)),
  ...every('url lowerAscii upperAscii substring trim jsonpatch.escapeKey', walk(0)),
  ...every('replace split', walk(0, 2)),
  ...every('join', (_args, result) => Math.ceil(ownSize(result) * 2 * TRAVERSAL)),
  ...every('find findAll', matching),
  ...every('cidr isIP isCIDR ip', walk(0)),
  ...every('ip.isCanonical', walk(0, 2)),
  ...every(
    'masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast',
    one,
  ),
  ...every('containsIP', cidrBase),
  ...every('containsCIDR', (args) => cidrBase(args) + Math.ceil(ownSize(args[0]) * TRAVERSAL) + 1),
  ...every('quantity isQuantity semver isSemver', walk(0)),
  ...every('validate', ([format, text]) =>
    format instanceof CelFormat
      ? Math.ceil((1 + ownSize(text)) * TRAVERSAL) * Math.ceil(format.patternSize * REGEX)
      : 1,
  ),
  ...every('format.named', one),
  ...every(
    'sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch',
    one,
  ),
  ...every('getScheme getHostname getHost getPort getEscapedPath getQuery', one),
]);
const withText =
  (cost: CallCost): CallCost =>
  (args, result) => cost(args, result) + Math.ceil(ownSize(args[1]) * TRAVERSAL); // prettier-ignore
const allocating = (size: number, factor = 1): number => Math.floor(size * factor) + 1 + LIST_COST;
const output: CallCost = (_args, result) => allocating(ownSize(result));
const selfCompared =
  (arg: number): CallCost =>
  (args) => {
    const list = args[arg];
    if (!(list instanceof CelList))
      throw new GoPanic(`interface conversion: ${goTypeOf(list!)} is not traits.Lister: missing method ${canAdd(list!) ? 'Contains' : 'Add'}`); // prettier-ignore
    if (list.size === 0) return allocating(0);
    const first = list.at(0);
    const isText = typeof first === 'string' || first instanceof Uint8Array;
    return allocating(list.size * list.size, isText ? 2 + TRAVERSAL : 2);
  };
/** Of what is no list: whether Go misses its other methods first. */
const canAdd = (value: CelValue): boolean =>
  ['int', 'uint', 'double', 'string', 'bytes', 'google.protobuf.Timestamp', 'google.protobuf.Duration'].includes(
    typeNameOf(value),
  );
const crossed =
  (factor: number): CallCost =>
  ([a, b]) => 1 + ownSize(a) * ownSize(b) * factor; // prettier-ignore
const SORTED = 'int uint double bool google.protobuf.Duration google.protobuf.Timestamp string bytes'.split(' ');
/** By overload, before those by name. */
const TRACKED = new Map<string, CallCost>([
  ...every('list_slice lists_range list_reverse', output),
  ...every('list_flatten', ([list]) => allocating(ownSize(list))),
  ...every('list_flatten_int', ([list, depth]) => {
    if (typeof depth !== 'bigint') throw new GoPanic(`interface conversion: ref.Val is ${goTypeOf(depth!)}, not types.Int`); // prettier-ignore
    return allocating(ownSize(list), Number(depth));
  }),
  ...every('list_distinct', selfCompared(0)),
  ...SORTED.map((type) => [`list_${type}_sort`, selfCompared(0)] as const),
  ...SORTED.map((type) => [`list_${type}_sortByAssociatedKeys`, selfCompared(1)] as const),
  ...every('list_sets_contains_list list_sets_intersects_list', crossed(1)),
  ...every('list_sets_equivalent_list', crossed(2)),
  ...every('cidr_ip', one),
  ...every('cidr_contains_ip_string', withText(BY_NAME.get('containsIP')!)),
  ...every('cidr_contains_cidr_string', withText(BY_NAME.get('containsCIDR')!)),
]);
/** By overload, after those by name. */
const BY_OVERLOAD = new Map<string, CallCost>([
  ...every('starts_with_string ends_with_string string_to_bytes bytes_to_string strings_quote string_format', standardWalk),
  ...every('in_list', ([, list]) => sizeOf(list)),
  ...every(
    'less_string greater_string less_equals_string greater_equals_string less_bytes greater_bytes less_equals_bytes greater_equals_bytes not_equals',
    least,
  ),
  // Of what libraries made, comparing costs one.
  ...every('equals', (args, result) => (args[0] instanceof CelOpaque ? 1 : least(args, result))),
  ...every('add_string add_bytes', joined),
  ...every('matches_string', matching),
  ...every('contains_string', ([text, part]) =>
    Math.ceil(sizeOf(text) * TRAVERSAL) * Math.ceil(sizeOf(part) * TRAVERSAL)),
]); // prettier-ignore
/** What a call of a function costs; `overload` is empty where several may be meant. */
export const callCost = (name: string, overload: string): CallCost =>
  TRACKED.get(overload) ?? BY_NAME.get(name) ?? BY_OVERLOAD.get(overload) ?? one;
/** Calls whose cost is that of what they give: how large it becomes is known before. */
export function resultSize(name: string, args: readonly CelValue[]): number {
  const [list, by] = args;
  if (name === 'lists.range') return typeof list === 'bigint' ? Number(list) : 0;
  if (name !== 'join' || !(list instanceof CelList)) return 0;
  let size = 0;
  for (const item of list) size += typeof item === 'string' ? item.length : 1;
  return (size + Math.max(0, list.size - 1) * (typeof by === 'string' ? by.length : 0)) / 10;
}
