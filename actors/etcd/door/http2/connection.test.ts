import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Http2Connection } from './connection.ts';
import { CODE, FLAG, frameOf, numbersFrame, PREFACE, SETTING, settingsFrame, TYPE } from './frames.ts';
import { headerBlock } from './header-fields.ts';
import type { Http2Stream } from './stream.ts';

interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Buffer;
}
function framesOf(bytes: Buffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = at + 9 + bytes.readUIntBE(at, 3);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, id: bytes.readUInt32BE(at + 5), payload: bytes.subarray(at + 9, end) }); // prettier-ignore
    at = end;
  }
  return frames;
}
/** A connection, whose turns of the event loop are ours, that answers each request with `answer`. */
function connection(answer: Buffer | 'none' = Buffer.from('answer'), isUrgent = true) {
  const writes: Buffer[] = [];
  let turn: (() => void)[] = [];
  const heard: string[] = [];
  const streams: Http2Stream[] = [];
  const wire = { waiting: 0, ended: false, write: (bytes: Buffer) => void writes.push(bytes), end: () => void (wire.ended = true) }; // prettier-ignore
  const one = new Http2Connection({
    wire,
    soon: (fn) => void turn.push(fn),
    isUrgent: () => isUrgent,
    onStream: (stream, fields) => {
      heard.push(fields.map((field) => field.join(' ')).join(', '));
      streams.push(stream);
      return {
        onData: (chunk) => {
          heard.push(`data ${chunk.length}`);
          one.consumed(stream, chunk.length);
        },
        onEnd: () => {
          heard.push('end');
          stream.head(headerBlock([[':status', '200']]));
          if (answer === 'none') return;
          stream.send(answer);
          stream.end(headerBlock([['a', 'b']]));
        },
        onClose: () => void heard.push('close'),
      };
    },
  });
  /** The writes of one turn. */
  const pass = (): Frame[] => {
    const [due, before] = [turn, writes.length];
    turn = [];
    for (const fn of due) fn();
    return framesOf(Buffer.concat(writes.slice(before)));
  };
  return { one, wire, heard, streams, writes, pass };
}
const BEGIN = Buffer.concat([PREFACE, settingsFrame([])]);
const BLOCK = headerBlock([[':method', 'POST'], [':scheme', 'https'], [':path', '/x']]); // prettier-ignore
const headers = (id: number, flags: number, block = BLOCK): Buffer => frameOf(TYPE.headers, flags, id, block);
const request = (id: number): Buffer => headers(id, FLAG.endHeaders | FLAG.endStream);
const open = (id: number): Buffer => headers(id, FLAG.endHeaders);
const data = (id: number, length: number, flags = 0): Buffer => frameOf(TYPE.data, flags, id, Buffer.alloc(length));

