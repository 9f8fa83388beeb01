import { Parser, type ParserEvent } from '@nats-io/nats-core/internal';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireReader } from './wire-reader.ts';

/** What was read, as text. */
interface Told {
  readonly kind: number;
  readonly data: string;
  readonly message?: { readonly subject: string; readonly reply: string; readonly sid: number; readonly hdr: number };
}
const textOf = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('latin1');
function collect(
  start: (push: (event: ParserEvent) => void) => (chunk: Uint8Array) => void,
  wire: Buffer,
  cuts: readonly number[],
): Told[] {
  const told: Told[] = [];
  const read = start(({ kind, msg, data }) =>
    told.push({
      kind,
      data: textOf(data),
      ...(msg && { message: { subject: textOf(msg.subject), reply: textOf(msg.reply), sid: msg.sid, hdr: msg.hdr } }),
    }),
  );
  const places = [...new Set([0, ...cuts.map((cut) => cut % wire.length), wire.length])].toSorted((a, b) => a - b);
  // Copies: nothing may depend on chunks lying behind each other.
  for (const [i, place] of places.slice(1).entries()) read(Buffer.from(wire.subarray(places[i], place)));
  return told;
}
const ours = (push: (event: ParserEvent) => void) => {
  const reader = new WireReader({ push });
  return (chunk: Uint8Array) => reader.read(chunk);
};
const theirs = (push: (event: ParserEvent) => void) => {
  const parser = new Parser({ push });
  return (chunk: Uint8Array) => parser.parse(chunk);
};

const subject = fc.stringMatching(/^[a-zA-Z0-9_=$-]{1,12}(\.[a-zA-Z0-9_=$-]{1,12}){0,4}$/);
const sid = fc.integer({ min: 1, max: 1e6 });
const body = fc.string({ unit: 'binary', maxLength: 60 });
const gap = fc.constantFrom(' ', '  ', '\t');
const reply = fc.option(subject, { nil: undefined });
const message = fc
  .tuple(subject, sid, reply, body, gap)
  .map(
    ([s, n, r, b, g]) => `MSG${g}${[s, n, ...(r === undefined ? [] : [r]), Buffer.byteLength(b)].join(g)}\r\n${b}\r\n`,
  );
const withHeader = fc.tuple(subject, sid, reply, body).map(([s, n, r, b]) => {
  const header = `NATS/1.0\r\nA: ${'x'.repeat(n % 7)}\r\n\r\n`;
  const sizes = [header.length, header.length + Buffer.byteLength(b)];
  return `HMSG ${[s, n, ...(r === undefined ? [] : [r]), ...sizes].join(' ')}\r\n${header}${b}\r\n`;
});
const rest = fc.constantFrom('PING\r\n', 'PONG\r\n', '+OK\r\n', "-ERR 'Permissions Violation for Publish to \"a\"'\r\n", 'INFO {"server_id":"x"}\r\n', 'ping\r\n', '+ok\n'); // prettier-ignore
const wires = fc.array(fc.oneof(message, withHeader, rest), { minLength: 1, maxLength: 12 });

describe('what a server says', () => {
  it("is read as nats-core's own parser reads it, however it is cut", () => {
    fc.assert(
      fc.property(wires, fc.array(fc.nat(), { maxLength: 20 }), (parts, cuts) => {
        const wire = Buffer.from(parts.join(''));
        const read = collect(ours, wire, cuts);
        expect(read).toHaveLength(parts.length);
        expect(read).toEqual(collect(theirs, wire, []));
      }),
      { numRuns: 300 },
    );
  });
  it('is read byte by byte, payloads with line ends in them too', () => {
    const wire = Buffer.from(
      'MSG a.b 7 r 12\r\nx\r\nPING\r\n\r\ny\r\nHMSG c 8 12 12\r\nNATS/1.0\r\n\r\n\r\nMSG d 9 0\r\n\r\nPONG\r\n',
    );
    const everywhere = Array.from(wire.keys());
    expect(collect(ours, wire, everywhere)).toEqual(collect(theirs, wire, []));
    expect(collect(ours, wire, everywhere).map(({ data }) => data)).toEqual(['x\r\nPING\r\n\r\ny', 'NATS/1.0\r\n\r\n', '', '']); // prettier-ignore
  });
  it('does not hold a chunk for what is left of it', () => {
    let held: Uint8Array | undefined;
    const reader = new WireReader({ push: (event) => (held = 'msg' in event ? event.msg?.subject : undefined) });
    reader.read(Buffer.concat([Buffer.alloc(0), Buffer.from('MSG a.')]));
    reader.read(Buffer.from('b 1 2\r\nok\r\n'));
    expect(textOf(held)).toBe('a.b');
    expect(held!.buffer.byteLength).toBeLessThan(100);
  });
  it.each([
    ['another word', 'HELLO\r\n'],
    ['an empty line', '\r\n'],
    ['a message without a size', 'MSG a 1\r\n'],
    ['too many words', 'MSG a 1 r 2 3 4 5\r\n'],
    ['a size that is no number', 'MSG a 1 2x\r\n'],
    ['a negative size', 'MSG a 1 -2\r\n'],
    ['a size beyond all limits', 'MSG a 1 67108865\r\n'],
    ['a header longer than the message', 'HMSG a 1 9 8\r\n'],
    ['a payload longer than it says', 'MSG a 1 2\r\nabc\r\n'],
  ])('is refused: %s', (_, wire) => {
    expect(() => collect(ours, Buffer.from(wire), [])).toThrow('not of the NATS protocol');
  });
});
