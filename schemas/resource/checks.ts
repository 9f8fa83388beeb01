import type { Errors } from '../define.ts';
import { problems } from '../helpers/checks.ts';
import { duplicate, invalid, required, tooLong, tooMany, type FieldPath } from '../meta/field.ts';
import { byteLength, cIdentifier, dnsLabel, dnsSubdomain } from '../meta/names.ts';
import { validateDriverName } from '../storage/parameters.ts';

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
export function* requiredLabel(name: string | undefined, at: FieldPath): Errors {
  if (!name) yield required(at);
  else yield* problems(dnsLabel(name), name, at);
}
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
/** `name` or `domain/name`, the name a C identifier. Source: validateQualifiedName. */
export function* attributeName(name: string, at: FieldPath): Errors {
  if (name === '') {
    yield required(at, 'name required');
    return;
  }
  const parts = name.split('/');
  if (parts.length > 2) {
    yield invalid(at, name, 'must be the identifier of an attribute or a domain and an identifier separated by a slash');
    return;
  }
  const [domain, identifier] = parts.length === 2 ? parts : [undefined, parts[0]!];
  if (domain !== undefined) {
    if (domain === '') yield required(at, 'the domain must not be empty');
    else {
      if (byteLength(domain) > MAX_DOMAIN) yield tooLong(at, MAX_DOMAIN);
      yield* problems(dnsSubdomain(domain), domain, at);
    }
  }
  if (!identifier) yield required(at, 'the name must not be empty');
  else {
    if (byteLength(identifier) > MAX_IDENTIFIER) yield tooLong(at, MAX_IDENTIFIER);
    yield* problems(cIdentifier(identifier), identifier, at);
  }
} // prettier-ignore
export function* fullyQualifiedName(name: string, at: FieldPath): Errors {
  yield* attributeName(name, at);
  if (!name.includes('/')) yield invalid(at, name, 'a fully qualified name must be a domain and a name separated by a slash');
} // prettier-ignore
/** Whether an expression compiles is for those who run it. */
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
    },
    at,
  );
}
const MAX_PARAMETERS = 10 * 1024;
export function* validateConfig(
  { opaque }: { readonly opaque?: { readonly driver?: string; readonly parameters?: unknown } | undefined },
  at: FieldPath,
): Errors {
  if (!opaque) {
    yield required(at('opaque'));
    return;
  }
  yield* driverName(opaque.driver, at('opaque')('driver'));
  const { parameters } = opaque;
  const here = at('opaque')('parameters');
  if (parameters === undefined || parameters === null) yield required(here);
  else if (byteLength(JSON.stringify(parameters)) > MAX_PARAMETERS) yield tooLong(here, MAX_PARAMETERS);
  else if (typeof parameters !== 'object' || Array.isArray(parameters))
    yield invalid(here, '<value omitted>', 'must be a valid JSON object');
}
