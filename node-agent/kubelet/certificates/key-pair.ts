import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto';
import { pemBlocks } from '../../../schemas/certificates/pkcs10.ts';
import { NODES, userOfNode } from './request.ts';

/** A certificate of a node, and its key: a secret. */
export interface KeyPair {
  readonly certificate: X509Certificate;
  readonly key: KeyObject;
  /** From when to when it is good, in ms. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Both, and the certificates between its own and the authority's. */
  readonly pem: string;
}
/** Both as one text of PEM, certificates first. Source: client-go certificate_store.go Update. */
export const formatKeyPair = (certificates: string, key: KeyObject): string =>
  `${pemBlocks(certificates).filter(({ type }) => type === 'CERTIFICATE').map(({ bytes }) => new X509Certificate(bytes).toString()).join('')}${key.export({ type: 'sec1', format: 'pem' }).toString()}`; // prettier-ignore

/**
 * The pair in a text of PEM, which `formatKeyPair` wrote, if it is `node`'s; it may be over.
 * Thrown: Error that says why it is not: damaged, of two that do not go together, somebody else's.
 */
export function readKeyPair(pem: string, node: string): KeyPair {
  const blocks = pemBlocks(pem);
  const leaf = blocks.find(({ type }) => type === 'CERTIFICATE');
  if (leaf === undefined) throw new Error('there is no certificate in it');
  const certificate = new X509Certificate(leaf.bytes);
  const key = createPrivateKey(pem.slice(Math.max(0, pem.search(/-----BEGIN [A-Z ]*PRIVATE KEY-----/))));
  if (!certificate.checkPrivateKey(key)) throw new Error('private key does not match public key');
  const [notBefore, notAfter] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)];
  const subject = certificate.toLegacyObject().subject as Readonly<Record<'CN' | 'O', unknown>>;
  if (subject.CN !== userOfNode(node) || subject.O !== NODES)
    throw new Error(`it is not that of ${userOfNode(node)}: ${certificate.subject.replaceAll('\n', ', ')}`);
  return { certificate, key, notBefore, notAfter, pem };
}

/** Whether an authority in the PEM has signed it; also where there is none that can be read, and so none to go by. */
export function isSignedBy({ certificate }: KeyPair, authorities: string): boolean {
  try {
    const all = pemBlocks(authorities).map(({ bytes }) => new X509Certificate(bytes));
    return all.length === 0 || all.some(({ publicKey }) => certificate.verify(publicKey));
  } catch {
    return true;
  }
}
