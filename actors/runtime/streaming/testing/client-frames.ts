import { frameHead } from '../web-socket-frames.ts';

/** A frame as a client sends it. */
export function clientFrame(
  opcode: number,
  payload: Uint8Array,
  mask: Uint8Array = Uint8Array.of(1, 2, 3, 4),
  isFinal = true,
): Buffer {
  const head = frameHead(opcode, payload.length);
  head[0] = (isFinal ? 0x80 : 0) | opcode;
  head[1]! |= 0x80;
  return Buffer.concat([head, mask, payload.map((byte, i) => byte ^ mask[i & 3]!)]);
}
