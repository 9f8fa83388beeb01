import { RE2JS } from 're2js';
import { parseDuration } from '../meta/duration.ts';
import type { CelCall, CelExpr } from './ast.ts';
import type { Issue } from './messages.ts';
import { parseTimestamp, durationOf, timestampOf } from './values-time.ts';
import { sameType, showType, typeName, type CelType } from './types.ts';

/**
 * What can be told of literals before anything is evaluated: durations, times, patterns and formats that are none, lists and
 * maps of different types. Of checked expressions. Source: cel-go cel/validator.go, ext/formatting.go.
 */
export function literalIssues(root: CelExpr): readonly Issue[] {
  const all: { readonly expr: CelExpr; readonly isInFormat: boolean }[] = [];
  gather(root, false, all);
  const calls = all.flatMap(({ expr }) => (expr.kind === 'call' ? [expr] : []));
  return [
    ...calls.flatMap((call) => argument(call, 'duration', isDuration)),
    ...calls.flatMap((call) => argument(call, 'timestamp', isTimestamp)),
    ...calls.flatMap((call) => argument(call, 'matches', isPattern)),
    ...all.flatMap(({ expr, isInFormat }) => (isInFormat || expr.kind !== 'list' ? [] : listIssues(expr))),
    ...all.flatMap(({ expr, isInFormat }) => (isInFormat || expr.kind !== 'map' ? [] : mapIssues(expr))),
    ...calls.flatMap(formatIssues),
  ];
}
function gather(expr: CelExpr, isInFormat: boolean, into: { expr: CelExpr; isInFormat: boolean }[]): void {
  into.push({ expr, isInFormat });
  const inner = isInFormat || (expr.kind === 'call' && expr.name === 'format');
  for (const part of partsOf(expr)) gather(part, inner, into);
}
/** The expressions directly within one, in order. */
export function partsOf(expr: CelExpr): readonly CelExpr[] {
  switch (expr.kind) {
    case 'select':
      return [expr.operand];
    case 'call':
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'struct':
      return expr.entries.map(({ value }) => value);
    case 'comprehension':
      return [expr.iterRange, expr.accuInit, expr.loopCondition, expr.loopStep, expr.result];
    default:
      return [];
  }
}
type Literal = CelExpr & { kind: 'literal' };
function argument(call: CelCall, name: string, isSound: (literal: Literal) => boolean): readonly Issue[] {
  const [first] = call.args;
  if (call.name !== name || first?.kind !== 'literal' || isSound(first)) return [];
  return [{ at: first.offset, message: `invalid ${name} argument` }];
}
const isError = (value: object): boolean => 'message' in value;
function isDuration({ value }: Literal): boolean {
  const nanos = typeof value === 'string' ? parseDuration(value) : '';
  return typeof nanos === 'bigint' && !isError(durationOf(nanos));
}
function isTimestamp({ value }: Literal): boolean {
  if (typeof value === 'bigint') return !isError(timestampOf(value * 1_000_000_000n));
  const time = typeof value === 'string' ? parseTimestamp(value) : undefined;
  return time !== undefined && !isError(timestampOf(time.nanos));
}
function isPattern({ value }: Literal): boolean {
  if (typeof value !== 'string') return true;
  try {
    RE2JS.compile(value);
    return true;
  } catch {
    return false;
  }
}

const mismatch = (at: CelExpr, expected: CelType, actual: CelType): Issue => ({
  at: at.offset,
  message: `expected type '${showType(expected)}' but found '${showType(actual)}'`,
});
const unwrapped = (type: CelType, isOptional: boolean): CelType =>
  isOptional && type.kind === 'optional' ? type.value : type;
function listIssues(list: CelExpr & { kind: 'list' }): readonly Issue[] {
  let first: CelType | undefined;
  for (const [i, element] of list.elements.entries()) {
    const type = unwrapped(element.type!, list.optionals.includes(i));
    if (first === undefined) first = type;
    else if (!sameType(first, type)) return [mismatch(element, first, type)];
  }
  return [];
}
function mapIssues(map: CelExpr & { kind: 'map' }): readonly Issue[] {
  const out: Issue[] = [];
  const [first, ...rest] = map.entries;
  if (!first) return out;
  const key = first.key.type!;
  const value = unwrapped(first.value.type!, first.optional);
  for (const entry of rest) {
    const own = unwrapped(entry.value.type!, entry.optional);
    if (!sameType(key, entry.key.type!)) out.push(mismatch(entry.key, key, entry.key.type!));
    if (!sameType(value, own)) out.push(mismatch(entry.value, value, own));
  }
  return out;
}

