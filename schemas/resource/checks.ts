import type { Errors } from '../define.ts';
import { problems } from '../helpers/checks.ts';
import { duplicate, invalid, required, tooLong, tooMany, type FieldPath } from '../meta/field.ts';
import { byteLength, cIdentifier, dnsLabel, dnsSubdomain, qualifiedName } from '../meta/names.ts';
import { validateDriverName } from '../storage/parameters.ts';
import { deviceExpressions } from './expression-loading.ts';

/** Limits of the group. Source: pkg/apis/resource/types.go. */
export const MAX_REQUESTS = 32;
export const MAX_SELECTORS = 32;
export const MAX_CONFIGS = 32;
const MAX_POOL_NAME = 253;
const MAX_EXPRESSION = 10 * 1024;
const MAX_IDENTIFIER = 32;
const MAX_DOMAIN = 63;

/** Source: pkg/apis/resource/validation validateSlice. */
export function* eachOf<T>(
  items: readonly T[],
  max: number,
  check: (item: T, at: FieldPath) => Errors,
  at: FieldPath,
): Errors {
  if (items.length > max) yield tooMany(at, items.length, max);
  else for (const [i, item] of items.entries()) yield* check(item, at(i));
}
/** The same where no two may have the same key. Source: validateSet. */
export function* setOf<T>(
  items: readonly T[],
  max: number,
  check: (item: T, at: FieldPath) => Errors,
  keyOf: (item: T) => string,
  at: FieldPath,
): Errors {
  yield* eachOf(items, max, check, at);
  if (items.length > max) return;
  const seen = new Set<string>();
  for (const [i, item] of items.entries()) {
    const key = keyOf(item);
    if (seen.has(key)) yield duplicate(at(i), key);
    seen.add(key);
  }
}
/** Names of requests, devices and counters: an empty one is malformed, not missing. */
export const labelName = (name: string | undefined, at: FieldPath): Errors =>
  problems(dnsLabel(name ?? ''), name ?? '', at);
export const driverName = (name: string | undefined, at: FieldPath): Errors =>
  validateDriverName(name, dnsSubdomain, at);
/** One or more subdomains with slashes between. */
export function* poolName(name: string | undefined, at: FieldPath): Errors {
  if (!name) {
    yield required(at);
    return;
  }
  if (byteLength(name) > MAX_POOL_NAME) yield tooLong(at, MAX_POOL_NAME);
  for (const part of name.split('/')) yield* problems(dnsSubdomain(part), part, at);
}
/** `name` or `domain/name`, the name a C identifier; what has more slashes is not looked at. Source: validateQualifiedName. */
export function* attributeName(name: string, at: FieldPath): Errors {
  const [first, second, ...more] = name.split('/') as [string, ...string[]];
  if (more.length > 0) return;
  if (second === undefined) {
    yield* identifier(first, at);
    return;
  }
  if (first === '') yield invalid(at, '', 'the domain must not be empty');
  else yield* driverName(first, at);
  if (second === '') yield invalid(at, '', 'the name must not be empty');
  else yield* identifier(second, at);
}
function* identifier(name: string, at: FieldPath): Errors {
  if (byteLength(name) > MAX_IDENTIFIER) yield tooLong(at, MAX_IDENTIFIER);
  yield* problems(cIdentifier(name), name, at);
}
export function* fullyQualifiedName(name: string, at: FieldPath): Errors {
  yield* attributeName(name, at);
  if (!name.includes('/')) yield invalid(at, name, 'a fully qualified name must be a domain and a name separated by a slash');
} // prettier-ignore
const MAX_NAME_KEY = MAX_DOMAIN + 1 + MAX_IDENTIFIER;
/** The entries of a map: what is wrong with a key is said of the map. `longest`: of a key as paths show it. Source: validateMap. */
export function* mapOf<T>(
  map: Readonly<Record<string, T>> | undefined,
  max: number,
  checkKey: (key: string, at: FieldPath) => Errors,
  check: (value: T, at: FieldPath) => Errors,
  at: FieldPath,
  longest = MAX_NAME_KEY,
): Errors {
  const entries = Object.entries(map ?? {});
  if (entries.length > max) {
    yield tooMany(at, entries.length, max);
    return;
  }
  for (const [key, value] of entries) {
    yield* checkKey(key, at);
    yield* check(value, at.key(shortened(key, longest)));
  }
}
const ELLIPSIS = '...';
function shortened(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const left = longest - ELLIPSIS.length;
  return text.slice(0, Math.floor((left + 1) / 2)) + ELLIPSIS + text.slice(text.length - Math.floor(left / 2));
}
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const UUID_FORM =
  'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
