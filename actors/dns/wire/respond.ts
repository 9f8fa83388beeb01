import { FLAG, HEADER_BYTES, MAX_UDP_BYTES, RCODE, TYPE } from './codes.ts';
import { OPT_BYTES, type Encoded } from './encode.ts';
import type { Query } from './query.ts';

/** An encoded answer as the one to this question: at most `limit` bytes, whole records, marked where some are missing. */
export function respond(encoded: Encoded, query: Query, limit: number): Buffer {
  const { bytes, turning } = encoded;
  const opt = query.edns === undefined ? 0 : OPT_BYTES;
  if (bytes.length + opt > limit) return shortened(encoded, query, limit);
  const out = Buffer.allocUnsafe(bytes.length + opt);
  bytes.copy(out);
  if (turning !== undefined) {
    const { start, stride, count } = turning;
    const at = (encoded.given++ % count) * stride;
    if (at > 0) {
      bytes.copy(out, start, start + at, start + count * stride);
      bytes.copy(out, start + count * stride - at, start, start + at);
    }
  }
  own(out, query);
  if (opt > 0) addOpt(out, bytes.length, query);
  return out;
}
/** As many of the first records as there is room for. Source: miekg/dns msg_truncate.go. */
function shortened({ bytes, ends, counts }: Encoded, query: Query, limit: number): Buffer {
  const opt = query.edns === undefined ? 0 : OPT_BYTES;
  let kept = ends.findIndex((end) => end + opt > limit);
  if (kept < 0) kept = ends.length;
  const length = kept === 0 ? query.questionEnd : ends[kept - 1]!;
  const out = Buffer.allocUnsafe(length + opt);
  bytes.copy(out, 0, 0, length);
  out[2] = out[2]! | FLAG.TC;
  let left = kept;
  for (const [section, count] of counts.entries()) {
    const now = Math.min(left, count);
    left -= now;
    out.writeUInt16BE(now, 6 + 2 * section);
  }
  own(out, query);
  if (opt > 0) addOpt(out, length, query);
  return out;
}
function own(out: Buffer, { packet, questionEnd }: Query): void {
  out[0] = packet[0]!;
  out[1] = packet[1]!;
  out[2] = out[2]! | (packet[2]! & FLAG.RD);
  out[3] = out[3]! | (packet[3]! & FLAG.CD);
  packet.copy(out, HEADER_BYTES, HEADER_BYTES, questionEnd);
}
/** Into its place at the end; `extended`: the upper bits of the code. */
export function addOpt(out: Buffer, at: number, { edns }: Query, extended = 0): void {
  out.writeUInt16BE(out.readUInt16BE(10) + 1, 10);
  out[at] = 0;
  out.writeUInt16BE(TYPE.OPT, at + 1);
  out.writeUInt16BE(MAX_UDP_BYTES, at + 3);
  out[at + 5] = extended;
  out[at + 6] = 0;
  out.writeUInt16BE(edns?.dnssecOk === true ? 0x8000 : 0, at + 7);
  out.writeUInt16BE(0, at + 9);
}
/** To what cannot be read as a question: nothing of it is repeated but its id. */
export function refusal(packet: Buffer, rcode: number): Buffer {
  const out = Buffer.alloc(HEADER_BYTES);
  packet.copy(out, 0, 0, 2);
  out[2] = FLAG.QR | (packet[2]! & (0x78 | FLAG.RD));
  out[3] = rcode;
  return out;
}
/** To a version of EDNS that nobody knows yet. Source: RFC 6891 6.1.3. */
export function badVersion(query: Query): Buffer {
  const out = Buffer.alloc(query.questionEnd + OPT_BYTES);
  out[2] = FLAG.QR;
  out.writeUInt16BE(1, 4);
  own(out, query);
  addOpt(out, query.questionEnd, query, RCODE.BADVERS >> 4);
  return out;
}
