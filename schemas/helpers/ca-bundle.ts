import { X509Certificate } from 'node:crypto';

/**
 * Why a bundle (PEM in base64) is none; one certificate that can be read is enough.
 * Source: client-go transport TLSConfigFor, createErrorParsingCAData.
 */
export function caBundleProblem(base64: string): string | undefined {
  const text = Buffer.from(base64, 'base64').toString('latin1');
  const blocks = [...text.matchAll(/-----BEGIN ([^-\n]*)-----\n([^-]*)-----END \1-----/g)];
  const certificates = blocks.filter(([, type, body]) => type === 'CERTIFICATE' && !body!.includes(':'));
  if (certificates.some(([block]) => isCertificate(block))) return undefined;
  const why = certificates.length === 0 ? 'unable to parse bytes as PEM block' : 'failed to parse certificate: x509: malformed certificate';
  return `unable to load root certificates: ${why}`;
} // prettier-ignore
function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}
