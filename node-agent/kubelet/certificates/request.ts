import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { bits, integer, oid, pem, sequence, set, tagged } from './der.ts';
import { alternatives, name, type ServerNames } from './extensions.ts';
import { SIGNATURE } from './self-signed.ts';

/** A request for a certificate, and the key that it is for: a secret. */
export interface NodeRequest {
  readonly key: KeyObject;
  /** PKCS #10 in PEM. */
  readonly pem: string;
}

export const userOfNode = (node: string): string => `system:node:${node}`;
export const NODES = 'system:nodes';

/** An attribute of a request: extensions that its certificate is to have. */
const EXTENSIONS_WANTED = '2a864886f70d01090e';
const ATTRIBUTES = 0;

/**
 * A new key (P-256), and a request for the certificate by which the node is known: to API servers, or with `names` to who
 * reaches it. Written here and not by the library that signs, which would take 40 MB of each node's memory for these
 * hundred bytes. Source: kubelet certificate NewKubeletClientCertificateManager, newGetTemplateFn, RFC 2986.
 */
export function makeRequest(node: string, names?: ServerNames): NodeRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const wanted = names && sequence(oid(EXTENSIONS_WANTED), set(sequence(alternatives(names))));
  const info = sequence(
    integer(Uint8Array.of(0)),
    name({ organization: NODES, commonName: userOfNode(node) }),
    publicKey.export({ type: 'spki', format: 'der' }),
    tagged(ATTRIBUTES, ...(wanted === undefined ? [] : [wanted])),
  );
  const signature = bits(sign('sha256', info, privateKey));
  return { key: privateKey, pem: pem('CERTIFICATE REQUEST', sequence(info, SIGNATURE, signature)) };
}
