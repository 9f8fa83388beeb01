import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { webcrypto } from 'node:crypto';
import type * as X509 from '@peculiar/x509';
import type { x509 as Library } from './x509-library.ts';

export const DAY_MS = 86_400_000;
/** How everything is signed. */
export const SIGNATURE = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
/** Writes a PEM file with mode 0600 and returns its text. */
export type Write = (name: string, text: string) => string;

export interface Authority {
  readonly cert: X509.X509Certificate;
  readonly key: webcrypto.CryptoKey;
}
const keys = (): Promise<webcrypto.CryptoKeyPair> => crypto.subtle.generateKey(SIGNATURE, true, ['sign', 'verify']);
async function pem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.match(/.{1,64}/g)!.join('\n')}\n-----END PRIVATE KEY-----\n`;
}
export const serial = (): string =>
  Buffer.from(crypto.getRandomValues(new Uint8Array(8)))
    .toString('hex')
    .replace(/^[89a-f]/, '1');

/**
 * The authority kept as `<file>.crt` and `<file>.key`; made if there is none. Good for ten years, so that what trusts it
 * stays good when certificates are renewed. Thrown: Error if its key alone is missing: another authority in its place would
 * void what trusts it.
 */
export async function authority(
  x509: typeof Library,
  dir: string,
  now: number,
  write: Write,
  file = 'ca',
  name = 'CN=kubernetes',
): Promise<Authority> {
  if (existsSync(join(dir, `${file}.crt`))) {
    if (!existsSync(join(dir, `${file}.key`)))
      throw new Error(`${file}.key is missing, which signs what ${file}.crt vouches for`);
    const cert = new x509.X509Certificate(readFileSync(join(dir, `${file}.crt`), 'utf8'));
    const der = Buffer.from(
      readFileSync(join(dir, `${file}.key`), 'utf8').replace(/-----[^-]+-----|\s/g, ''),
      'base64',
    );
    return { cert, key: await crypto.subtle.importKey('pkcs8', der, SIGNATURE, true, ['sign']) };
  }
  const pair = await keys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(), name, notBefore: new Date(now - 300_000), notAfter: new Date(now + 3650 * DAY_MS),
    signingAlgorithm: SIGNATURE, keys: pair,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign | x509.KeyUsageFlags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(pair.publicKey),
    ],
  }); // prettier-ignore
  write(`${file}.key`, await pem(pair.privateKey));
  write(`${file}.crt`, cert.toString('pem'));
  return { cert, key: pair.privateKey };
}
/** A certificate that vouches for itself. */
export async function selfSigned(
  x509: typeof Library,
  name: string,
  now: number,
  until: number,
  extensions: X509.Extension[],
): Promise<{ cert: string; key: string }> {
  const pair = await keys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(), name, notBefore: new Date(now - 300_000), notAfter: new Date(until),
    signingAlgorithm: SIGNATURE, keys: pair, extensions: [new x509.BasicConstraintsExtension(false), ...extensions],
  }); // prettier-ignore
  return { cert: cert.toString('pem'), key: await pem(pair.privateKey) };
}
export async function issue(
  x509: typeof Library,
  ca: Authority,
  name: string,
  now: number,
  until: number,
  extensions: X509.Extension[],
): Promise<{ cert: string; key: string }> {
  const pair = await keys();
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: serial(), subject: name, issuer: ca.cert.subject, notBefore: new Date(now - 300_000), notAfter: new Date(until),
    signingAlgorithm: SIGNATURE, publicKey: pair.publicKey, signingKey: ca.key,
    extensions: [
      new x509.BasicConstraintsExtension(false),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      await x509.AuthorityKeyIdentifierExtension.create(ca.cert.publicKey),
      ...extensions,
    ],
  }); // prettier-ignore
  return { cert: cert.toString('pem'), key: await pem(pair.privateKey) };
}

/** The names and addresses that a certificate vouches for. */
export const hostNames = (x509: typeof Library, hosts: readonly string[]): X509.Extension =>
  new x509.SubjectAlternativeNameExtension(
    hosts.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? 'ip' : 'dns', value })),
  );
