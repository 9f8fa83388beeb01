import { pemBlocks } from '../../../schemas/certificates/pkcs10.ts';

/**
 * Reads just enough DER of a PKCS #10 request to know its subject: SEQUENCE { SEQUENCE { version,
 * subject RDNSequence, ... } ... }.
 */
const ORGANIZATION = '55040a';
const COMMON_NAME = '550403';

interface Element {
  readonly tag: number;
  readonly body: Uint8Array;
}
/** Throws RangeError on bytes that are no DER. */
function* elements(bytes: Uint8Array): Generator<Element> {
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at++]!;
    let length = bytes[at++];
    if (length === undefined) throw new RangeError('no length');
    if (length > 0x80) {
      let count = length - 0x80;
      if (count > 4) throw new RangeError('too long');
      length = 0;
      for (; count > 0; count--) length = length * 256 + (bytes[at++] ?? 0);
    }
    if (at + length > bytes.length) throw new RangeError('cut short');
    yield { tag, body: bytes.subarray(at, at + length) };
    at += length;
  }
}
const first = (bytes: Uint8Array): Element => {
  const { value } = elements(bytes).next();
  if (value === undefined) throw new RangeError('empty');
  return value as Element;
};

/** Values of one attribute of the subject of a base64 PEM request; undefined when it is none. */
function subjectValues(request: string | undefined, attribute: string): string[] | undefined {
  const [block] = pemBlocks(Buffer.from(request ?? '', 'base64').toString('latin1'));
  if (block?.type !== 'CERTIFICATE REQUEST') return undefined;
  try {
    const info = first(first(block.bytes).body);
    const subject = [...elements(info.body)][1];
    if (subject === undefined) return undefined;
    const out: string[] = [];
    for (const set of elements(subject.body))
      for (const pair of elements(set.body)) {
        const [type, value] = [...elements(pair.body)];
        if (type !== undefined && value !== undefined && Buffer.from(type.body).toString('hex') === attribute)
          out.push(Buffer.from(value.body).toString('utf8'));
      }
    return out;
  } catch {
    return undefined;
  }
}
export const organizationsOf = (request: string | undefined): string[] | undefined =>
  subjectValues(request, ORGANIZATION);
/** '' when the subject has none. */
export function commonNameOf(request: string | undefined): string | undefined {
  const values = subjectValues(request, COMMON_NAME);
  return values === undefined ? undefined : (values.at(-1) ?? '');
}
