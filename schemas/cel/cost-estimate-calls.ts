import type { CelExpr } from './ast.ts';
import { step, type CallEstimate, type Sized, type SizeOf } from './cost-estimate-sizes.ts';
import { fixed, MOST, ONE, PATTERN, plus, scaled, TEXT, times, UNKNOWN, ZERO, type Range } from './estimates.ts';
import { sameType, type CelType } from './types.ts';

type Sizes = (of: Sized) => Range;
/** Most of what a pattern of a named format may be long, and a name of one. */
const FORMAT_PATTERN = 128;
const FORMAT_NAME = 64;
/** What comparing two addresses costs: each has four or sixteen bytes. */
const ADDRESS: Range = { min: 4n, max: 16n };

/**
 * What a call of Kubernetes' libraries or of cel-go's extensions costs without its arguments; undefined where the language
 * itself says. Source: apiserver pkg/cel/library/cost.go, cel-go ext/lists.go, ext/sets.go.
 */
export function callEstimate(
  name: string,
  overload: string,
  target: Sized | undefined,
  args: readonly Sized[],
  sizeOf: SizeOf,
): CallEstimate | undefined {
  const size: Sizes = (of) => of.size ?? (of.path.length > 0 ? sizeOf(of.path) : undefined) ?? UNKNOWN;
  return (
    ofExtension(overload, target, args, size) ??
    ofText(name, target, args, size) ??
    ofKubernetes(name, overload, target, args, size)
  );
}

const FIXED: ReadonlySet<string> = new Set(
  `serviceAccount path group resource subresource namespace name allowed reason error errored masked prefixLength family
  isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast format.named sign asInteger isInteger
  asApproximateFloat isGreaterThan isLessThan compareTo add sub major minor patch getScheme getHostname getHost getPort
  getEscapedPath getQuery`.split(/\s+/),
);
const PARSING: ReadonlySet<string> = new Set('cidr isIP isCIDR quantity isQuantity semver isSemver'.split(' '));
const AGGREGATING: ReadonlySet<string> = new Set('isSorted sum max min indexOf lastIndexOf'.split(' '));

function ofKubernetes(
  name: string,
  overload: string,
  target: Sized | undefined,
  args: readonly Sized[],
  size: Sizes,
): CallEstimate | undefined {
  if (FIXED.has(name) || overload === 'cidr_ip') return { cost: ONE };
  if (name === 'check') return { cost: fixed(350_000) };
  if (AGGREGATING.has(name)) return target && aggregate(target, size);
  const [first] = args;
  if (!first) return undefined;
  if (PARSING.has(name) || name === 'ip') return { cost: scaled(size(first), TEXT) };
  switch (name) {
    case 'fieldSelector':
    case 'labelSelector': {
      const parsing = scaled(size(first), TEXT);
      const requirements = scaled(scaled(size(first), SELECTOR.perCharacter), SELECTOR.perRequirement);
      return { cost: plus(plus(SELECTOR.base, parsing), requirements) };
    }
    case 'ip.isCanonical':
      return { cost: scaled(size(first), 2 * TEXT) };
    case 'containsIP':
    case 'containsCIDR':
      return { cost: containing(name, overload, size(first)) };
    case 'validate':
      return { cost: scaled(scaled(size(first), TEXT), FORMAT_PATTERN * PATTERN) };
    case '_==_':
      return equality(first, args[1]);
    default:
      return undefined;
  }
}
const SELECTOR = { base: fixed(10), perCharacter: 0.5, perRequirement: 50 };
function containing(name: string, overload: string, given: Range): Range {
  let cost = scaled(plus(ADDRESS, ADDRESS), TEXT);
  if (name === 'containsCIDR') cost = plus(plus(cost, scaled(ADDRESS, TEXT)), ONE);
  return overload.endsWith('_string') ? plus(cost, scaled(given, TEXT)) : cost;
}
const CHEAPLY_EQUAL = new Set([
  'net.IP',
  'net.CIDR',
  'kubernetes.Quantity',
  'kubernetes.Semver',
  'kubernetes.authorization.Authorizer',
  'kubernetes.authorization.PathCheck',
  'kubernetes.authorization.GroupCheck',
  'kubernetes.authorization.ResourceCheck',
  'kubernetes.authorization.Decision',
]);
function equality(a: Sized, b: Sized | undefined): CallEstimate | undefined {
  if (!b || a.type.kind !== 'object' || !sameType(a.type, b.type)) return undefined;
  const { name } = a.type;
  if (CHEAPLY_EQUAL.has(name)) return { cost: ONE };
  if (name === 'kubernetes.NamedFormat') return { cost: scaled({ min: 1n, max: BigInt(FORMAT_NAME) }, TEXT) };
  return name === 'kubernetes.URL' ? { cost: scaled({ min: 1n, max: b.size?.max ?? 1n }, TEXT) } : undefined;
}
function aggregate(target: Sized, size: Sizes): CallEstimate {
  const element = elementOf(target);
  if (!element) return { cost: scaled(size(target), TEXT) };
  const isText = element.type.kind === 'string' || element.type.kind === 'bytes';
  return { cost: times(size(target), isText ? plus(ONE, scaled(size(element), TEXT)) : ONE) };
}
function elementOf({ type, path }: Sized): Sized | undefined {
  const element: CelType | undefined =
    type.kind === 'list'
      ? type.element
      : type.kind === 'map'
        ? type.key
        : type.kind === 'optional'
          ? type.value
          : undefined;
  return element && { type: element, path: path.length > 0 ? step({ ...path, capacity: 0 }, '@items') : path };
}