describe('a request', () => {
  it('is answered in one write, trailers and all', () => {
    const { one, pass, writes } = connection();
    one.receive(Buffer.concat([BEGIN, request(1)]));
    pass();
    expect(writes).toHaveLength(1);
    expect(framesOf(writes[0]!).map(({ type, flags, id }) => [type, flags, id])).toEqual([
      [TYPE.settings, 0, 0], [TYPE.window, 0, 0], [TYPE.settings, FLAG.ack, 0],
      [TYPE.headers, FLAG.endHeaders, 1], [TYPE.data, 0, 1], [TYPE.headers, FLAG.endHeaders | FLAG.endStream, 1],
    ]); // prettier-ignore
  });
  it('is understood in whatever pieces it comes, padded or not', () => {
    const padded = frameOf(TYPE.data, FLAG.padded | FLAG.endStream, 3, Buffer.from([2, 1, 1, 1, 0, 0]));
    const priority = headers(1, FLAG.priority, Buffer.concat([Buffer.from([0, 0, 0, 0, 9]), BLOCK.subarray(0, 4)]));
    const rest = frameOf(TYPE.continuation, FLAG.endHeaders, 1, BLOCK.subarray(4));
    const all = Buffer.concat([BEGIN, priority, rest, data(1, 4_464), open(3), padded, data(1, 0, FLAG.endStream)]); // prettier-ignore
    const told = (cuts: readonly number[]): string[] => {
      const { one, heard } = connection();
      let from = 0;
      for (const to of [...cuts.toSorted((a, b) => a - b), all.length]) {
        one.receive(all.subarray(from, to));
        from = to;
      }
      return heard;
    };
    const fields = ':method POST, :scheme https, :path /x';
    const whole = [fields, 'data 4464', fields, 'data 3', 'end', 'end'];
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 12 }), (cuts) => {
        expect(told(cuts)).toEqual(whole);
      }),
    );
    expect(told([...all.keys()])).toEqual(whole);
  });
  it('of which the client has enough is closed once, and takes no answer', () => {
    const { one, pass, heard, streams } = connection('none');
    one.receive(Buffer.concat([BEGIN, open(1), numbersFrame(TYPE.reset, 1, CODE.cancel)]));
    expect(heard.slice(1)).toEqual(['close']);
    streams[0]!.end(headerBlock([]));
    one.lost();
    expect([pass().filter(({ id }) => id === 1), heard.slice(2)]).toEqual([[], []]);
  });
  it('that is answered before its end need not be said to the end', () => {
    const { one, pass, streams } = connection('none');
    one.receive(Buffer.concat([BEGIN, open(1)]));
    streams[0]!.end(headerBlock([[':status', '200']]));
    expect(pass().map(({ type }) => type).slice(-2)).toEqual([TYPE.headers, TYPE.reset]); // prettier-ignore
    // What was on its way does no harm.
    one.receive(data(1, 10));
    expect(pass()).toMatchObject([{ type: TYPE.reset, id: 1 }]);
  });
});

