import { createPublicKey, verify, X509Certificate } from 'node:crypto';

/** One PEM block: what stands between the dashes, headers if it has any, and the bytes. */
interface PemBlock {
  readonly type: string;
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array;
}
const HEADERS = /^(?:[^\n:]+: [^\n]*\n)+\r?\n/;
export function pemBlocks(text: string): PemBlock[] {
  return [...text.matchAll(/-----BEGIN ([^\n-]+)-----\r?\n([\s\S]*?)-----END \1-----/g)].map(([, type, body]) => ({
    type: type!,
    hasHeaders: /^[^\n:]+: /m.test(body!),
    bytes: Buffer.from(body!.replace(HEADERS, '').replaceAll(/\s/g, ''), 'base64'),
  }));
}

/** Signature algorithms by OID in hex: the digest, or null where the key's type says it all. */
const DIGESTS: Readonly<Record<string, string | null>> = {
  '2a864886f70d010105': 'sha1', '2a864886f70d01010b': 'sha256', '2a864886f70d01010c': 'sha384', '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha1', '2a8648ce3d040302': 'sha256', '2a8648ce3d040303': 'sha384', '2a8648ce3d040304': 'sha512',
  '2b6570': null,
}; // prettier-ignore

/** One DER element: where its content lies, and where the next begins. */
interface Element {
  readonly tag: number;
  readonly start: number;
  readonly content: number;
  readonly end: number;
}
class DerError extends Error {
  override readonly name = 'DerError';
}
/** Where a SEQUENCE has to begin; the text is Go's, with what it knows of the field. */
function wrongTag(tag: number, length: number, offset: number, what: string): DerError {
  const found = `{class:${tag >> 6} tag:${tag & 0x1f} length:${length} isCompound:${(tag & 0x20) !== 0}}`;
  const field = '{optional:false explicit:false application:false private:false defaultValue:<nil> tag:<nil> stringType:0 timeType:0 set:false omitEmpty:false}'; // prettier-ignore
  return new DerError(
    `asn1: structure error: tags don't match (${SEQUENCE & 0x1f} vs ${found}) ${field} ${what} @${offset}`,
  );
}
function element(der: Uint8Array, start: number, sequence?: string): Element {
  const tag = der[start];
  let length = der[start + 1];
  if (tag === undefined || length === undefined) throw new DerError('asn1: syntax error: data truncated');
  let content = start + 2;
  if (length > 0x80) {
    const bytes = length & 0x7f;
    length = 0;
    for (let i = 0; i < bytes; i++) length = length * 256 + (der[content++] ?? 0);
  }
  const end = content + length;
  // Looked at before the length is.
  if (sequence !== undefined && tag !== SEQUENCE) throw wrongTag(tag, length, content, sequence);
  if (end > der.length) throw new DerError('asn1: syntax error: data truncated');
  return { tag, start, content, end };
}
function childrenOf(der: Uint8Array, parent: Element): Element[] {
  const found: Element[] = [];
  for (let at = parent.content; at < parent.end; at = found.at(-1)!.end) found.push(element(der, at));
  return found;
}
const SEQUENCE = 0x30;
const BIT_STRING = 0x03;

/** What is wrong with a certificate request in PEM, signature included; undefined: nothing. */
export function requestProblem(pem: string): string | undefined {
  const [block] = pemBlocks(pem);
  if (block?.type !== 'CERTIFICATE REQUEST') return 'PEM block type must be CERTIFICATE REQUEST';
  const der = block.bytes;
  try {
    const root = element(der, 0, 'certificateRequest');
    if (root.end < der.length) return 'asn1: syntax error: trailing data';
    const [info, algorithm, signature] = childrenOf(der, root);
    if (info === undefined) return 'asn1: syntax error: sequence truncated';
    if (info?.tag !== SEQUENCE || algorithm?.tag !== SEQUENCE || signature?.tag !== BIT_STRING)
      return 'asn1: structure error: tags do not match';
    const key = childrenOf(der, info)[2];
    const oid = childrenOf(der, algorithm)[0];
    if (key === undefined || oid === undefined) return 'asn1: structure error: sequence too short';
    const digest = DIGESTS[Buffer.from(der.subarray(oid.content, oid.end)).toString('hex')];
    if (digest === undefined) return 'x509: cannot verify signature: algorithm unimplemented';
    const publicKey = createPublicKey({
      key: Buffer.from(der.subarray(key.start, key.end)),
      format: 'der',
      type: 'spki',
    });
    const signed = der.subarray(info.start, info.end);
    // The first byte of a bit string counts unused bits.
    if (verify(digest, signed, publicKey, der.subarray(signature.content + 1, signature.end))) return undefined;
    return publicKey.asymmetricKeyType === 'rsa'
      ? 'crypto/rsa: verification error'
      : 'x509: ECDSA verification failure';
  } catch (error) {
    return error instanceof DerError ? error.message : 'x509: unsupported public key';
  }
}
/** What is wrong with a chain of certificates in PEM; undefined: nothing. */
export function chainProblem(pem: string): string | undefined {
  const blocks = pemBlocks(pem);
  if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
  for (const { type, hasHeaders, bytes } of blocks) {
    if (type !== 'CERTIFICATE') return `only CERTIFICATE PEM blocks are allowed, found ${JSON.stringify(type)}`;
    if (hasHeaders) return 'no PEM block headers are permitted';
    try {
      void new X509Certificate(bytes);
    } catch {
      return 'x509: malformed certificate';
    }
  }
  return undefined;
}
