import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOf, OPCODE, WebSocketError, WebSocketReader, type WebSocketPart } from './web-socket-frames.ts';
import { clientFrame } from './testing/client-frames.ts';

const read = (chunks: readonly Buffer[]): WebSocketPart[] => {
  const reader = new WebSocketReader();
  // Copies: what is read is unmasked where it lies.
  return chunks.flatMap((chunk) => [...reader.push(Buffer.from(chunk))]);
};
/** Messages and control frames, put together. */
function whole(parts: readonly WebSocketPart[]): string[] {
  const done: string[] = [];
  let message: Buffer[] = [];
  for (const part of parts)
    if (part.kind !== 'message') done.push(`${part.kind} ${part.bytes.toString('hex')}`);
    else {
      if (part.isFirst) message = [];
      message.push(part.bytes);
      if (part.isLast) done.push(`${part.isText ? 'text' : 'bytes'} ${Buffer.concat(message).toString('hex')}`);
    }
  return done;
}
const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((b) => Buffer.from(b));
const mask = fc.uint8Array({ minLength: 4, maxLength: 4 });
const message = fc
  .tuple(fc.array(bytes(200), { minLength: 1, maxLength: 3 }), fc.boolean(), mask)
  .map(([pieces, isText, key]) => ({
    said: `${isText ? 'text' : 'bytes'} ${Buffer.concat(pieces).toString('hex')}`,
    wire: Buffer.concat(
      pieces.map((piece, i) =>
        clientFrame(i > 0 ? OPCODE.continuation : isText ? OPCODE.text : OPCODE.binary, piece, key, i === pieces.length - 1),
      ),
    ),
  })); // prettier-ignore
const control = fc
  .tuple(bytes(125), mask)
  .map(([piece, key]) => ({ said: `ping ${piece.toString('hex')}`, wire: clientFrame(OPCODE.ping, piece, key) }));
const cut = (all: Buffer, at: readonly number[]): Buffer[] => {
  const points = [...new Set(at.map((n) => n % (all.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, i) => all.subarray(from, points[i] ?? all.length));
};

describe('frames of a WebSocket', () => {
  it('are the same however they are torn', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(message, control), { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 12 }), (all, at) => {
        expect(whole(read(cut(Buffer.concat(all.map(({ wire }) => wire)), at)))).toEqual(all.map(({ said }) => said));
      }),
    ); // prettier-ignore
  });
  it.each([126, 65_535, 65_536, 300_000])('may have %i bytes', (length) => {
    const payload = Buffer.alloc(length, 'ab');
    expect(whole(read([clientFrame(OPCODE.binary, payload)]))).toEqual([`bytes ${payload.toString('hex')}`]);
  });
  it('are handed on before they have ended', () => {
    const wire = clientFrame(OPCODE.binary, Buffer.from('a long message'));
    const [part] = read([wire.subarray(0, 10)]);
    expect(part).toMatchObject({ kind: 'message', isFirst: true, isLast: false, bytes: Buffer.from('a lo') });
  });
  it.each([
    ['without a mask', frameOf(OPCODE.binary, Buffer.from('x'))],
    ['with reserved bits', Buffer.from([0xc2, 0x80, 0, 0, 0, 0])],
    ['of an unknown kind', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['of control in parts', clientFrame(OPCODE.ping, Buffer.alloc(1), undefined, false)],
    ['of control that are too long', clientFrame(OPCODE.ping, Buffer.alloc(126))],
    ['that go on with nothing', clientFrame(OPCODE.continuation, Buffer.alloc(1))],
    ['within a message', Buffer.concat([clientFrame(OPCODE.text, Buffer.alloc(1), undefined, false), clientFrame(OPCODE.text, Buffer.alloc(1))])],
    ['whose length is longer than it needs to be', Buffer.from([0x82, 0xfe, 0, 5, 0, 0, 0, 0])],
    ['without end', Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0])],
  ])('%s are refused', (_, wire) => {
    expect(() => read([wire])).toThrow(WebSocketError);
  }); // prettier-ignore
  it('of nonsense are refused, or wait for more', () => {
    fc.assert(
      fc.property(fc.array(bytes(50), { maxLength: 5 }), (chunks) => {
        try {
          read(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(WebSocketError);
        }
      }),
    );
  });
});
