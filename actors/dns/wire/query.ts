import { FLAG, HEADER_BYTES, MAX_UDP_BYTES, PLAIN_UDP_BYTES, RCODE, TYPE } from './codes.ts';
import { lowered, skipName, type Name } from './name.ts';

/** What a client asks. */
export interface Query {
  /** Its packet: answers repeat the question as it is written there, for who checks its letters' case (0x20). */
  readonly packet: Buffer;
  readonly questionEnd: number;
  /** Name and type, as in the packet but small letters, as latin1; no class. */
  readonly key: string;
  readonly type: number;
  readonly class: number;
  readonly edns: Edns | undefined;
}
export interface Edns {
  /** Of the largest answer by UDP that the client takes. */
  readonly size: number;
  readonly version: number;
  readonly dnssecOk: boolean;
}
/** A name, compressed or not, has its end; its type and class follow. */
const QUESTION_TAIL = 4;
const RECORD_TAIL = 10;
const scratch = Buffer.alloc(260);

/**
 * What a packet asks; a number: the code to refuse it with; undefined: it is to be ignored, being no question, or too short
 * to be answered. Source: miekg/dns acceptfunc.go, serve.go.
 */
export function readQuery(packet: Buffer): Query | number | undefined {
  if (packet.length < HEADER_BYTES || (packet[2]! & FLAG.QR) !== 0) return undefined;
  if ((packet[2]! & 0x78) !== 0) return RCODE.NOTIMP;
  const others = packet.readUInt16BE(6) + packet.readUInt16BE(8);
  const additional = packet.readUInt16BE(10);
  if (packet.readUInt16BE(4) !== 1 || others > 2 || additional > 2) return RCODE.FORMERR;
  // A pointer in the first name of all could point to the header only.
  let i = HEADER_BYTES;
  for (;;) {
    const length = packet[i];
    if (length === undefined || length > 63) return RCODE.FORMERR;
    i += 1 + length;
    if (length === 0) break;
    if (i - HEADER_BYTES > 254) return RCODE.FORMERR;
  }
  const questionEnd = i + QUESTION_TAIL;
  if (questionEnd > packet.length) return RCODE.FORMERR;
  const size = i + 2 - HEADER_BYTES;
  // Lengths of labels are below the letters.
  for (let k = 0; k < size - 2; k++) scratch[k] = lowered(packet[HEADER_BYTES + k]!);
  scratch[size - 2] = packet[i]!;
  scratch[size - 1] = packet[i + 1]!;
  let edns: Edns | undefined;
  if (others + additional > 0) {
    const found = ednsOf(packet, questionEnd, others, additional);
    if (found === 'malformed') return RCODE.FORMERR;
    edns = found;
  }
  return {
    packet,
    questionEnd,
    key: scratch.toString('latin1', 0, size),
    type: packet.readUInt16BE(i),
    class: packet.readUInt16BE(i + 2),
    edns,
  };
}
function ednsOf(packet: Buffer, at: number, before: number, additional: number): Edns | 'malformed' | undefined {
  let edns: Edns | undefined;
  for (let n = 0, i = at; n < before + additional; n++) {
    const nameEnd = skipName(packet, i);
    if (nameEnd < 0 || nameEnd + RECORD_TAIL > packet.length) return 'malformed';
    const end = nameEnd + RECORD_TAIL + packet.readUInt16BE(nameEnd + 8);
    if (end > packet.length) return 'malformed';
    if (packet.readUInt16BE(nameEnd) === TYPE.OPT) {
      // Source: RFC 6891 6.1.1: one, among the additional records, of the root.
      if (edns !== undefined || n < before || packet[i] !== 0) return 'malformed';
      edns = {
        size: packet.readUInt16BE(nameEnd + 2),
        version: packet[nameEnd + 5]!,
        dnssecOk: (packet[nameEnd + 6]! & 0x80) !== 0,
      };
    }
    i = end;
  }
  return edns;
}
/** The labels of a query's key. */
export function nameOf(key: string): Name {
  const labels: string[] = [];
  for (let i = 0; ;) {
    const length = key.charCodeAt(i);
    if (!(length > 0)) return labels;
    labels.push(key.slice(i + 1, i + 1 + length));
    i += 1 + length;
  }
}
/** Of the largest answer by UDP. */
export const udpLimit = ({ edns }: Query): number =>
  edns === undefined ? PLAIN_UDP_BYTES : Math.min(Math.max(edns.size, PLAIN_UDP_BYTES), MAX_UDP_BYTES);
