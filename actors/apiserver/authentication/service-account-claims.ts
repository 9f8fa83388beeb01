import type { UserInfo } from '../request.ts';
import { isSignedBy, jsonType, objectIn, parseJws, type Jws } from './jws.ts';
import { decodeBase64Url } from '../../../schemas/codec/base64-url.ts';
import type { TokenKey } from './keys.ts';
import { authenticated, parseServiceAccount, serviceAccountGroups, serviceAccountName } from './users.ts';

const LEGACY_ISSUER = 'kubernetes/serviceaccount';
interface Ref {
  readonly name: string;
  readonly uid: string;
}
/** What a token says, once its signature was found good. */
export interface VerifiedClaims {
  /** undefined: those of the API server. */
  readonly audiences: readonly string[] | undefined;
  readonly expiresMs: number | undefined;
  readonly notBeforeMs: number | undefined;
  readonly issuedMs: number | undefined;
  readonly namespace: string;
  readonly account: Ref;
  readonly pod: Ref | undefined;
  readonly secret: Ref | undefined;
  readonly node: Ref | undefined;
  /** Of a token of the old sort: where it is kept. */
  readonly legacySecret: string | undefined;
  /** From when on it should have been renewed. */
  readonly warnAfterMs: number | undefined;
  readonly subject: string;
  readonly user: UserInfo;
}
type Claims = Readonly<Record<string, unknown>>;

/**
 * undefined: it is no service account's token. Throws Error: why it is a bad one, in kube-apiserver's words.
 * Source: kubernetes pkg/serviceaccount jwt.go AuthenticateToken.
 */
export function verifyClaims(
  token: string,
  issuer: string,
  keys: readonly TokenKey[],
  legacyKeys: readonly TokenKey[],
): VerifiedClaims | undefined {
  const said = issuerOf(token);
  if (said !== issuer && said !== LEGACY_ISSUER) return undefined;
  let jws: Jws;
  try {
    jws = parseJws(token);
  } catch {
    return undefined;
  }
  const known = said === LEGACY_ISSUER ? legacyKeys : keys;
  const candidates = jws.keyId === '' ? known : known.filter((key) => key.kid === jws.keyId);
  if (candidates.length === 0) throw new Error('invalid signature, no keys found');
  if (!candidates.some((key) => isSignedBy(jws, { key: key.publicKey })))
    throw new Error('go-jose/go-jose: error in cryptographic primitive');
  const claims = objectIn(jws.payload);
  return said === LEGACY_ISSUER ? readLegacy(claims) : readBound(claims);
}
/** As it says itself; nobody has looked whether that is true. */
function issuerOf(token: string): string | undefined {
  const parts = token.split('.');
  const payload = parts.length === 3 ? decodeBase64Url(parts[1]!) : 0;
  if (typeof payload === 'number') return undefined;
  try {
    const { iss } = objectIn(payload);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}
const goType = (value: unknown, type: string): Error =>
  new Error(`json: cannot unmarshal ${jsonType(value)} into Go value of type ${type}`);
function text(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw goType(value, 'string');
  return value;
}
function fields(value: unknown, type: string): Claims | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'object' || Array.isArray(value)) throw goType(value, type);
  return value as Claims;
}
function refOf(value: unknown): Ref | undefined {
  const of = fields(value, 'serviceaccount.ref');
  return of && { name: text(of['name']), uid: text(of['uid']) };
}
function milliseconds(value: unknown): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'number') throw new Error('go-jose/go-jose/jwt: expected number value to unmarshal NumericDate');
  return Math.trunc(value) * 1000;
}
function audiencesOf(value: unknown): readonly string[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return [value];
  if (!Array.isArray(value) || !value.every((one) => typeof one === 'string'))
    throw new Error('go-jose/go-jose/jwt: expected string or array value to unmarshal to Audience');
  return value.length > 0 ? value : undefined;
}
/** What both sorts say. */
const common = (claims: Claims) => ({
  audiences: audiencesOf(claims['aud']),
  expiresMs: milliseconds(claims['exp']),
  notBeforeMs: milliseconds(claims['nbf']),
  issuedMs: milliseconds(claims['iat']),
});
const EXTRA = 'authentication.kubernetes.io/';
function readBound(claims: Claims): VerifiedClaims {
  const said = common(claims);
  const subject = text(claims['sub']);
  const id = text(claims['jti']);
  const own = fields(claims['kubernetes.io'], 'serviceaccount.kubernetes') ?? {};
  const namespace = text(own['namespace']);
  const warnAfterMs = milliseconds(own['warnafter']) || undefined;
  const account = refOf(own['serviceaccount']) ?? { name: '', uid: '' };
  const [pod, secret, node] = [refOf(own['pod']), refOf(own['secret']), refOf(own['node'])];
  const extra: Record<string, string[]> = {};
  if (id !== '') extra[`${EXTRA}credential-id`] = [`JTI=${id}`];
  if (node !== undefined) {
    extra[`${EXTRA}node-name`] = [node.name];
    if (node.uid !== '') extra[`${EXTRA}node-uid`] = [node.uid];
  }
  if (pod !== undefined) {
    extra[`${EXTRA}pod-name`] = [pod.name];
    extra[`${EXTRA}pod-uid`] = [pod.uid];
  }
  const user = userOf(namespace, account, extra);
  return { ...said, namespace, account, pod, secret, node, legacySecret: undefined, warnAfterMs, subject, user };
}
/** Source: kubernetes pkg/serviceaccount/legacy.go Validate. */
function readLegacy(claims: Claims): VerifiedClaims {
  const subject = text(claims['sub']);
  const at = (key: string, name: string): string => {
    const value = text(claims[`kubernetes.io/serviceaccount/${key}`]);
    if (value === '') throw new Error(`${name} claim is missing`);
    return value;
  };
  if (subject === '') throw new Error('sub claim is missing');
  const namespace = at('namespace', 'namespace');
  const legacySecret = at('secret.name', 'secretName');
  const account = {
    name: at('service-account.name', 'serviceAccountName'),
    uid: at('service-account.uid', 'serviceAccountUID'),
  };
  const named = parseServiceAccount(subject);
  if (named?.namespace !== namespace || named.name !== account.name) throw new Error('sub claim is invalid');
  const none = { expiresMs: undefined, notBeforeMs: undefined, issuedMs: undefined };
  const bound = { pod: undefined, secret: undefined, node: undefined, warnAfterMs: undefined };
  return { audiences: audiencesOf(claims['aud']), ...none, ...bound, namespace, account, legacySecret, subject, user: userOf(namespace, account, {}) }; // prettier-ignore
}
const userOf = (namespace: string, account: Ref, extra: Record<string, string[]>): UserInfo =>
  authenticated({
    name: serviceAccountName(namespace, account.name),
    uid: account.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 && { extra }),
  });
