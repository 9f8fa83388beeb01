import { CLASS_IN, FLAG, HEADER_BYTES, TYPE } from './codes.ts';
import { lowered, readName, skipName } from './name.ts';
import type { DnsRecord } from './record.ts';

/** Another server's answer: its bytes, and where its records are. */
export interface Message {
  readonly bytes: Buffer;
  readonly questionEnd: number;
  readonly rcode: number;
  readonly isTruncated: boolean;
  /** Without the OPT record, and what came after it. */
  readonly records: readonly RecordPlace[];
}
export interface RecordPlace {
  /** 0 answers, 1 authority, 2 additional. */
  readonly section: 0 | 1 | 2;
  readonly type: number;
  readonly class: number;
  readonly start: number;
  /** Of the four bytes of its time to live. */
  readonly ttlAt: number;
  readonly ttl: number;
  readonly dataAt: number;
  readonly end: number;
}
/** A record takes eleven bytes at least, so this is never reached by what fits into a packet. */
const MAX_RECORDS = 6_000;

/** undefined: it is no answer, or not to be understood. */
export function readMessage(bytes: Buffer): Message | undefined {
  if (bytes.length < HEADER_BYTES || (bytes[2]! & FLAG.QR) === 0 || bytes.readUInt16BE(4) !== 1) return undefined;
  const nameEnd = skipName(bytes, HEADER_BYTES);
  const questionEnd = nameEnd + 4;
  if (nameEnd < 0 || questionEnd > bytes.length) return undefined;
  const records: RecordPlace[] = [];
  let at = questionEnd;
  let isWhole = true;
  for (const section of [0, 1, 2] as const)
    for (let n = bytes.readUInt16BE(6 + 2 * section); n > 0; n--) {
      const end = skipName(bytes, at);
      if (end < 0 || end + 10 > bytes.length || records.length > MAX_RECORDS) return undefined;
      const type = bytes.readUInt16BE(end);
      const next = end + 10 + bytes.readUInt16BE(end + 8);
      if (next > bytes.length) return undefined;
      // It is between two servers; what follows it may not be moved without being understood.
      if (type === TYPE.OPT) isWhole = false;
      if (isWhole) {
        const sign = bytes.readUInt32BE(end + 4);
        // Source: RFC 2181 8: with the first bit set it is 0.
        const ttl = sign > 0x7fff_ffff ? 0 : sign;
        records.push({ section, type, class: bytes.readUInt16BE(end + 2), start: at, ttlAt: end + 4, ttl, dataAt: end + 10, end: next }); // prettier-ignore
      }
      at = next;
    }
  return {
    bytes,
    questionEnd,
    rcode: bytes[3]! & 0xf,
    isTruncated: (bytes[2]! & FLAG.TC) !== 0,
    records,
  };
}
/** Whether it answers the question of `query`, whatever the case of its letters. */
export function answers(bytes: Buffer, query: Buffer, questionEnd: number): boolean {
  if (bytes.length < questionEnd || bytes[0] !== query[0] || bytes[1] !== query[1]) return false;
  if ((bytes[2]! & FLAG.QR) === 0) return false;
  for (let i = HEADER_BYTES; i < questionEnd; i++) if (lowered(bytes[i]!) !== lowered(query[i]!)) return false;
  return true;
}
/** What it says of a name, as records of ours: addresses and aliases, and nothing else. Names are read to their end. */
export function addressesIn({ bytes, records }: Message): DnsRecord[] {
  return records.flatMap((r): DnsRecord[] => {
    if (r.section !== 0 || r.class !== CLASS_IN) return [];
    const name = readName(bytes, r.start);
    if (name === undefined) return [];
    const { ttl } = r;
    const data = bytes.subarray(r.dataAt, r.end);
    if (r.type === TYPE.A && data.length === 4) return [{ type: 'A', name, ttl, address: data }];
    if (r.type === TYPE.AAAA && data.length === 16) return [{ type: 'AAAA', name, ttl, address: data }];
    const target = r.type === TYPE.CNAME ? readName(bytes, r.dataAt) : undefined;
    return target === undefined ? [] : [{ type: 'CNAME', name, ttl, target }];
  });
}