function ofText(
  name: string,
  target: Sized | undefined,
  args: readonly Sized[],
  size: Sizes,
): CallEstimate | undefined {
  const [first, second] = args;
  if (name === 'url' && first) return { cost: scaled(size(first), TEXT), size: size(first) };
  if (name === 'jsonpatch.escapeKey' && first) return { cost: scaled(size(first), TEXT), size: size(first) };
  if (!target) return undefined;
  switch (name) {
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: scaled(size(target), TEXT), size: size(target) };
    case 'replace':
      return first && second && replaced(size(target), size(first), size(second));
    case 'split': {
      const limit = second?.expr && intLiteral(second.expr);
      return {
        cost: scaled(size(target), 2 * TEXT),
        size: { min: 0n, max: limit === undefined ? size(target).max : BigInt.asUintN(64, limit) },
      };
    }
    case 'join': {
      const made = joined(target, first, size);
      return { cost: scaled(made, TEXT), size: made };
    }
    case 'find':
    case 'findAll': {
      if (!first) return undefined;
      const text = scaled(plus(size(target), ONE), TEXT);
      return { cost: times(text, scaled(size(first), PATTERN)), size: { min: 0n, max: size(target).max } };
    }
    default:
      return undefined;
  }
}
function joined(target: Sized, separator: Sized | undefined, size: Sizes): Range {
  const list = size(target);
  const element = elementOf(target);
  const texts = element ? times(list, size(element)) : ZERO;
  if (!separator) return texts;
  const between = (count: bigint): bigint => (count > 0n ? count - 1n : 0n);
  return plus(texts, times(size(separator), { min: between(list.min), max: between(list.max) }));
}
/** An empty text is found around every character. */
function replaced(text: Range, what: Range, by: Range): CallEstimate {
  const count = { min: 0n, max: 0n };
  const kept = { min: 0n, max: 0n };
  if (what.min === 0n) {
    count.max = text.max < MOST ? text.max + 1n : MOST;
    kept.max = text.max;
  } else if (by.max <= what.min) kept.max = text.max;
  else count.max = divideUp(text.max, what.min);
  if (what.max === 0n) {
    count.min = text.min < MOST ? text.min + 1n : MOST;
    kept.min = text.min;
  } else if (what.max <= by.min) kept.min = text.min;
  else count.min = divideUp(text.min, what.max);
  return { cost: scaled(text, 2 * TEXT), size: plus(times(count, by), kept) };
}
const divideUp = (a: bigint, b: bigint): bigint => {
  const out = BigInt(Math.ceil(Number(a) / Number(b)));
  return out > MOST ? MOST : out;
};
function intLiteral(expr: CelExpr): bigint | undefined {
  return expr.kind === 'literal' && expr.literal === 'int' ? (expr.value as bigint) : undefined;
}
/** As a number of elements; what is not written out is the most. */
function countLiteral(of: Sized | undefined, otherwise: bigint): bigint {
  const value = of?.expr && intLiteral(of.expr);
  if (value === undefined) return otherwise;
  return value < 0n ? 0n : value;
}

function ofExtension(
  overload: string,
  target: Sized | undefined,
  args: readonly Sized[],
  size: Sizes,
): CallEstimate | undefined {
  const [first, second] = args;
  switch (overload) {
    case 'list_sets_contains_list':
    case 'list_sets_intersects_list':
    case 'list_sets_equivalent_list': {
      const factor = overload === 'list_sets_equivalent_list' ? 2 : 1;
      return { cost: plus(scaled(times(size(first!), size(second!)), factor), ONE) };
    }
    case 'list_slice': {
      const from = countLiteral(first, 0n);
      const to = countLiteral(second, size(target!).max);
      return allocating(1, fixed(BigInt.asUintN(64, to - from)));
    }
    case 'lists_range':
      return allocating(1, fixed(countLiteral(first, MOST)));
    case 'list_reverse':
      return allocating(1, size(target!));
    case 'list_flatten':
    case 'list_flatten_int':
      return allocating(first ? Number(countLiteral(first, MOST)) : 1, size(target!));
    case 'list_distinct':
      return allocating(2, times(size(target!), size(target!)));
    default: {
      const [, element, isBy] = /^list_(.+)_sort(ByAssociatedKeys)?$/.exec(overload) ?? [];
      if (element === undefined) return undefined;
      const sorted = size(isBy ? first! : target!);
      return allocating(element === 'string' || element === 'bytes' ? 2 + TEXT : 2, times(sorted, sorted));
    }
  }
}
/** A call that makes a list. */
const allocating = (factor: number, size: Range): CallEstimate => ({
  cost: plus(plus(scaled(size, factor), ONE), fixed(10)),
  size,
});
