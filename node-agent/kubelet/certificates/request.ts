import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';

/** A request for a certificate, and the key that it is for: a secret. */
export interface NodeRequest {
  readonly key: KeyObject;
  /** PKCS #10 in PEM. */
  readonly pem: string;
}

const SEQUENCE = 0x30;
const SET = 0x31;
const OID = 0x06;
const INTEGER = 0x02;
const PRINTABLE = 0x13;
const BITS = 0x03;
/** Of a request: none. */
const ATTRIBUTES = 0xa0;
const oid = (hex: string): Buffer => tlv(OID, Buffer.from(hex, 'hex'));

/** One DER element. */
function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from([tag, ...size]), body]);
}
const attribute = (type: string, value: string): Buffer =>
  tlv(SET, tlv(SEQUENCE, oid(type), tlv(PRINTABLE, Buffer.from(value))));

export const userOfNode = (node: string): string => `system:node:${node}`;
export const NODES = 'system:nodes';

/**
 * A new key (P-256), and a request for the certificate by which API servers know the node. Written here and not by the
 * library that signs, which would take 40 MB of each node's memory for these hundred bytes.
 * Source: kubelet certificate NewKubeletClientCertificateManager, RFC 2986.
 */
export function makeRequest(node: string): NodeRequest {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  // organizationName before commonName, as Go writes them.
  const subject = tlv(SEQUENCE, attribute('55040a', NODES), attribute('550403', userOfNode(node)));
  const info = tlv(
    SEQUENCE,
    tlv(INTEGER, Uint8Array.of(0)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(ATTRIBUTES),
  );
  // ecdsa-with-SHA256.
  const algorithm = tlv(SEQUENCE, oid('2a8648ce3d040302'));
  const signature = tlv(BITS, Uint8Array.of(0), sign('sha256', info, privateKey));
  const der = tlv(SEQUENCE, info, algorithm, signature).toString('base64');
  const lines = der.match(/.{1,64}/g)!.join('\n');
  return {
    key: privateKey,
    pem: `-----BEGIN CERTIFICATE REQUEST-----\n${lines}\n-----END CERTIFICATE REQUEST-----\n`,
  };
}
