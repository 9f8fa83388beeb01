import { X509Certificate } from 'node:crypto';

/** What is asked of a certificate. */
export interface Expected {
  readonly node: string;
  /** PEM of the cluster's authority; undefined: it is not known here. */
  readonly authority: string | undefined;
  /** ms */
  readonly now: number;
}
/** What a certificate that is good says of itself. */
export interface NodeCertificate {
  /** When it began to be good, in ms. */
  readonly notBefore: number;
}
const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2';

/**
 * A certificate (DER) whose key the connection holds, if it is the node's: of the cluster's authority itself, for clients,
 * good now, of exactly the node's name and group. Else why not. API servers know nodes by the same.
 */
export function readCertificate(der: Uint8Array, { node, authority, now }: Expected): NodeCertificate | { readonly why: string } {
  if (authority === undefined) return { why: 'whose certificates are good is not known here: pki/ca.crt is missing' };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return { why: 'what it showed is no certificate' };
  }
  const ca = new X509Certificate(authority);
  // By the signature: names anybody may choose.
  if (!certificate.checkIssued(ca) || !certificate.verify(ca.publicKey)) return { why: 'its certificate is of another authority' };
  const [notBefore, notAfter] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  if (!(notBefore <= now)) return { why: `its certificate is not good before ${certificate.validFrom}` };
  if (!(now <= notAfter)) return { why: `its certificate expired at ${certificate.validTo}` };
  if (certificate.ca || !(certificate.keyUsage as readonly string[] | undefined)?.includes(CLIENT_AUTH))
    return { why: 'its certificate is not one for clients' };
  // Where there are several of either these are arrays, and so nobody's.
  const { CN, O } = certificate.toLegacyObject().subject as Readonly<Record<'CN' | 'O', unknown>>;
  if (CN !== `system:node:${node}` || O !== 'system:nodes')
    return { why: `its certificate is that of ${JSON.stringify(CN)} in ${JSON.stringify(O)}` };
  return { notBefore };
} // prettier-ignore
