import 'reflect-metadata';
import { KeyObject } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** A certificate (DER) that vouches for itself, and its key. */
export async function selfSigned(): Promise<{ readonly certificate: Uint8Array; readonly key: KeyObject }> {
  const signingAlgorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await crypto.subtle.generateKey(signingAlgorithm, true, ['sign', 'verify']);
  const { rawData } = await x509.X509CertificateGenerator.createSelfSigned({ name: 'CN=n', signingAlgorithm, keys });
  return { certificate: Buffer.from(rawData), key: KeyObject.from(keys.privateKey) };
}
