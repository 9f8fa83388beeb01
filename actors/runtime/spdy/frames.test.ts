import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { controlFrame, dataHead, FrameReader, type ControlFrame, type DataPart } from './frames.ts';
import { SpdyError } from './headers.ts';

const read = (chunks: readonly Buffer[]): (DataPart | ControlFrame)[] => {
  const reader = new FrameReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map(copied));
};
const copied = <T extends DataPart | ControlFrame>(frame: T): T =>
  frame.kind === 'data' ? { ...frame, bytes: Buffer.from(frame.bytes) } : { ...frame, payload: Buffer.from(frame.payload) }; // prettier-ignore
/** Data of a stream that came in parts is one. */
function joined(frames: readonly (DataPart | ControlFrame)[]): string[] {
  const all: { key: string; bytes: Buffer; isLast: boolean }[] = [];
  for (const frame of frames) {
    const before = all.at(-1);
    if (frame.kind === 'control') all.push({ key: `c${frame.type}.${frame.flags}`, bytes: frame.payload, isLast: true });
    else if (before?.key === `d${frame.stream}` && !before.isLast) {
      before.bytes = Buffer.concat([before.bytes, frame.bytes]);
      before.isLast = frame.isLast;
    } else all.push({ key: `d${frame.stream}`, bytes: frame.bytes, isLast: frame.isLast });
  }
  return all.map(({ key, bytes, isLast }) => `${key} ${bytes.toString('hex')} ${isLast}`);
} // prettier-ignore
const cut = (bytes: Buffer, at: readonly number[]): Buffer[] => {
  const points = [...new Set(at.map((n) => n % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...points].map((from, i) => bytes.subarray(from, points[i] ?? bytes.length));
};
const payload = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const frame = fc.oneof(
  fc.tuple(fc.integer({ min: 1, max: 9 }), fc.nat(3), payload).map(([type, flags, bytes]) => controlFrame(type, flags, bytes)),
  fc.tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), payload).map(([id, bytes]) => Buffer.concat([dataHead(id, bytes.length, true), bytes])),
); // prettier-ignore

describe('frames of SPDY', () => {
  it('are the same however they are torn', () => {
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 8 }), fc.array(fc.nat(), { maxLength: 12 }), (frames, at) => {
        const bytes = Buffer.concat(frames);
        expect(joined(read(cut(bytes, at)))).toEqual(frames.flatMap((one) => joined(read([one]))));
      }),
    );
  });
  it('that are nonsense are an error of SPDY, or are none', () => {
    fc.assert(
      fc.property(fc.array(payload, { maxLength: 5 }), (chunks) => {
        try {
          read(chunks);
        } catch (error) {
          expect(error).toBeInstanceOf(SpdyError);
        }
      }),
    );
  });
  it.each([
    ['another version', Buffer.from('8002000600000004', 'hex')],
    ['a control frame without end', Buffer.from('8003000100ffffff', 'hex')],
    ['data of no stream', Buffer.from('0000000000000001', 'hex')],
  ])('refuse %s', (_, bytes) => {
    expect(() => read([bytes])).toThrow(SpdyError);
  });
  it('hand on data of a frame that has only begun', () => {
    const parts = read([Buffer.concat([dataHead(1, 16 * 1024 * 1024 - 1, true), Buffer.from('begin')])]);
    expect(parts).toMatchObject([{ kind: 'data', stream: 1, isLast: false, bytes: Buffer.from('begin') }]);
  });
});
