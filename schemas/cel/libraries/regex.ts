import { RE2JS } from 're2js';
import { CelArray, CelError, noSuchOverload, type CelValue } from '../values.ts';
import { isInt, isString, overload, stepwise, type CelLibrary } from './kinds.ts';

const REMEMBER = 500;
const known = new Map<string, RE2JS | string>();
/** The pattern made ready, or what Go says is wrong with it. Time is linear in the text, whatever the pattern. */
function compiled(pattern: string): RE2JS | string {
  let found = known.get(pattern);
  if (found === undefined) {
    try {
      found = RE2JS.compile(pattern);
    } catch (error) {
      found = (error as Error).message;
    }
    if (known.size >= REMEMBER) known.clear();
    known.set(pattern, found);
  }
  return found;
}
/** Why a pattern is none; undefined if it is one. */
export function patternProblem(pattern: string): string | undefined {
  const found = compiled(pattern);
  return typeof found === 'string' ? found : undefined;
}
/**
 * How many steps matching may take at worst: a pattern with counted repetitions is far larger than its text. Nothing of what
 * cannot be compiled.
 */
export function matchWork(text: CelValue | undefined, pattern: CelValue | undefined): number {
  if (typeof text !== 'string' || typeof pattern !== 'string') return 0;
  const found = compiled(pattern);
  return typeof found === 'string' ? 0 : found.programSize() * text.length;
}
/** What `matches` gives: whether the pattern is anywhere in the text. */
export function matchesText(text: CelValue, pattern: CelValue): CelValue {
  if (typeof text !== 'string' || typeof pattern !== 'string') return noSuchOverload();
  const found = compiled(pattern);
  return typeof found === 'string' ? new CelError(found) : found.matcher(text).find();
}
function find(text: string, pattern: string): CelValue {
  const found = compiled(pattern);
  if (typeof found === 'string') return new CelError(`Illegal regex: ${found}`);
  const matcher = found.matcher(text);
  return matcher.find() ? (matcher.group() ?? '') : '';
}
/** Up to `limit`, all if it is negative. Source: Go regexp FindAllString: no empty match right after another match. */
function findAll(text: string, pattern: string, limit: bigint): CelValue {
  const found = compiled(pattern);
  if (typeof found === 'string') return new CelError(`Illegal regex: ${found}`);
  const matches: string[] = [];
  const matcher = found.matcher(text);
  const most = limit < 0n ? Infinity : Number(limit);
  let last = -1;
  while (matches.length < most && matcher.find()) {
    const [start, end] = [matcher.start(), matcher.end()];
    if (start !== end || start !== last) matches.push(matcher.group() ?? '');
    last = end;
  }
  return new CelArray(matches);
}
/** Source: apiserver pkg/cel/library/regex.go. */
export const regex: CelLibrary = {
  find: [overload('string_find_string', [isString, isString], find)],
  findAll: [
    overload('string_find_all_string', [isString, isString], (text: string, pattern: string) => findAll(text, pattern, -1n)), // prettier-ignore
    stepwise('string_find_all_string_int', [isString, isString, isInt], findAll),
  ],
};
