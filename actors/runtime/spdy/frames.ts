/** Frames of SPDY/3.1, as far as streams of Kubernetes use them. Source: SPDY protocol draft 3.1, section 2. */
import { SpdyError } from './headers.ts';

const VERSION = 3;
export const TYPE = { synStream: 1, synReply: 2, rstStream: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 } as const; // prettier-ignore
export const FLAG_FIN = 1;
export const FLAG_UNIDIRECTIONAL = 2;
/** Reasons of a RST_STREAM. */
export const RESET = { protocolError: 1, refusedStream: 3, cancel: 5 } as const;

const HEAD_BYTES = 8;
/** Of a control frame. */
const MOST_CONTROL_BYTES = 64 * 1024;

export interface DataPart {
  readonly kind: 'data';
  readonly stream: number;
  readonly bytes: Buffer;
  /** The last of the stream. */
  readonly isLast: boolean;
}
export interface ControlFrame {
  readonly kind: 'control';
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}
const EMPTY = Buffer.alloc(0);

/** Reads frames, chunk by chunk; data as it comes, so that it does not matter how large its frames are. */
export class FrameReader {
  #rest: Buffer = EMPTY;
  #data: { readonly stream: number; readonly isLast: boolean; left: number } | undefined;

  /** Throws SpdyError; nothing may be read after that. */
  *push(chunk: Buffer): Generator<DataPart | ControlFrame, void> {
    let all = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = EMPTY;
    for (;;) {
      if (this.#data !== undefined) {
        const { stream, isLast } = this.#data;
        const bytes = all.subarray(0, this.#data.left);
        all = all.subarray(bytes.length);
        this.#data.left -= bytes.length;
        const isDone = this.#data.left === 0;
        if (isDone) this.#data = undefined;
        if (bytes.length > 0 || isDone) yield { kind: 'data', stream, bytes, isLast: isLast && isDone };
        if (!isDone) return;
      }
      if (all.length < HEAD_BYTES) break;
      const first = all.readUInt32BE(0);
      const flags = all[4]!;
      const length = all.readUIntBE(5, 3);
      if (first < 0x8000_0000) {
        if (first === 0) throw new SpdyError('data of no stream');
        this.#data = { stream: first, isLast: (flags & FLAG_FIN) !== 0, left: length };
        all = all.subarray(HEAD_BYTES);
        continue;
      }
      if (((first >>> 16) & 0x7fff) !== VERSION) throw new SpdyError('another version of SPDY');
      if (length > MOST_CONTROL_BYTES) throw new SpdyError('a frame that is too large');
      if (all.length < HEAD_BYTES + length) break;
      const payload = all.subarray(HEAD_BYTES, HEAD_BYTES + length);
      all = all.subarray(HEAD_BYTES + length);
      yield { kind: 'control', type: first & 0xffff, flags, payload };
    }
    this.#rest = all;
  }
}
/** Number of the stream that a control frame is about. Throws SpdyError. */
export function streamOf({ payload }: ControlFrame, minBytes: number): number {
  if (payload.length < minBytes) throw new SpdyError('a frame that is cut off');
  const id = payload.readUInt32BE(0) & 0x7fff_ffff;
  if (id === 0) throw new SpdyError('a frame of no stream');
  return id;
}

export function controlFrame(type: number, flags: number, ...payload: readonly Uint8Array[]): Buffer {
  const length = payload.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head[4] = flags;
  head.writeUIntBE(length, 5, 3);
  return Buffer.concat([head, ...payload]);
}
export function dataHead(stream: number, length: number, isLast: boolean): Buffer {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(stream, 0);
  head[4] = isLast ? FLAG_FIN : 0;
  head.writeUIntBE(length, 5, 3);
  return head;
}
export function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value >>> 0, 4 * i));
  return bytes;
}
