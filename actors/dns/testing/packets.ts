import { FLAG, HEADER_BYTES, rcodeText, TYPE, typeText } from '../wire/codes.ts';
import { parseName, readName, skipName } from '../wire/name.ts';
import { formatIp } from '../../../schemas/networking/strict-ip.ts';

const TYPES: Readonly<Record<string, number>> = { ...TYPE, ANY: 255, HTTPS: 65, NAPTR: 35 };
/** `A`, `SRV`, ..., or a number. */
export const typeNumber = (type: string): number => TYPES[type] ?? Number(type);

/** A name as in a packet. */
export const wireName = (name: string, raw = false): Buffer => {
  const labels = raw ? name.replace(/\.$/, '').split('.') : parseName(name)!;
  return Buffer.from(`${labels.map((l) => (l === '' ? '' : String.fromCharCode(l.length) + l)).join('')}\0`, 'latin1');
};
export interface QuestionOptions {
  readonly id?: number;
  /** Size for EDNS. */
  readonly edns?: number;
  readonly dnssecOk?: boolean;
  readonly class?: number;
}
/** A query, letters as given. */
export function question(name: string, type: string, o: QuestionOptions = {}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16BE(o.id ?? 4242);
  header[2] = FLAG.RD;
  header.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(typeNumber(type));
  tail.writeUInt16BE(o.class ?? 1, 2);
  const parts = [header, wireName(name, true), tail];
  if (o.edns !== undefined) {
    const opt = Buffer.alloc(11);
    opt.writeUInt16BE(TYPE.OPT, 1);
    opt.writeUInt16BE(o.edns, 3);
    if (o.dnssecOk) opt[7] = 0x80;
    header.writeUInt16BE(1, 10);
    parts.push(opt);
  }
  return Buffer.concat(parts);
}
export interface Read {
  readonly id: number;
  readonly rcode: string;
  /** Of aa, tc, rd, ra, cd. */
  readonly flags: readonly string[];
  /** As it is written there. */
  readonly question: string;
  readonly answers: readonly string[];
  readonly authority: readonly string[];
  /** Without OPT. */
  readonly additional: readonly string[];
  readonly edns: { readonly size: number; readonly dnssecOk: boolean; readonly extended: number } | undefined;
}
/** A whole packet, to its last byte. Thrown: Error for one that is not as it should be. */
export function read(bytes: Buffer): Read {
  const fail = (why: string): never => {
    throw new Error(`${why}: ${bytes.toString('hex')}`);
  };
  const need = <T>(value: T | undefined, why: string): T => value ?? fail(why);
  const flags = (
    [
      ['aa', 2, FLAG.AA],
      ['tc', 2, FLAG.TC],
      ['rd', 2, FLAG.RD],
      ['ra', 3, FLAG.RA],
      ['cd', 3, FLAG.CD],
    ] as const
  ).flatMap(([name, at, bit]) => ((bytes[at]! & bit) === 0 ? [] : [name]));
  const counts = [4, 6, 8, 10].map((at) => bytes.readUInt16BE(at));
  let at = HEADER_BYTES;
  let asked = '';
  if (counts[0] === 1) {
    const end = skipName(bytes, at);
    const name = bytes.toString('latin1', at, end);
    for (let i = 0; name.charCodeAt(i) > 0; i += 1 + name.charCodeAt(i))
      asked += `${name.slice(i + 1, i + 1 + name.charCodeAt(i))}.`;
    asked += ` ${typeText(bytes.readUInt16BE(end))}`;
    at = end + 4;
  }
  let edns: Read['edns'];
  const nameAt = (from: number): string => `${need(readName(bytes, from), 'a name is none').join('.')}.`;
  const section = (count: number): string[] => {
    const lines: string[] = [];
    for (let n = 0; n < count; n++) {
      const owner = nameAt(at);
      const end = skipName(bytes, at);
      const type = bytes.readUInt16BE(end);
      const data = end + 10;
      const next = data + bytes.readUInt16BE(end + 8);
      if (next > bytes.length) fail('a record is cut off');
      at = next;
      if (type === TYPE.OPT) {
        edns = {
          size: bytes.readUInt16BE(end + 2),
          extended: bytes[end + 4]!,
          dnssecOk: (bytes[end + 6]! & 0x80) !== 0,
        };
        continue;
      }
      const of = dataText(bytes, type, data, next, nameAt);
      lines.push(`${owner} ${bytes.readUInt32BE(end + 4)} ${typeText(type)} ${of}`);
    }
    return lines;
  };
  const [answers, authority, additional] = [section(counts[1]!), section(counts[2]!), section(counts[3]!)];
  if (at !== bytes.length) fail(`${bytes.length - at} bytes too many`);
  return {
    id: bytes.readUInt16BE(0),
    rcode: rcodeText(bytes[3]! & 0xf),
    flags,
    question: asked,
    answers,
    authority,
    additional,
    edns,
  };
}
function dataText(bytes: Buffer, type: number, at: number, end: number, nameAt: (at: number) => string): string {
  switch (type) {
    case TYPE.A:
      return [...bytes.subarray(at, end)].join('.');
    case TYPE.AAAA:
      return formatIp(6, BigInt(`0x${bytes.toString('hex', at, end)}`));
    case TYPE.CNAME:
    case TYPE.PTR:
    case TYPE.NS:
      return nameAt(at);
    case TYPE.SRV:
      return `${[0, 2, 4].map((i) => bytes.readUInt16BE(at + i)).join(' ')} ${nameAt(at + 6)}`;
    case TYPE.TXT:
      return JSON.stringify(bytes.toString('latin1', at + 1, at + 1 + bytes[at]!));
    case TYPE.SOA: {
      const mailbox = skipName(bytes, at);
      const rest = skipName(bytes, mailbox);
      return `${nameAt(at)} ${nameAt(mailbox)} ${[0, 4, 8, 12, 16].map((i) => bytes.readUInt32BE(rest + i)).join(' ')}`;
    }
    default:
      return bytes.toString('hex', at, end);
  }
}
