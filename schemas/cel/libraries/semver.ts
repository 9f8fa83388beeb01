import { CelError, CelOpaque, noSuchOverload, type CelValue } from '../values.ts';
import { isA, isBool, isString, overload, type CelLibrary } from './kinds.ts';

type Part = bigint | string;
/** A version as semver.org has it. */
export class CelSemver extends CelOpaque {
  override readonly typeName = 'kubernetes.Semver';
  readonly numbers: readonly [major: bigint, minor: bigint, patch: bigint];
  /** Of a pre-release: `alpha.1`. */
  readonly before: readonly Part[];
  constructor(numbers: CelSemver['numbers'], before: readonly Part[]) {
    super();
    this.numbers = numbers;
    this.before = before;
  }
  equals(other: CelValue): boolean | CelError {
    return other instanceof CelSemver ? compare(this, other) === 0n : noSuchOverload();
  }
}
const isVersion = isA(CelSemver);
const two = [isVersion, isVersion] as const;
const MAX = (1n << 64n) - 1n;
const DIGITS = /^\d+$/;
const CHARACTERS = /^[\dA-Za-z-]*$/;

/** A version as expressions see it; an error for what is none. Source: blang/semver Parse. */
export function readVersion(text: string): CelSemver | CelError {
  const bad = (why: string): CelError => new CelError(why);
  if (text === '') return bad('Version string empty');
  const parts = splitN(text, '.', 3);
  if (parts.length !== 3) return bad('No Major.Minor.Patch elements found');
  const numbers: bigint[] = [];
  for (const [i, name] of (['Major', 'Minor'] as const).entries()) {
    const part = parts[i]!;
    const found = numberOf(part, name);
    if (found instanceof CelError) return found;
    numbers.push(found);
  }
  let patch = parts[2]!;
  let [before, build]: [string[], string[]] = [[], []];
  const plus = patch.indexOf('+');
  if (plus >= 0) {
    build = patch.slice(plus + 1).split('.');
    patch = patch.slice(0, plus);
  }
  const dash = patch.indexOf('-');
  if (dash >= 0) {
    before = patch.slice(dash + 1).split('.');
    patch = patch.slice(0, dash);
  }
  const last = numberOf(patch, 'Patch');
  if (last instanceof CelError) return last;
  const identifiers: Part[] = [];
  for (const part of before) {
    if (part === '') return bad('Prerelease is empty');
    if (!DIGITS.test(part)) {
      if (!CHARACTERS.test(part)) return bad(`Invalid character(s) found in prerelease "${part}"`);
      identifiers.push(part);
      continue;
    }
    if (part.length > 1 && part.startsWith('0'))
      return bad(`Numeric PreRelease version must not contain leading zeroes "${part}"`);
    if (BigInt(part) > MAX) return bad(`strconv.ParseUint: parsing "${part}": value out of range`);
    identifiers.push(BigInt(part));
  }
  for (const part of build) {
    if (part === '') return bad('Build meta data is empty');
    if (!CHARACTERS.test(part)) return bad(`Invalid character(s) found in build meta data "${part}"`);
  }
  return new CelSemver([numbers[0]!, numbers[1]!, last], identifiers);
}
function numberOf(text: string, name: string): bigint | CelError {
  if (!/^\d*$/.test(text)) return new CelError(`Invalid character(s) found in ${name.toLowerCase()} number "${text}"`);
  if (text.length > 1 && text.startsWith('0'))
    return new CelError(`${name} number must not contain leading zeroes "${text}"`);
  if (text === '') return new CelError('strconv.ParseUint: parsing "": invalid syntax');
  const value = BigInt(text);
  return value > MAX ? new CelError(`strconv.ParseUint: parsing "${text}": value out of range`) : value;
}
function splitN(text: string, by: string, most: number): string[] {
  const parts = text.split(by);
  return parts.length <= most ? parts : [...parts.slice(0, most - 1), parts.slice(most - 1).join(by)];
}
/** Takes `v1.2` and `01.2.3` too. Source: library/semverlib.go normalizeAndParse. */
function normalized(text: string): CelSemver | CelError {
  const parts = splitN(text.replace(/^v/, ''), '.', 3).map((part) =>
    part.length > 1 ? part.replace(/^0+(?=\d)/, '').replace(/^0+(?!\d)/, '0') : part,
  );
  if (parts.length < 3) {
    if (/[+-]/.test(parts.at(-1)!)) return new CelError('short version cannot contain PreRelease/Build meta data');
    while (parts.length < 3) parts.push('0');
  }
  return readVersion(parts.join('.'));
}
const read = (text: string, normalize = false): CelSemver | CelError =>
  normalize ? normalized(text) : readVersion(text);

const order = <T>(a: T, b: T): bigint => (a < b ? -1n : a > b ? 1n : 0n);
function comparePart(a: Part, b: Part): bigint {
  if (typeof a === typeof b) return order(a, b);
  return typeof a === 'bigint' ? -1n : 1n;
}
function compare(a: CelSemver, b: CelSemver): bigint {
  for (let i = 0; i < 3; i++) if (a.numbers[i] !== b.numbers[i]) return order(a.numbers[i]!, b.numbers[i]!);
  if (a.before.length === 0 || b.before.length === 0) return order(b.before.length, a.before.length);
  for (let i = 0; i < Math.min(a.before.length, b.before.length); i++) {
    const found = comparePart(a.before[i]!, b.before[i]!);
    if (found !== 0n) return found;
  }
  return order(a.before.length, b.before.length);
}
const isOne = (text: string, normalize = false): boolean => read(text, normalize) instanceof CelSemver;

/** Source: apiserver pkg/cel/library/semverlib.go (version 1). */
export const semver: CelLibrary = {
  semver: [
    overload('string_to_semver', [isString], (text: string) => read(text)),
    overload('string_bool_to_semver', [isString, isBool], read),
  ],
  isSemver: [
    overload('is_semver_string', [isString], (text: string) => isOne(text)),
    overload('is_semver_string_bool', [isString, isBool], isOne),
  ],
  isGreaterThan: [overload('semver_is_greater_than', two, (a: CelSemver, b: CelSemver) => compare(a, b) === 1n)],
  isLessThan: [overload('semver_is_less_than', two, (a: CelSemver, b: CelSemver) => compare(a, b) === -1n)],
  compareTo: [overload('semver_compare_to', two, compare)],
  major: [overload('semver_major', [isVersion], ({ numbers }: CelSemver) => numbers[0])],
  minor: [overload('semver_minor', [isVersion], ({ numbers }: CelSemver) => numbers[1])],
  patch: [overload('semver_patch', [isVersion], ({ numbers }: CelSemver) => numbers[2])],
};
