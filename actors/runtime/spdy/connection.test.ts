import { duplexPair, type Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { until } from '../../../bus/testing/until.ts';
import { SpdyConnection } from './connection.ts';
import { controlFrame, TYPE, words } from './frames.ts';
import type { SpdyStream } from './stream.ts';

function connected(accept: (stream: SpdyStream) => boolean) {
  const [near, far] = duplexPair();
  return { client: new SpdyConnection(near, false), server: new SpdyConnection(far, true, accept), near, far };
}
const echo = (stream: SpdyStream): boolean => {
  stream.pipe(stream);
  return true;
};
/** What comes from the peer, as it is on the wire. */
function wire(accept: (stream: SpdyStream) => boolean): { socket: Duplex; received: () => Buffer; server: SpdyConnection; far: Duplex } {
  const [socket, far] = duplexPair();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  return { socket, received: () => Buffer.concat(chunks), far, server: new SpdyConnection(far, true, accept) };
} // prettier-ignore

describe('a connection of SPDY', () => {
  it('carries several streams, each of which ends by itself', async () => {
    const { client } = connected(echo);
    const streams = await Promise.all(['a', 'b', 'c'].map((name) => client.open({ name })));
    const said = streams.map(async (stream, i) => {
      stream.write('x'.repeat(100_000 * i));
      stream.end('end');
      return (await text(stream)).length;
    });
    expect(await Promise.all(said)).toEqual([3, 100_003, 200_003]);
  });
  it('tells the headers, and refuses who is not wanted', async () => {
    const seen: string[] = [];
    const { client } = connected((stream) => seen.push(stream.headers.get('name') ?? '') === 1);
    await client.open({ Name: 'one' });
    await expect(client.open({ name: 'two' })).rejects.toThrow('refused');
    expect(seen).toEqual(['one', 'two']);
  });
  it('holds no more for a stream that nobody reads than it may', async () => {
    let taken: SpdyStream | undefined;
    const { client } = connected((stream) => (taken = stream) !== undefined);
    const stream = await client.open({});
    const sent = new Promise<void>((resolve) => void stream.end(Buffer.alloc(8 * 1024 * 1024), () => resolve()));
    await until(() => taken!.readableLength > 0);
    expect(taken!.readableLength).toBeLessThan(1024 * 1024);
    let read = 0;
    for await (const chunk of taken! as AsyncIterable<Buffer>) read += chunk.length;
    await sent;
    expect(read).toBe(8 * 1024 * 1024);
  });
  it('lets what came before a reset be read', async () => {
    const { client } = connected((stream) => {
      stream.write('last words', () => stream.destroy());
      return true;
    });
    expect(await text(await client.open({}))).toBe('last words');
  });
  it('ends though nobody reads what came', async () => {
    let taken: SpdyStream | undefined;
    const { client, server } = connected((stream) => (taken = stream) !== undefined);
    (await client.open({})).write(Buffer.alloc(8 * 1024 * 1024));
    await until(() => taken!.readableLength >= 256 * 1024);
    server.abort();
    await server.closed;
  });
  it('ends its streams when it breaks', async () => {
    const { client, far } = connected(() => true);
    const stream = await client.open({});
    far.destroy();
    expect(await text(stream)).toBe('');
    await client.closed;
    await expect(client.open({})).rejects.toThrow('closed');
  });
  it('answers pings of its peer and no others, and reads over what it does not know', async () => {
    const { socket, received } = wire(() => true);
    socket.write(controlFrame(TYPE.settings, 0, words(0)));
    socket.write(controlFrame(99, 0, words(1, 2, 3)));
    socket.write(controlFrame(TYPE.ping, 0, words(2)));
    socket.write(controlFrame(TYPE.ping, 0, words(7)));
    await until(() => received().length > 0);
    expect(received()).toEqual(controlFrame(TYPE.ping, 0, words(7)));
  });
  it.each([
    ['a ping that is too long', controlFrame(TYPE.ping, 0, words(1, 2))],
    ['a stream without a number', controlFrame(TYPE.synStream, 0, words(0, 0, 0))],
    ['a stream that is cut off', controlFrame(TYPE.synStream, 0, words(1))],
    ['headers of nonsense', controlFrame(TYPE.synStream, 0, words(1, 0), Buffer.from('  nonsense'))],
  ])('is broken off by %s', async (_, bytes) => {
    const { socket, server, far } = wire(() => true);
    socket.write(bytes);
    await server.closed;
    expect(far.destroyed).toBe(true);
  });
  it('survives any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        const { socket, server } = wire(() => true);
        socket.write(controlFrame(TYPE.synStream, 0, words(1, 0)));
        socket.end(Buffer.from(bytes));
        await server.closed;
      }),
      { numRuns: 50 },
    );
  });
});
