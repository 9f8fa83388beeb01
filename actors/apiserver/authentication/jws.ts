import { constants, createPublicKey, verify, type JsonWebKeyInput, type KeyObject } from 'node:crypto';
import { decodeBase64Url } from '../../../schemas/codec/base64-url.ts';
import { JsonSyntaxError, parseDeepJson } from '../../../schemas/codec/json.ts';

/** Algorithms that a token may be signed by. Source: apiserver plugin/pkg/authenticator/token/oidc allowedSigningAlgs. */
export const ALGORITHMS: readonly string[] = ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512']; // prettier-ignore

export interface Jws {
  readonly algorithm: string;
  readonly keyId: string;
  /** It names parts of the standard that have to be understood; none are. */
  readonly isCritical: boolean;
  readonly payload: Buffer;
  readonly signed: Buffer;
  readonly signature: Buffer;
}
/** Throws Error: what is malformed. Source: go-jose jws.go parseSignedCompact. */
export function parseJws(token: string): Jws {
  const parts = token.split('.');
  const decoded = parts.map((part) => {
    const bytes = decodeBase64Url(part);
    if (typeof bytes === 'number') throw new Error(`illegal base64 data at input byte ${bytes}`);
    return bytes;
  });
  const [head, payload, signature] = decoded;
  if (head === undefined || payload === undefined || signature === undefined || decoded.length > 3)
    throw new Error('square/go-jose: compact JWS format must have three parts');
  const header = objectIn(head);
  const text = (name: string): string => {
    const value = Object.hasOwn(header, name) ? header[name] : '';
    return typeof value === 'string' ? value : '';
  };
  return {
    algorithm: text('alg'),
    keyId: text('kid'),
    isCritical: header['crit'] !== undefined,
    payload,
    signature,
    signed: Buffer.from(token.slice(0, token.lastIndexOf('.'))),
  };
}
/** Throws Error with Go's text. */
export function objectIn(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    ({ value } = parseDeepJson(bytes));
  } catch (error) {
    throw error instanceof JsonSyntaxError ? new Error(error.message, { cause: error }) : error;
  }
  if (value === null) return {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new Error(`json: cannot unmarshal ${jsonType(value)} into Go value of type map[string]json.RawMessage`);
  return value as Readonly<Record<string, unknown>>;
}
/** As Go's decoder calls what it found. */
export function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

/** A key of an issuer, as it is published. */
export interface PublishedKey {
  readonly keyId: string;
  readonly key: KeyObject;
}
const SMALLEST_RSA_BITS = 1024;
const CURVES: Readonly<Record<string, string>> = { ES256: 'prime256v1', ES384: 'secp384r1', ES512: 'secp521r1' };

/** What can be used of a JSON Web Key Set; keys of other sorts are left out. Throws Error where it is none. */
export function readKeySet(body: Uint8Array): PublishedKey[] {
  const { keys } = objectIn(body);
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((jwk: unknown) => {
    if (typeof jwk !== 'object' || jwk === null) return [];
    const { kty, kid } = jwk as { readonly kty?: unknown; readonly kid?: unknown };
    if (kty !== 'RSA' && kty !== 'EC') return [];
    try {
      return [
        {
          keyId: typeof kid === 'string' ? kid : '',
          key: createPublicKey({ key: jwk as JsonWebKeyInput['key'], format: 'jwk' }),
        },
      ];
    } catch {
      return [];
    }
  });
}
/** Whether a token was signed by a key. */
export function isSignedBy(
  { algorithm, isCritical, signed, signature }: Jws,
  { key }: Pick<PublishedKey, 'key'>,
): boolean {
  if (isCritical || !ALGORITHMS.includes(algorithm)) return false;
  const hash = `sha${algorithm.slice(2)}`;
  const { modulusLength = 0, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (algorithm.startsWith('ES'))
    return namedCurve === CURVES[algorithm] && verify(hash, signed, { key, dsaEncoding: 'ieee-p1363' }, signature);
  if (key.asymmetricKeyType !== 'rsa' || modulusLength < SMALLEST_RSA_BITS) return false;
  const pss = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify(hash, signed, algorithm.startsWith('PS') ? { key, ...pss } : key, signature);
}
