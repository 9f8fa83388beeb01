import { createHash } from 'node:crypto';
import type { KeyPair } from '@nats-io/nkeys';

export interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly aud: string;
  readonly name?: string;
  readonly iat: number;
  readonly exp?: number;
  readonly nats: Readonly<Record<string, unknown>>;
}
const HEADER = { typ: 'JWT', alg: 'ed25519-nkey' };
const base64url = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A token as nats-server reads it, signed by an nkey. Source: NATS ADR-14, JWT library v2. */
export function signClaims(claims: Claims, key: KeyPair): string {
  const jti = createHash('sha256').update(JSON.stringify(claims)).digest('base64url');
  const text = `${base64url(HEADER)}.${base64url({ jti, ...claims })}`;
  return `${text}.${Buffer.from(key.sign(Buffer.from(text))).toString('base64url')}`;
}
/** Of a token whose sender is known otherwise; the signature is not looked at. Thrown: Error for what is no token. */
export function readClaims(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Claims;
}
