/** DER, as certificates and requests for them are written. Source: X.690, RFC 5280. */
const TAG = {
  boolean: 0x01, integer: 0x02, bits: 0x03, octets: 0x04, oid: 0x06, utf8: 0x0c, printable: 0x13, utcTime: 0x17, generalizedTime: 0x18,
  sequence: 0x30, set: 0x31,
} as const; // prettier-ignore
const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

/** One element. */
export function tlv(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.from([tag, ...size]), body]);
}
export const sequence = (...parts: readonly Uint8Array[]): Buffer => tlv(TAG.sequence, ...parts);
export const set = (...parts: readonly Uint8Array[]): Buffer => tlv(TAG.set, ...parts);
/** By the bytes of its content, in hex. */
export const oid = (hex: string): Buffer => tlv(TAG.oid, Buffer.from(hex, 'hex'));
export const bool = (value: boolean): Buffer => tlv(TAG.boolean, Uint8Array.of(value ? 0xff : 0));
/** Of a number that is not negative, its bytes. */
export function integer(bytes: Uint8Array): Buffer {
  const first = bytes.findIndex((byte) => byte !== 0);
  const short = first < 0 ? Uint8Array.of(0) : bytes.subarray(first);
  return tlv(TAG.integer, ...(short[0]! > 0x7f ? [Uint8Array.of(0)] : []), short);
}
/** `unused`: of the last byte. */
export const bits = (bytes: Uint8Array, unused = 0): Buffer => tlv(TAG.bits, Uint8Array.of(unused), bytes);
export const octets = (bytes: Uint8Array): Buffer => tlv(TAG.octets, bytes);
const isPrintable = (text: string): boolean => /^[A-Za-z0-9 '()+,\-./:=?]*$/.test(text);
/** Text, of the type that Go chooses for it. */
export const text = (value: string): Buffer => tlv(isPrintable(value) ? TAG.printable : TAG.utf8, Buffer.from(value));
/** ms; without their fraction of a second. The old form has two digits of the year, and is the rule up to 2049. */
export function time(ms: number): Buffer {
  const digits = `${new Date(ms).toISOString().slice(0, 19).replace(/[-:T]/g, '')}Z`;
  const isOld = Number(digits.slice(0, 4)) < 2050;
  return tlv(isOld ? TAG.utcTime : TAG.generalizedTime, Buffer.from(isOld ? digits.slice(2) : digits));
}
/** `[n]`, around what it says. */
export const tagged = (n: number, ...parts: readonly Uint8Array[]): Buffer => tlv(CONTEXT | CONSTRUCTED | n, ...parts);
/** `[n]`, in place of the type of what it says. */
export const inPlace = (n: number, bytes: Uint8Array): Buffer => tlv(CONTEXT | n, bytes);

/** As lines of 64 characters between dashes. */
export const pem = (type: string, der: Uint8Array): string =>
  `-----BEGIN ${type}-----\n${Buffer.from(der).toString('base64').match(/.{1,64}/g)!.join('\n')}\n-----END ${type}-----\n`; // prettier-ignore