/** Source: validateUID, github.com/google/uuid Validate. */
export function* shareId(uid: string | undefined, at: FieldPath): Errors {
  if (uid === undefined || UUID.test(uid)) return;
  const bare = /^(?:urn:uuid:|\{)?([^{}]*)\}?$/i.exec(uid)?.[1] ?? uid;
  const length = byteLength(uid);
  if (![32, 36, 38, 45].includes(length))
    yield invalid(at, uid, `error validating uid: invalid UUID length: ${length}`);
  else if (!/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(bare))
    yield invalid(at, uid, 'error validating uid: invalid UUID format');
  else yield invalid(at, uid, UUID_FORM);
}
const MAX_CONDITIONS = 4;
interface Binding {
  readonly bindingConditions?: readonly string[] | undefined;
  readonly bindingFailureConditions?: readonly string[] | undefined;
}
/** What must hold before a device is bound to, and what must not. Source: validateDeviceBindingParameters. */
export function* validateBinding({ bindingConditions: good = [], bindingFailureConditions: bad = [] }: Binding, at: FieldPath): Errors {
  const [goodAt, badAt] = [at('bindingConditions'), at('bindingFailureConditions')];
  const check = (name: string, here: FieldPath): Errors => problems(qualifiedName(name), name, here);
  yield* eachOf(good, MAX_CONDITIONS, check, goodAt);
  yield* eachOf(bad, MAX_CONDITIONS, check, badAt);
  for (const [i, name] of good.entries()) if (good.indexOf(name) < i) yield duplicate(goodAt(i), name);
  for (const [i, name] of bad.entries()) {
    if (bad.indexOf(name) < i) yield duplicate(badAt(i), name);
    if (good.includes(name)) yield invalid(badAt(i), name, 'bindingFailureConditions must not overlap with bindingConditions');
  }
  if (good.length === 0 && bad.length > 0) yield invalid(goodAt, null, 'bindingConditions are required to use bindingFailureConditions');
  if (bad.length === 0 && good.length > 0) yield invalid(badAt, null, 'bindingFailureConditions are required to use bindingConditions');
} // prettier-ignore
export function* validateSelectors(
  selectors: readonly { readonly cel?: { readonly expression?: string } | undefined }[],
  at: FieldPath,
): Errors {
  yield* eachOf(
    selectors,
    MAX_SELECTORS,
    function* ({ cel }, here) {
      if (!cel) yield required(here('cel'));
      else if (byteLength(cel.expression ?? '') > MAX_EXPRESSION)
        yield tooLong(here('cel')('expression'), MAX_EXPRESSION);
      else yield* deviceExpressions().deviceExpression(cel.expression ?? '', here('cel')('expression'));
    },
    at,
  );
}
const MAX_PARAMETERS = 10 * 1024;
/** Any JSON object, not too large. Source: validateRawExtension. */
export function* validateRaw(value: unknown, at: FieldPath): Errors {
  if (value === undefined || value === null) yield required(at);
  else if (byteLength(JSON.stringify(value)) > MAX_PARAMETERS) yield tooLong(at, MAX_PARAMETERS);
  else if (typeof value !== 'object' || Array.isArray(value))
    yield invalid(at, '<value omitted>', 'must be a valid JSON object');
}
export function* validateConfig(
  { opaque }: { readonly opaque?: { readonly driver?: string; readonly parameters?: unknown } | undefined },
  at: FieldPath,
): Errors {
  if (!opaque) {
    yield required(at('opaque'));
    return;
  }
  yield* driverName(opaque.driver, at('opaque')('driver'));
  yield* validateRaw(opaque.parameters, at('opaque')('parameters'));
}