describe('what does not belong there', () => {
  const late = Buffer.concat([BEGIN, request(1)]);
  const named = (...fields: [string, string][]): Buffer => Buffer.concat([BEGIN, headers(1, 5, headerBlock(fields))]);
  const good: [string, string][] = [[':method', 'POST'], [':scheme', 'https'], [':path', '/x']]; // prettier-ignore
  it.each<[what: string, bytes: Buffer, code: number]>([
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), CODE.protocol],
    ['a frame before the settings', Buffer.concat([PREFACE, request(1)]), CODE.protocol],
    ['a frame that is too long', Buffer.concat([BEGIN, data(1, 16_385)]), CODE.frameSize],
    ['an even stream', Buffer.concat([BEGIN, open(2)]), CODE.protocol],
    ['data of a stream that was not opened', Buffer.concat([BEGIN, data(5, 1)]), CODE.protocol],
    ['data of no stream', Buffer.concat([BEGIN, data(0, 1)]), CODE.protocol],
    ['headers that break off', Buffer.concat([BEGIN, headers(1, 0), data(1, 1)]), CODE.protocol],
    ['a continuation of nothing', Buffer.concat([BEGIN, frameOf(TYPE.continuation, 4, 1, BLOCK)]), CODE.protocol],
    ['headers without end', Buffer.concat([BEGIN, headers(1, 0), ...Array.from({ length: 5 }, () => frameOf(TYPE.continuation, 0, 1, Buffer.alloc(16_000)))]), CODE.calm],
    ['empty continuations', Buffer.concat([BEGIN, headers(1, 0), frameOf(TYPE.continuation, 0, 1, Buffer.alloc(0))]), CODE.calm],
    ['headers that are none', Buffer.concat([BEGIN, headers(1, 4, Buffer.from([0x80]))]), CODE.compression],
    ['headers after the headers', Buffer.concat([BEGIN, open(1), open(1)]), CODE.protocol],
    ['more padding than there is', Buffer.concat([BEGIN, open(1), frameOf(TYPE.data, FLAG.padded, 1, Buffer.from([9, 1]))]), CODE.protocol],
    ['settings of a stream', Buffer.concat([BEGIN, frameOf(TYPE.settings, 0, 1, Buffer.alloc(0))]), CODE.protocol],
    ['settings that are cut short', Buffer.concat([BEGIN, frameOf(TYPE.settings, 0, 0, Buffer.alloc(5))]), CODE.frameSize],
    ['a window without bounds', Buffer.concat([BEGIN, settingsFrame([[SETTING.window, 2 ** 31]])]), CODE.flowControl],
    ['frames of no size', Buffer.concat([BEGIN, settingsFrame([[SETTING.maxFrame, 1]])]), CODE.protocol],
    ['half a yes to pushes', Buffer.concat([BEGIN, settingsFrame([[SETTING.enablePush, 2]])]), CODE.protocol],
    ['a push', Buffer.concat([BEGIN, frameOf(TYPE.push, 0, 1, Buffer.alloc(4))]), CODE.protocol],
    ['a ping that is too short', Buffer.concat([BEGIN, frameOf(TYPE.ping, 0, 0, Buffer.alloc(7))]), CODE.frameSize],
    ['a window opened by nothing', Buffer.concat([BEGIN, numbersFrame(TYPE.window, 0, 0)]), CODE.protocol],
    ['the connection opened without bounds', Buffer.concat([BEGIN, numbersFrame(TYPE.window, 0, 0x7fff_ffff)]), CODE.flowControl],
  ])('%s ends the connection', (_, bytes, code) => {
    const { one, pass, wire, heard } = connection();
    one.receive(bytes);
    const away = pass().find(({ type }) => type === TYPE.goAway);
    expect(away?.payload.readUInt32BE(4)).toBe(code);
    expect(wire.ended).toBe(true);
    const before = heard.length;
    one.receive(request(11));
    expect(heard).toHaveLength(before);
  }); // prettier-ignore
  it.each<[what: string, bytes: Buffer, code: number]>([
    ['data after the end', Buffer.concat([late, data(1, 1)]), CODE.streamClosed],
    ['a window opened by nothing', Buffer.concat([BEGIN, open(1), numbersFrame(TYPE.window, 1, 0)]), CODE.protocol],
    ['a window without bounds', Buffer.concat([BEGIN, open(1), numbersFrame(TYPE.window, 1, 0x7fff_ffff)]), CODE.flowControl],
    ['no path', named(good[0]!, good[1]!), CODE.protocol],
    ['two paths', named(...good, good[2]!), CODE.protocol],
    ['a name in capitals', named(...good, ['Te', 'trailers']), CODE.protocol],
    ['a field of HTTP/1', named(...good, ['connection', 'close']), CODE.protocol],
    ['a late path', named(good[0]!, good[1]!, ['te', 'trailers'], good[2]!), CODE.protocol],
  ])('%s ends the stream', (_, bytes, code) => {
    const { one, pass, wire } = connection('none');
    one.receive(bytes);
    const reset = pass().find(({ type }) => type === TYPE.reset);
    expect([reset?.id, reset?.payload.readUInt32BE(0), wire.ended]).toEqual([1, code, false]);
  }); // prettier-ignore
  it('a client that asks without reading the answers is cut off', () => {
    const { one, pass, wire } = connection();
    one.receive(BEGIN);
    wire.waiting = 3 << 20;
    one.receive(frameOf(TYPE.ping, 0, 0, Buffer.alloc(8)));
    expect(pass().at(-1)?.payload.readUInt32BE(4)).toBe(CODE.calm);
  });
  it('any bytes at all do nothing but that', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(10), fc.nat(255), fc.nat(4), fc.uint8Array({ maxLength: 30 }))), (frames) => {
        const { one, pass } = connection();
        one.receive(Buffer.concat([BEGIN, ...frames.map(([type, flags, id, payload]) => frameOf(type, flags, id, payload))]));
        pass();
      }),
      { numRuns: 500 },
    ); // prettier-ignore
  });
});

