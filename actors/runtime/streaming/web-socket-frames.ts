/** Frames of a WebSocket, as a server reads and writes them. Source: RFC 6455. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** A piece of a message, as large as it came: messages are not put together, so their size does not matter. */
export interface MessagePart {
  readonly kind: 'message';
  readonly isText: boolean;
  readonly isFirst: boolean;
  readonly isLast: boolean;
  readonly bytes: Buffer;
}
export interface ControlFrame {
  readonly kind: 'close' | 'ping' | 'pong';
  readonly bytes: Buffer;
}
export type WebSocketPart = MessagePart | ControlFrame;

/** Thrown by the reader; `code` is what a close frame says. */
export class WebSocketError extends Error {
  override readonly name = 'WebSocketError';
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}
const PROTOCOL_ERROR = 1002;
const MAX_CONTROL_BYTES = 125;
const broken = (why: string): WebSocketError => new WebSocketError(PROTOCOL_ERROR, why);

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly mask: Buffer;
  readonly length: number;
  /** Payload read so far. */
  at: number;
}
const EMPTY = Buffer.alloc(0);

/** Reads what a client sends, chunk by chunk. Holds no more than the head of a frame and the payload of a control frame. */
export class WebSocketReader {
  #rest: Buffer = EMPTY;
  #frame: Frame | undefined;
  /** A message whose last frame has not come. */
  #open: { readonly isText: boolean; hasBegun: boolean } | undefined;

  /** Throws WebSocketError; nothing may be read after that. */
  *push(chunk: Buffer): Generator<WebSocketPart, void> {
    let data = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    for (;;) {
      if (this.#frame === undefined) {
        const [frame, headBytes] = headOf(data);
        if (frame === undefined) break;
        this.#begin(frame);
        this.#frame = frame;
        data = data.subarray(headBytes);
      }
      const frame: Frame = this.#frame;
      const left = frame.length - frame.at;
      const isControl = frame.opcode >= OPCODE.close;
      if (data.length < left && (isControl || data.length === 0)) break;
      const bytes = unmasked(data.subarray(0, left), frame);
      data = data.subarray(bytes.length);
      frame.at += bytes.length;
      const isDone = frame.at === frame.length;
      if (isDone) this.#frame = undefined;
      if (isControl) yield { kind: controlKind(frame.opcode), bytes };
      else yield this.#part(frame, bytes, isDone);
    }
    this.#rest = data;
  }
  #begin({ opcode }: Frame): void {
    if (opcode >= OPCODE.close) return;
    if (opcode === OPCODE.continuation) {
      if (this.#open === undefined) throw broken('a continuation of nothing');
    } else {
      if (this.#open !== undefined) throw broken('a message within a message');
      this.#open = { isText: opcode === OPCODE.text, hasBegun: false };
    }
  }
  #part(frame: Frame, bytes: Buffer, isDone: boolean): MessagePart {
    const open = this.#open!;
    const isFirst = !open.hasBegun;
    open.hasBegun = true;
    const isLast = isDone && frame.isFinal;
    if (isLast) this.#open = undefined;
    return { kind: 'message', isText: open.isText, isFirst, isLast, bytes };
  }
}
const controlKind = (opcode: number): ControlFrame['kind'] =>
  opcode === OPCODE.close ? 'close' : opcode === OPCODE.ping ? 'ping' : 'pong';

/** The head of a frame and how long it is; undefined: it has not all come. */
function headOf(data: Buffer): [frame: Frame | undefined, headBytes: number] {
  if (data.length < 2) return [undefined, 0];
  const [first, second] = [data[0]!, data[1]!];
  const opcode = first & 0x0f;
  if ((first & 0x70) !== 0) throw broken('reserved bits are set');
  if (opcode > OPCODE.pong || (opcode > OPCODE.binary && opcode < OPCODE.close)) throw broken('an unknown opcode');
  if ((second & 0x80) === 0) throw broken('a frame of a client that is not masked');
  const isFinal = (first & 0x80) !== 0;
  const short = second & 0x7f;
  if (opcode >= OPCODE.close && (!isFinal || short > MAX_CONTROL_BYTES)) throw broken('a control frame in parts');
  const lengthBytes = short < 126 ? 0 : short === 126 ? 2 : 8;
  const headBytes = 2 + lengthBytes + 4;
  if (data.length < headBytes) return [undefined, 0];
  const length = lengthBytes === 0 ? short : lengthBytes === 2 ? data.readUInt16BE(2) : Number(data.readBigUInt64BE(2));
  if (!Number.isSafeInteger(length)) throw broken('a frame without end');
  const isLonger = (lengthBytes === 2 && length < 126) || (lengthBytes === 8 && length < 65_536);
  if (isLonger) throw broken('a length that is longer than it needs to be');
  // A copy: the chunk need not be kept for it.
  const mask = Buffer.from(data.subarray(headBytes - 4, headBytes));
  return [{ opcode, isFinal, mask, length, at: 0 }, headBytes];
}
/** In place, in words where they can be had. */
function unmasked(bytes: Buffer, { mask, at }: Frame): Buffer {
  const turned = [0, 1, 2, 3].map((i) => mask[(at + i) & 3]!);
  const { length } = bytes;
  let i = 0;
  for (; i < length && ((bytes.byteOffset + i) & 3) !== 0; i++) bytes[i]! ^= turned[i & 3]!;
  const words = (length - i) >> 2;
  if (words > 0) {
    const shifted = Uint8Array.of(turned[i & 3]!, turned[(i + 1) & 3]!, turned[(i + 2) & 3]!, turned[(i + 3) & 3]!);
    const word = new Uint32Array(shifted.buffer)[0]!;
    const all = new Uint32Array(bytes.buffer, bytes.byteOffset + i, words);
    for (let w = 0; w < words; w++) all[w]! ^= word;
    i += words << 2;
  }
  for (; i < length; i++) bytes[i]! ^= turned[i & 3]!;
  return bytes;
}

/** The head of a frame that a server sends; its payload follows. */
export function frameHead(opcode: number, length: number): Buffer {
  const head = Buffer.allocUnsafe(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = 0x80 | opcode;
  if (length < 126) head[1] = length;
  else if (length < 65_536) {
    head[1] = 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  return head;
}
export const frameOf = (opcode: number, payload: Uint8Array): Buffer =>
  Buffer.concat([frameHead(opcode, payload.length), payload]);
