import { Kind, Parser } from '@nats-io/nats-core/internal';
import type { Dispatcher, MsgArg, ParserEvent } from '@nats-io/nats-core/internal';

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const TAB = 9;
const ZERO = 48;
const NINE = 57;
/** After each payload. */
const END_BYTES = 2;
const MAX_PAYLOAD_BYTES = 64 << 20;

/**
 * Reads what nats-server says, however it is cut into chunks: lines, and after those of messages as many bytes as they
 * state. Payloads are views into the chunk where they lie in one.
 * Thrown: Error for what is not of NATS's protocol; nothing can be read after that.
 */
export class WireReader {
  readonly #dispatcher: Dispatcher<ParserEvent>;
  /** Beginning of a line whose end has not come. */
  #line: Uint8Array | undefined;
  /** A message whose payload has not come whole, what of it has come, and how much that is. */
  #message: MsgArg | undefined;
  #payload = new Uint8Array(0);
  #filled = 0;
  /** Where the words of the line begin and end. */
  readonly #words = new Int32Array(12);

  constructor(dispatcher: Dispatcher<ParserEvent>) {
    this.#dispatcher = dispatcher;
  }
  read(chunk: Uint8Array): void {
    let at = this.#message === undefined ? 0 : this.#fill(this.#message, chunk, 0);
    while (at < chunk.length) {
      const end = chunk.indexOf(NEWLINE, at);
      if (end < 0) {
        this.#line = join(this.#line, chunk.subarray(at));
        return;
      }
      let message: MsgArg | undefined;
      if (this.#line === undefined) message = this.#control(chunk, at, end);
      else {
        const line = join(this.#line, chunk.subarray(at, end));
        this.#line = undefined;
        message = this.#control(line, 0, line.length);
      }
      at = end + 1;
      if (message === undefined) continue;
      const after = at + message.size;
      if (after + END_BYTES <= chunk.length) {
        checkEnd(chunk, after);
        this.#dispatcher.push({ kind: Kind.MSG, msg: message, data: chunk.subarray(at, after) });
        at = after + END_BYTES;
      } else {
        this.#message = message;
        this.#payload = new Uint8Array(message.size + END_BYTES);
        this.#filled = 0;
        at = this.#fill(message, chunk, at);
      }
    }
  }
  /** Takes of the chunk what belongs to the payload; returns where that ends. */
  #fill(message: MsgArg, chunk: Uint8Array, at: number): number {
    const payload = this.#payload;
    const end = Math.min(chunk.length, at + payload.length - this.#filled);
    payload.set(chunk.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === payload.length) {
      this.#message = undefined;
      checkEnd(payload, message.size);
      this.#dispatcher.push({ kind: Kind.MSG, msg: message, data: payload.subarray(0, message.size) });
    }
    return end;
  }
  /** Does what a line says; returns the message of which the payload follows. */
  #control(line: Uint8Array, from: number, to: number): MsgArg | undefined {
    const end = line[to - 1] === RETURN ? to - 1 : to;
    if (begins(line, from, 'msg')) return this.#messageOf(line, from + 3, end, false);
    if (begins(line, from, 'hmsg')) return this.#messageOf(line, from + 4, end, true);
    if (begins(line, from, 'ping')) this.#dispatcher.push({ kind: Kind.PING });
    else if (begins(line, from, 'pong')) this.#dispatcher.push({ kind: Kind.PONG });
    else if (begins(line, from, '+ok')) this.#dispatcher.push({ kind: Kind.OK });
    else if (begins(line, from, '-err ')) this.#dispatcher.push({ kind: Kind.ERR, data: line.subarray(from + 5, end) });
    else if (begins(line, from, 'info '))
      this.#dispatcher.push({ kind: Kind.INFO, data: line.subarray(from + 5, end) });
    else throw failure(line, from, end);
    return undefined;
  }
  /** `<subject> <sid> [reply] [header bytes] <bytes>`, the header's only of an HMSG. */
  #messageOf(line: Uint8Array, from: number, end: number, hasHeader: boolean): MsgArg {
    const words = this.#words;
    let n = 0;
    let isIn = false;
    if (line[from] !== SPACE && line[from] !== TAB) throw failure(line, from, end);
    for (let i = from; i < end; i++) {
      const isGap = line[i] === SPACE || line[i] === TAB;
      if (isIn !== isGap) continue;
      if (n === words.length) throw failure(line, from, end);
      words[n++] = i;
      isIn = !isGap;
    }
    if (isIn) words[n++] = end;
    const last = n / 2 - 1;
    const least = hasHeader ? 3 : 2;
    if (last !== least && last !== least + 1) throw failure(line, from, end);
    const size = this.#number(line, last, MAX_PAYLOAD_BYTES);
    const message: MsgArg = {
      subject: line.subarray(words[0], words[1]),
      sid: this.#number(line, 1, Number.MAX_SAFE_INTEGER),
      hdr: hasHeader ? this.#number(line, last - 1, size) : -1,
      size,
    };
    if (last > least) message.reply = line.subarray(words[4], words[5]);
    return message;
  }
  #number(line: Uint8Array, word: number, max: number): number {
    const from = this.#words[2 * word]!;
    const to = this.#words[2 * word + 1]!;
    let value = 0;
    for (let i = from; i < to; i++) {
      const digit = line[i]!;
      if (digit < ZERO || digit > NINE) throw failure(line, from, to);
      value = value * 10 + digit - ZERO;
    }
    if (value > max) throw failure(line, from, to);
    return value;
  }
}
/** Whether the line begins so; letter case does not matter. */
function begins(line: Uint8Array, from: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if ((line[from + i]! | 0x20) !== text.charCodeAt(i)) return false;
  return true;
}
function checkEnd(bytes: Uint8Array, at: number): void {
  if (bytes[at] !== RETURN || bytes[at + 1] !== NEWLINE) throw failure(bytes, at, at + END_BYTES);
}
function join(a: Uint8Array | undefined, b: Uint8Array): Uint8Array {
  // A copy all the same: a chunk is not kept for the sake of a few bytes.
  if (a === undefined) return new Uint8Array(b);
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
/** Tells no more than the first word: after a cut in the wrong place, what follows may be a payload's bytes. */
const failure = (line: Uint8Array, from: number, end: number): Error =>
  new Error(
    `${end - from} bytes that are not of the NATS protocol: ${JSON.stringify(Buffer.from(line.subarray(from, Math.min(end, from + 4))).toString('latin1'))}...`,
  );

const readers = new WeakMap<Parser, WireReader>();
/**
 * Has all connections of nats-core read this way (its Parser pinned at 3.4.0). Its own reads byte by byte in one function
 * so large that compiling it takes V8 a third of a second of a helper thread and 12 MB, which malloc then keeps.
 */
export function readByLines(): void {
  Parser.prototype.parse = function (this: Parser, chunk: Uint8Array): void {
    let reader = readers.get(this);
    if (reader === undefined) readers.set(this, (reader = new WireReader(this.dispatcher)));
    reader.read(chunk);
  };
}