describe('a window', () => {
  const sizes = (frames: readonly Frame[]): number[] =>
    frames.filter(({ type }) => type === TYPE.data).map(({ payload }) => payload.length);
  it("of the client's bounds what it is sent, stream by stream and as a whole", () => {
    const { one, pass } = connection(Buffer.alloc(50_000));
    one.receive(Buffer.concat([BEGIN, settingsFrame([[SETTING.window, 20_000]]), request(1)]));
    expect(sizes(pass())).toEqual([16_384, 3_616]);
    // Taken back below nothing, and given again.
    one.receive(settingsFrame([[SETTING.window, 10_000]]));
    one.receive(numbersFrame(TYPE.window, 1, 10_001));
    expect(sizes(pass())).toEqual([1]);
    one.receive(numbersFrame(TYPE.window, 1, 100_000));
    const rest = pass();
    expect([sizes(rest), rest.at(-1)!.flags & FLAG.endStream]).toEqual([[16_384, 13_615], 1]);
    // 65,535 for the connection, of which 50,000 are used.
    one.receive(Buffer.concat([settingsFrame([[SETTING.window, 100_000]]), request(3)]));
    expect(sizes(pass())).toEqual([15_535]);
    one.receive(numbersFrame(TYPE.window, 0, 100_000));
    expect(sizes(pass())).toEqual([16_384, 16_384, 1_697]);
  });
  it('of ours is opened again as what came is served', () => {
    const { one, pass } = connection();
    one.receive(Buffer.concat([BEGIN, open(1)]));
    pass();
    let opened = { 0: 0, 1: 0 };
    for (let i = 0; i < 400; i++) {
      one.receive(data(1, 16_384));
      for (const { type, id, payload } of pass()) {
        expect(type).toBe(TYPE.window);
        opened = { ...opened, [id]: opened[id as 0 | 1] + payload.readUInt32BE(0) };
      }
    }
    // All but less than half a window each.
    expect(400 * 16_384 - opened[1]).toBeLessThanOrEqual(1 << 19);
    expect(400 * 16_384 - opened[0]).toBeLessThanOrEqual(1 << 21);
  });
  it('of a stream that is not served stays shut', () => {
    const { one, pass, streams } = connection();
    one.consumed = () => undefined;
    one.receive(Buffer.concat([BEGIN, open(1)]));
    for (let i = 0; i < 65; i++) one.receive(data(1, 16_384));
    expect([pass().find(({ type }) => type === TYPE.reset)?.payload.readUInt32BE(0), streams[0]!.closed]).toEqual([CODE.flowControl, true]); // prettier-ignore
  });
});

describe('a busy connection', () => {
  it('sends what somebody waits for before the rest, and of the rest a frame of each in turn', () => {
    const { one, pass, streams } = connection('none', false);
    one.receive(Buffer.concat([BEGIN, numbersFrame(TYPE.window, 0, 1 << 20), request(1), request(3)]));
    pass();
    for (const stream of streams) stream.send(Buffer.alloc(40_000));
    expect(pass().map(({ id }) => id)).toEqual([1, 3, 1, 3, 1, 3]);
  });
  it('gives the wire no more than it takes, and asks for patience meanwhile', async () => {
    const { one, pass, streams, wire } = connection('none');
    one.receive(Buffer.concat([BEGIN, numbersFrame(TYPE.window, 0, 1 << 30), settingsFrame([[SETTING.window, 1 << 30]]), request(1)])); // prettier-ignore
    pass();
    wire.waiting = 1 << 20;
    const stream = streams[0]!;
    expect(stream.send(Buffer.alloc(1_000_000))).toBe(false);
    let isDrained = false;
    const drained = stream.drained().then(() => (isDrained = true));
    expect(pass()).toEqual([]);
    wire.waiting = 0;
    one.resume();
    expect(Buffer.concat(pass().map(({ payload }) => payload))).toHaveLength(1_000_000);
    await drained;
    expect(isDrained).toBe(true);
  });
  it('that is to end answers first, and takes nothing new', () => {
    const { one, pass, heard, wire } = connection();
    one.receive(Buffer.concat([BEGIN, open(1)]));
    one.leave();
    one.receive(Buffer.concat([open(3), data(3, 1), data(1, 0, FLAG.endStream)]));
    expect(heard.filter((line) => line.startsWith(':method'))).toHaveLength(1);
    expect(pass().map(({ type }) => type)).toContain(TYPE.goAway);
    one.finish();
    pass();
    expect([wire.ended, heard.at(-1)]).toEqual([true, 'close']);
  });
});
