import { aggregate } from '../../../../schemas/meta/aggregate.ts';
import { duplicate, fieldPath, forbidden, invalid, tooMany, type FieldError } from '../../../../schemas/meta/field.ts';
import { readConfiguration, StrictError, type Source } from '../../../../schemas/codec/configuration.ts';
import type { AnonymousConfiguration } from '../options.ts';
import type { Expression } from './expressions.ts';
import { AUTHENTICATION, type RawAnonymous, type RawAuthentication, type RawIssuer, type RawRule } from './shape.ts';
import { readJwt } from './validate.ts';

/** Where a part of a user comes from: a claim, with what is put before it, or an expression. */
export type Mapping =
  { readonly claim: string; readonly prefix: string } | { readonly expression: Expression } | undefined;
export interface Rule {
  readonly expression: Expression;
  readonly message: string;
}
/** One issuer of tokens, and what is made of them. */
export interface JwtConfiguration {
  readonly issuer: RawIssuer & { readonly url: string; readonly audiences: readonly string[] };
  readonly requiredClaims: readonly RawRule[];
  readonly claimRules: readonly Rule[];
  readonly username: Mapping;
  readonly groups: Mapping;
  readonly uid: Mapping;
  readonly extra: readonly { readonly key: string; readonly expression: Expression }[];
  readonly userRules: readonly Rule[];
}
export interface AuthenticationConfiguration {
  readonly jwt: readonly JwtConfiguration[];
  /** undefined: the file does not say. */
  readonly anonymous: AnonymousConfiguration | undefined;
}
const MAX_ISSUERS = 64;

/**
 * What a file of kind AuthenticationConfiguration says. Thrown: Error in kube-apiserver's words, `invalid authentication
 * configuration: jwt[0].issuer.url: Required value`. `disallowed`: issuers that it may not name.
 * Source: apiserver pkg/apis/apiserver/validation ValidateAuthenticationConfiguration.
 */
export function readAuthenticationConfiguration(
  source: Source,
  disallowed: readonly string[],
): AuthenticationConfiguration {
  if (source.text === '') throw new Error('empty config data');
  let raw: RawAuthentication;
  try {
    raw = readConfiguration(source, AUTHENTICATION);
  } catch (error) {
    throw error instanceof StrictError ? new Error(error.message, { cause: error }) : error;
  }
  const errors: FieldError[] = [];
  const jwt = readAll(raw, disallowed, errors);
  const { anonymous } = raw;
  if (anonymous !== undefined && !anonymous.enabled && (anonymous.conditions ?? []).length > 0)
    errors.push(invalid(fieldPath('anonymous')('conditions'), shown(anonymous), 'enabled should be set to true when conditions are defined')); // prettier-ignore
  if (errors.length > 0) throw problem(errors);
  return { jwt, anonymous: anonymous && anonymousOf(anonymous) };
}
const problem = (errors: readonly FieldError[]): Error =>
  new Error(`invalid authentication configuration: ${aggregate(errors.map((e) => `${e.field}: ${e.message}`))}`);
const shown = ({ conditions = [] }: RawAnonymous): object[] => conditions.map(({ path = '' }) => ({ Path: path }));
function anonymousOf({ enabled = false, conditions = [] }: RawAnonymous): AnonymousConfiguration {
  return { enabled, ...(conditions.length > 0 && { paths: new Set(conditions.map(({ path = '' }) => path)) }) };
}
/** Why a changed file does not come into force though it is sound: what it says of the anonymous is read at start alone. */
export function assertSameAnonymous(before: AuthenticationConfiguration, after: AuthenticationConfiguration): void {
  const text = ({ anonymous }: AuthenticationConfiguration): string =>
    JSON.stringify(anonymous && [anonymous.enabled, [...(anonymous.paths ?? [])]]) ?? '';
  if (text(before) !== text(after))
    throw problem([forbidden(fieldPath('anonymous'), 'changed from initial configuration file')]);
}
function readAll(
  { jwt = [] }: RawAuthentication,
  disallowed: readonly string[],
  errors: FieldError[],
): JwtConfiguration[] {
  const root = fieldPath('jwt');
  if (jwt.length > MAX_ISSUERS) {
    errors.push(tooMany(root, jwt.length, MAX_ISSUERS));
    return [];
  }
  const [urls, discoveryUrls] = [new Set<string>(), new Set<string>()];
  return jwt.map((one, i) => {
    const at = root(i);
    const read = readJwt(one, at, disallowed, errors);
    const { url = '', discoveryURL = '' } = one.issuer ?? {};
    if (urls.has(url)) errors.push(duplicate(at('issuer')('url'), url));
    urls.add(url);
    if (discoveryURL !== '' && discoveryUrls.has(discoveryURL))
      errors.push(duplicate(at('issuer')('discoveryURL'), discoveryURL));
    discoveryUrls.add(discoveryURL);
    return read;
  });
}
