import { createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';

/** A key pair, or a public key alone, for service-account tokens. RS256 for RSA, ES256/ES384/ES512 for EC. */
export interface TokenKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly hash: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject | undefined;
}

const CURVES: Readonly<Record<string, readonly [algorithm: string, hash: string]>> = {
  prime256v1: ['ES256', 'sha256'],
  secp384r1: ['ES384', 'sha384'],
  secp521r1: ['ES512', 'sha512'],
};

/** Reads a PEM; key ids are derived from the public key, so that every apiserver gives it the same. */
export function readTokenKey(pem: string): TokenKey {
  const isPrivate = pem.includes('PRIVATE KEY');
  const privateKey = isPrivate ? createPrivateKey(pem) : undefined;
  const publicKey = createPublicKey(pem);
  const curve = publicKey.asymmetricKeyDetails?.namedCurve;
  const [algorithm, hash] =
    publicKey.asymmetricKeyType === 'rsa' ? (['RS256', 'sha256'] as const) : (CURVES[curve ?? ''] ?? ['', '']);
  if (algorithm === '')
    throw new Error(`service account keys must be RSA or ECDSA, not ${publicKey.asymmetricKeyType ?? 'unknown'}`);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const kid = createHash('sha256').update(der).digest('base64url');
  return { kid, algorithm, hash, publicKey, privateKey };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signJwt(key: TokenKey, claims: object): string {
  if (key.privateKey === undefined) throw new Error('this key can verify only');
  const text = `${encode({ alg: key.algorithm, kid: key.kid })}.${encode(claims)}`;
  const signature = sign(key.hash, Buffer.from(text), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${text}.${signature.toString('base64url')}`;
}

/** Members of a JSON Web Key Set, in the order in which the real server prints them. */
export function jwkOf(key: TokenKey): Record<string, unknown> {
  const jwk = key.publicKey.export({ format: 'jwk' });
  const { kty, ...rest } = jwk;
  return { use: 'sig', kty, kid: key.kid, alg: key.algorithm, ...rest };
}