const CLAUSES: Readonly<Record<string, readonly [what: string, kinds: readonly CelType['kind'][]]>> = {
  d: ['decimal clause can only be used on integers', ['int', 'uint']],
  f: ['fixed-point clause can only be used on doubles', ['double', 'string']],
  e: ['scientific clause can only be used on doubles', ['double', 'string']],
  b: ['only integers and bools can be formatted as binary', ['int', 'uint', 'bool']],
  x: ['only integers, byte buffers, and strings can be formatted as hex', ['int', 'uint', 'string', 'bytes']],
  X: ['only integers, byte buffers, and strings can be formatted as hex', ['int', 'uint', 'string', 'bytes']],
  o: ['octal clause can only be used on integers', ['int', 'uint']],
};
const TEXTUAL: readonly CelType['kind'][] = [
  'list', 'map', 'bool', 'int', 'uint', 'double', 'string', 'bytes', 'duration', 'timestamp', 'null', 'type',
]; // prettier-ignore
const AS_TEXT =
  'string clause can only be used on strings, bools, bytes, ints, doubles, maps, lists, types, durations, and timestamps';
function formatIssues(call: CelCall): readonly Issue[] {
  const { target } = call;
  const [list] = call.args;
  if (call.name !== 'format' || target?.kind !== 'literal' || list?.kind !== 'list') return [];
  const text = target.value;
  if (typeof text !== 'string') return [];
  let used = 0;
  for (let i = text.indexOf('%'); i >= 0; i = text.indexOf('%', i)) {
    if (text[i + 1] === '%') {
      i += 2;
      continue;
    }
    used += 1;
    const problem = clause(text, i, list.elements[used - 1], used - 1);
    if ('message' in problem) return [{ at: (problem.at ?? call).offset, message: problem.message }];
    i = problem.end;
  }
  if (list.elements.length <= used) return [];
  const message = `too many arguments supplied to string.format (expected ${used}, got ${list.elements.length})`;
  return [{ at: call.offset, message }];
}
type Clause = { readonly end: number } | { readonly message: string; readonly at?: CelExpr };
function clause(text: string, at: number, arg: CelExpr | undefined, index: number): Clause {
  let i = at + 1;
  if (i >= text.length) return { message: 'unexpected end of string' };
  if (!arg) return { message: `index ${index} out of range` };
  const unparsed = 'could not parse formatting clause';
  if (text[i] === '.') {
    const digits = /^[0-9]*/.exec(text.slice(i + 1))![0];
    i += 1 + digits.length;
    if (i >= text.length)
      return { message: `${unparsed}: error while parsing precision: could not find end of precision specifier` };
    if (digits === '')
      return {
        message: `${unparsed}: error while parsing precision: error while converting precision to integer: strconv.Atoi: parsing "": invalid syntax`,
      };
  }
  const letter = text[i]!;
  if (letter === 's') {
    const bad = notTextual(arg);
    return bad
      ? { at: bad, message: `error during formatting: ${AS_TEXT}, was given ${typeName(bad.type!)}` }
      : { end: i + 1 };
  }
  const known = Object.hasOwn(CLAUSES, letter) ? CLAUSES[letter] : undefined;
  if (!known) return { message: `${unparsed}: unrecognized formatting clause "${letter}"` };
  const { kind } = arg.type!;
  if (kind === 'dyn' || known[1].includes(kind)) return { end: i + 1 };
  return { at: arg, message: `error during formatting: ${known[0]}, was given ${typeName(arg.type!)}` };
}
/** The first part that has no text. */
function notTextual(expr: CelExpr): CelExpr | undefined {
  const { kind } = expr.type!;
  if (kind !== 'dyn' && !TEXTUAL.includes(kind)) return expr;
  const parts = expr.kind === 'list' || expr.kind === 'map' ? partsOf(expr) : [];
  for (const part of parts) {
    const bad = notTextual(part);
    if (bad) return bad;
  }
  return undefined;
}
