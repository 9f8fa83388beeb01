import { FLAG, HEADER_BYTES, TYPE } from '../wire/codes.ts';
import { OPT_BYTES } from '../wire/encode.ts';
import { addOpt } from '../wire/respond.ts';
import type { Message } from '../wire/message.ts';
import type { Query } from '../wire/query.ts';

/**
 * Another server's answer as ours to `query`: its id, its question as the client wrote it, times to live less `ageSeconds`,
 * and as many whole records as there is room for.
 */
export function relay(message: Message, query: Query, limit: number, ageSeconds: number): Buffer {
  const { bytes, records, questionEnd } = message;
  const opt = query.edns === undefined ? 0 : OPT_BYTES;
  let kept = records.findIndex(({ end }) => end + opt > limit);
  if (kept < 0) kept = records.length;
  const length = kept === 0 ? questionEnd : records[kept - 1]!.end;
  const out = Buffer.allocUnsafe(length + opt);
  bytes.copy(out, 0, 0, length);
  const isCut = kept < records.length || message.isTruncated;
  // Not ours to promise: that it is authentic, nor authoritative.
  out[2] = FLAG.QR | (bytes[2]! & FLAG.AA) | (isCut ? FLAG.TC : 0) | (query.packet[2]! & FLAG.RD);
  out[3] = FLAG.RA | (bytes[3]! & (query.edns?.dnssecOk === true ? 0x2f : 0x0f)) | (query.packet[3]! & FLAG.CD);
  out[0] = query.packet[0]!;
  out[1] = query.packet[1]!;
  query.packet.copy(out, HEADER_BYTES, HEADER_BYTES, query.questionEnd);
  const counts = [0, 0, 0];
  for (const { section, ttlAt, ttl } of records.slice(0, kept)) {
    counts[section]!++;
    out.writeUInt32BE(Math.max(0, Math.min(ttl, MAX_TTL) - ageSeconds), ttlAt);
  }
  counts.forEach((count, i) => out.writeUInt16BE(count, 6 + 2 * i));
  if (opt > 0) addOpt(out, length, query);
  return out;
}
/** Seconds: longer than that nobody is told to keep it. Source: kubeadm's Corefile (`cache 30`). */
const MAX_TTL = 30;

/** A question to another server: of ours alone, so that nothing that a client added goes on. */
export function questionOf(o: {
  readonly id: number;
  /** A name as in a packet, with its end. */
  readonly name: Uint8Array;
  readonly type: number;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}): { readonly packet: Buffer; readonly questionEnd: number } {
  const questionEnd = HEADER_BYTES + o.name.length + 4;
  const packet = Buffer.alloc(questionEnd + OPT_BYTES);
  packet.writeUInt16BE(o.id);
  packet[2] = FLAG.RD;
  packet[3] = o.checkingDisabled ? FLAG.CD : 0;
  packet.writeUInt16BE(1, 4);
  packet.writeUInt16BE(1, 10);
  packet.set(o.name, HEADER_BYTES);
  packet.writeUInt16BE(o.type, questionEnd - 4);
  packet.writeUInt16BE(1, questionEnd - 2);
  packet.writeUInt16BE(TYPE.OPT, questionEnd + 1);
  packet.writeUInt16BE(UDP_BYTES, questionEnd + 3);
  packet.writeUInt16BE(o.dnssecOk ? 0x8000 : 0, questionEnd + 7);
  return { packet, questionEnd };
}
/** What is not cut into pieces on its way. Source: DNS flag day 2020. */
const UDP_BYTES = 1_232;
