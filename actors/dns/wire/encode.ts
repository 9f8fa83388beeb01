import { FLAG, HEADER_BYTES, MAX_BYTES, TYPE } from './codes.ts';
import { lowered, type Name } from './name.ts';
import type { Answer, DnsRecord } from './record.ts';

/** An answer's bytes, in which only what the client wrote is missing: its id, flags, the case of its letters, EDNS. */
export interface Encoded {
  readonly bytes: Buffer;
  /** Where each record ends, of the answer section first. */
  readonly ends: readonly number[];
  readonly counts: readonly [answers: number, authority: number, additional: number];
  /** Addresses of one name, of one size, one after the other: each client gets them from another one on. */
  readonly turning: { readonly start: number; readonly stride: number; readonly count: number } | undefined;
  /** How often it was given. */
  given: number;
}
/** What an OPT record takes. */
export const OPT_BYTES = 11;

/** `question`: a question's bytes, of which answers' names are abbreviations. What is too much for a packet is left out. */
export function encode(question: Uint8Array, answer: Answer, recursion: boolean): Encoded {
  const writer = new Writer(question);
  const ends: number[] = [];
  const counts: [number, number, number] = [0, 0, 0];
  let isWhole = true;
  for (const [section, records] of [answer.answers, answer.authority, answer.additional].entries())
    for (const record of records) {
      if (!isWhole) break;
      writer.record(record);
      isWhole = writer.length <= MAX_BYTES - OPT_BYTES;
      if (!isWhole) break;
      ends.push(writer.length);
      counts[section]!++;
    }
  const end = ends.at(-1) ?? HEADER_BYTES + question.length;
  const bytes = Buffer.from(writer.bytes.subarray(0, end));
  bytes[2] = FLAG.QR | (answer.authoritative ? FLAG.AA : 0) | (isWhole ? 0 : FLAG.TC);
  bytes[3] = (recursion ? FLAG.RA : 0) | (answer.rcode & 0xf);
  bytes.writeUInt16BE(1, 4);
  counts.forEach((count, i) => bytes.writeUInt16BE(count, 6 + 2 * i));
  return { bytes, ends, counts, turning: turningOf(answer, HEADER_BYTES + question.length, ends, counts[0]), given: 0 };
}
function turningOf({ answers }: Answer, begin: number, ends: readonly number[], count: number): Encoded['turning'] {
  const first = answers.findIndex((r) => r.type === 'A' || r.type === 'AAAA');
  if (first < 0 || count - first < 2) return undefined;
  const { type, name } = answers[first]!;
  if (!answers.slice(first, count).every((r) => r.type === type && r.name === name)) return undefined;
  const start = first === 0 ? begin : ends[first - 1]!;
  const stride = ends[first]! - start;
  // The first one's name may be written out, and the others point to it.
  return ends[count - 1]! - start === stride * (count - first) ? { start, stride, count: count - first } : undefined;
}

/** Grows as needed; names are abbreviated by what was written before. */
class Writer {
  bytes = Buffer.alloc(512);
  length = HEADER_BYTES;
  readonly #known = new Map<string, number>();

  constructor(question: Uint8Array) {
    this.#room(question.length);
    this.bytes.set(question, HEADER_BYTES);
    this.#learn(question);
    this.length += question.length;
  }
  record(record: DnsRecord): void {
    this.#name(record.name, true);
    this.#u16(typeof record.type === 'number' ? record.type : TYPE[record.type]);
    this.#u16(1);
    this.#u32(record.ttl);
    const at = this.length;
    this.#u16(0);
    this.#data(record);
    this.bytes.writeUInt16BE(this.length - at - 2, at);
  }
  #data(record: DnsRecord): void {
    if ('address' in record) this.#raw(record.address);
    else if ('data' in record) this.#raw(record.data);
    else if (record.type === 'TXT') {
      const text = Buffer.from(record.text, 'latin1').subarray(0, 255);
      this.#raw(Uint8Array.of(text.length));
      this.#raw(text);
    } else if (record.type === 'SRV') {
      for (const n of [record.priority, record.weight, record.port]) this.#u16(n);
      // Source: RFC 2782: never abbreviated.
      this.#name(record.target, false);
    } else if (record.type === 'SOA') {
      this.#name(record.primary, true);
      this.#name(record.mailbox, true);
      for (const n of [record.serial, record.refresh, record.retry, record.expire, record.minimum]) this.#u32(n);
    } else this.#name(record.target, true);
  }
  #name(name: Name, abbreviates: boolean): void {
    for (let i = 0; i < name.length; i++) {
      const rest = keyOf(name, i);
      const known = this.#known.get(rest);
      if (abbreviates && known !== undefined) {
        this.#u16(0xc000 | known);
        return;
      }
      // Pointers have 14 bits.
      if (known === undefined && this.length < 0x4000) this.#known.set(rest, this.length);
      const label = name[i]!;
      this.#room(1 + label.length);
      this.bytes[this.length++] = label.length;
      this.length += this.bytes.write(label, this.length, 'latin1');
    }
    this.#raw(Uint8Array.of(0));
  }
  /** The question's own name and what it is below of. */
  #learn(question: Uint8Array): void {
    const text = String.fromCharCode(...question.map(lowered));
    for (let i = 0; i < question.length && question[i] !== 0; i += 1 + question[i]!)
      this.#known.set(text.slice(i, question.length - 5), HEADER_BYTES + i);
  }
  #room(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const grown = Buffer.alloc(Math.max(this.bytes.length * 2, this.length + more));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
  #raw(data: Uint8Array): void {
    this.#room(data.length);
    this.bytes.set(data, this.length);
    this.length += data.length;
  }
  #u16(n: number): void {
    this.#room(2);
    this.length = this.bytes.writeUInt16BE(n & 0xffff, this.length);
  }
  #u32(n: number): void {
    this.#room(4);
    this.length = this.bytes.writeUInt32BE(n >>> 0, this.length);
  }
}
/** As the name stands in a packet, without the end: labels may hold dots. */
const keyOf = (name: Name, from: number): string => {
  let key = '';
  for (let i = from; i < name.length; i++) key += String.fromCharCode(name[i]!.length) + name[i]!;
  return key;
};
