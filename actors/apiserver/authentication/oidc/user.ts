import type { CelValue } from '../../../../schemas/cel/index.ts';
import type { UserInfo } from '../../request.ts';
import { authenticated } from '../users.ts';
import type { JwtConfiguration, Mapping, Rule } from './configuration.ts';
import { claimsValue, run, stringsOf, userValue } from './expressions.ts';
import { jsonType } from '../jws.ts';

type Claims = Readonly<Record<string, unknown>>;
const CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';

/**
 * The user that a token's claims make. Throws Error: why they make none, in kube-apiserver's words and order.
 * Source: apiserver plugin/pkg/authenticator/token/oidc AuthenticateToken.
 */
export function userOf(of: JwtConfiguration, claims: Claims): UserInfo {
  refuseDistributed(of.groups, claims);
  const seen: Seen = { claims, variables: { claims: claimsValue(claims) } };
  const name = usernameOf(of.username, seen);
  const groups = groupsOf(of.groups, seen);
  const uid = uidOf(of.uid, seen);
  const extra = extraOf(of, seen);
  const user = { name, groups, ...(uid !== '' && { uid }), ...(Object.keys(extra).length > 0 && { extra }) };
  for (const { claim = '', requiredValue = '' } of of.requiredClaims) {
    if (!Object.hasOwn(claims, claim)) throw new Error(`oidc: required claim ${claim} not present in ID token`);
    const value = stringIn(claims, claim, (why) => `oidc: parse claim ${claim}: ${why}`);
    if (value !== requiredValue)
      throw new Error(`oidc: required claim ${claim} value does not match. Got = ${value}, want = ${requiredValue}`);
  }
  check(of.claimRules, seen.variables, 'oidc: error evaluating claim validation expression');
  if (of.userRules.length > 0)
    check(of.userRules, { user: userValue(user) }, 'oidc: error evaluating user info validation rule');
  return authenticated(user);
}
interface Seen {
  readonly claims: Claims;
  readonly variables: Readonly<Record<string, CelValue>>;
}
/** Go's words for a claim that is not of the type that is wanted. */
const notA = (value: unknown, type: string): string =>
  `json: cannot unmarshal ${jsonType(value)} into Go value of type ${type}`;
function stringIn(claims: Claims, name: string, say: (why: string) => string): string {
  if (!Object.hasOwn(claims, name)) throw new Error(say('claim not present'));
  const value = claims[name] ?? '';
  if (typeof value !== 'string') throw new Error(say(notA(value, 'string')));
  return value;
}
/** Runs, with what is said before a failure. */
function explained<T>(what: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    throw new Error(`${what}: ${(error as Error).message}`, { cause: error });
  }
}
function usernameOf(mapping: Mapping, { claims, variables }: Seen): string {
  if (mapping === undefined) throw new Error('oidc: no username is configured');
  if ('expression' in mapping) {
    const what = 'oidc: error evaluating username claim expression';
    const value = explained(what, () => run(mapping.expression, variables));
    if (typeof value !== 'string') throw new Error(`${what}: username claim expression must return a string`);
    if (value === '') throw new Error('oidc: empty username via CEL expression is not allowed');
    return value;
  }
  const { claim, prefix } = mapping;
  const name = stringIn(claims, claim, (why) => `oidc: parse username claims ${JSON.stringify(claim)}: ${why}`);
  if (claim === 'email' && Object.hasOwn(claims, 'email_verified')) {
    const verified = claims['email_verified'] ?? false;
    if (typeof verified !== 'boolean') throw new Error(`oidc: parse 'email_verified' claim: ${notA(verified, 'bool')}`);
    if (!verified) throw new Error('oidc: email not verified');
  }
  return prefix + name;
}
function groupsOf(mapping: Mapping, { claims, variables }: Seen): readonly string[] {
  if (mapping === undefined) return [];
  if ('expression' in mapping) {
    const what = 'oidc: error evaluating group claim expression';
    const found = stringsOf(explained(what, () => run(mapping.expression, variables)));
    if (found === undefined) throw new Error(`${what}: expression must return a string or a list of strings`);
    return found;
  }
  const { claim, prefix } = mapping;
  if (!Object.hasOwn(claims, claim)) return [];
  const value = claims[claim] ?? [];
  const isText = (one: unknown): boolean => typeof one === 'string' || one === null;
  const list = typeof value === 'string' ? [value] : value;
  if (!Array.isArray(list) || !list.every(isText))
    throw new Error(`oidc: parse groups claim ${JSON.stringify(claim)}: ${notA(value, 'string')}`);
  return list.map((one: string | null) => `${prefix}${one ?? ''}`);
}
function uidOf(mapping: Mapping, { claims, variables }: Seen): string {
  if (mapping === undefined) return '';
  if ('claim' in mapping)
    return stringIn(claims, mapping.claim, (why) => `oidc: parse uid claim ${JSON.stringify(mapping.claim)}: ${why}`);
  const what = 'oidc: error evaluating uid claim expression';
  const value = explained(what, () => run(mapping.expression, variables));
  if (typeof value !== 'string') throw new Error(`${what}: uid claim expression must return a string`);
  return value;
}
function extraOf({ extra }: JwtConfiguration, { claims, variables }: Seen): Record<string, readonly string[]> {
  const out: Record<string, readonly string[]> = {};
  const id = Object.hasOwn(claims, 'jti') ? claims['jti'] : undefined;
  if (typeof id === 'string' && id !== '') out[CREDENTIAL_ID] = [`JTI=${id}`];
  for (const { key, expression } of extra) {
    const values = stringsOf(run(expression, variables));
    if (values === undefined)
      throw new Error(`oidc: error evaluating extra claim expression: ${expression.source}: expression must return a string or a list of strings`); // prettier-ignore
    if (values.length > 0) out[key] = values;
  }
  return out;
}
function check(rules: readonly Rule[], variables: Readonly<Record<string, CelValue>>, what: string): void {
  // All are run before the first is looked at, as the real one does.
  const results = explained(what, () => rules.map(({ expression }) => run(expression, variables)));
  for (const [i, { expression, message }] of rules.entries()) {
    if (typeof results[i] !== 'boolean') throw new Error(`${what}: validation expression must return a boolean`);
    if (!results[i]) throw new Error(`${what}: validation expression '${expression.source}' failed: ${message}`);
  }
}
/** Groups that another server would have to be asked for. Source: oidc.go claimResolver. */
function refuseDistributed(groups: Mapping, claims: Claims): void {
  if (groups === undefined || !('claim' in groups) || Object.hasOwn(claims, groups.claim)) return;
  const names = claims['_claim_names'] as Claims | null | undefined;
  const source = names && Object.hasOwn(names, groups.claim) ? names[groups.claim] : undefined;
  if (typeof source !== 'string') return;
  const found = (claims['_claim_sources'] as Claims)[source] as { readonly endpoint?: unknown } | null;
  if (!found?.endpoint) return;
  throw new Error(`oidc: could not expand distributed claims: Kubus does not ask other servers for the claim ${JSON.stringify(groups.claim)}: have the issuer put it into its tokens`); // prettier-ignore
}
