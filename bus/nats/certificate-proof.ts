import { verify, X509Certificate } from 'node:crypto';
import type { NodeProof } from '../credentials.ts';
import type { Shown } from '../node-gate.ts';

/** What the proof stands in: `auth_token` of CONNECT, which may have 4 KB in all. */
const SCHEME = 'kubus-certificate-v1';
const LONGEST = 3_000;

/** What this one connection is about: the server's nonce is another for each, so what was signed for one is good for no other. */
export interface Connecting {
  readonly nonce: string;
  /** Public nkey that signs the nonce too. */
  readonly key: string;
  readonly node: string;
}
/** Begins with words of its own: nothing else that the key signs (TLS, requests) can be taken for it. */
const textOf = ({ nonce, key, node }: Connecting): string => `${SCHEME}\n${nonce}\n${key}\n${node}`;
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

export const proofOf = ({ certificate, sign }: NodeProof, connecting: Connecting): string =>
  `${SCHEME}.${base64url(certificate)}.${base64url(sign(textOf(connecting)))}`;

/** What such a text proves; undefined where it is none at all. */
export function readProof(text: string, connecting: Connecting): Shown | undefined {
  if (text === '') return undefined;
  const [scheme, certificate = '', signature = '', ...more] = text.split('.');
  if (scheme !== SCHEME || more.length > 0 || text.length > LONGEST) return { problem: 'it showed no certificate but something else' };
  try {
    const der = Buffer.from(certificate, 'base64url');
    const { publicKey, raw } = new X509Certificate(der);
    // What follows the certificate is none of it.
    return raw.equals(der) && verify('sha256', Buffer.from(textOf(connecting)), publicKey, Buffer.from(signature, 'base64url'))
      ? { certificate: der }
      : { problem: 'it does not hold the key of the certificate that it showed' };
  } catch {
    return { problem: 'what it showed is no certificate' };
  }
} // prettier-ignore
