import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ApiError, reasonOf } from '../schemas/meta/status.ts';
import { decodeAll, encode } from './codec.ts';
import { SessionEnd } from './session.ts';
import type { SessionHost } from './session.ts';

/** Two ends and the wire between them: messages wait on it until `deliver` takes them, or lose their way. */
function pair(window = 8, options: { batchBytes?: number } = {}) {
  const wire: { to: SessionEnd; message: Uint8Array }[] = [];
  const ended: SessionEnd[] = [];
  const owing = new Set<SessionEnd>();
  const host: SessionHost = {
    batchBytes: options.batchBytes ?? 1000,
    maxFrameBytes: 10_000,
    transmit: (end, message) => void wire.push({ to: end === client ? server : client, message }),
    flushSoon: (end) => {
      queueMicrotask(() => {
        end.flush();
      });
    },
    owesCredit: (end) => void owing.add(end),
    ended: (end) => void ended.push(end),
  };
  const client: SessionEnd = new SessionEnd('s', host, window, 4);
  const server: SessionEnd = new SessionEnd('s', host, window, 4);
  client.attach('server', window);
  server.attach('client', window);
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return {
    client,
    server,
    wire,
    ended,
    turn,
    /** Delivers until nothing moves; `loses` decides the fate of each message. */
    settle: async (loses: () => boolean = () => false) => {
      for (let idle = 0; idle < 3;) {
        await turn();
        const next = wire.shift();
        if (next && !loses()) next.to.receive(next.message);
        if (next) idle = 0;
        else if (owing.size > 0) for (const end of owing) if (!end.tellWhenQuiet()) owing.delete(end);
        if (!next && owing.size === 0) idle++;
      }
    },
  };
}
/** Reads until the session ends, or until `limit` frames. */
const collect = (end: SessionEnd, limit = Infinity): unknown[] => {
  const seen: unknown[] = [];
  void (async () => {
    for await (const frame of end.frames()) if (seen.push(frame) >= limit) await new Promise(() => undefined);
  })();
  return seen;
};
const numbers = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

describe('a session', () => {
  it('hands over every frame once and in order, whatever the window and the size of messages', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 0, max: 80 }),
        async (window, batchBytes, n) => {
          const { client, server, settle } = pair(window, { batchBytes });
          const [atServer, atClient] = [collect(server), collect(client)];
          for (const i of numbers(n)) {
            void client.send(i);
            void server.send([i, 'x'.repeat(i)]);
          }
          await settle();
          expect(atServer).toEqual(numbers(n));
          expect(atClient.length).toBe(n);
          expect([client.unacknowledged, server.unacknowledged]).toEqual([0, 0]);
        },
      ),
      { numRuns: 40 },
    );
  });
  it('with a message lost gives a prefix and closes, or has lost nothing that matters', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 12 }), fc.integer({ min: 1, max: 40 }), async (lostAt, n) => {
        const { client, server, settle } = pair(4, { batchBytes: 2 });
        const seen = collect(server);
        for (const i of numbers(n)) void client.send(i);
        let count = 0;
        await settle(() => count++ === lostAt);
        // What the stream itself cannot tell, the ends compare: first what the client has sent, then what it lacks credit for.
        server.compare(...client.counts);
        if (!client.isClosed) client.compare(...server.counts);
        await settle();
        expect(seen).toEqual(numbers(seen.length));
        if (seen.length < n) {
          expect(await server.closed).toMatchObject({ reason: 'ServiceUnavailable' });
          expect(await client.closed).toMatchObject({ reason: 'ServiceUnavailable' });
        }
      }),
      { numRuns: 60 },
    );
  });
  it('holds the sender at the window until the reader has taken frames', async () => {
    const { client, server, settle } = pair(4);
    let sent = 0;
    for (const i of numbers(10)) void client.send(i).then(() => sent++);
    await settle();
    expect([sent, client.unacknowledged]).toEqual([4, 10]);
    const seen = collect(server, 2);
    await settle();
    // Two taken, the first of them done with.
    expect([seen, sent]).toEqual([[0, 1], 5]);
  });
  it('puts the frames of one go into one message', async () => {
    const { client, wire, turn } = pair(100);
    for (const i of numbers(20)) void client.send(i);
    await turn();
    expect(wire.map(({ message }) => decodeAll(message).length)).toEqual([21]);
  });
  it('sends everything before a normal end, credit or not, and nothing more before a bad one', async () => {
    for (const status of [undefined, new ApiError('Gone', 'too slow').status]) {
      const { client, server, settle } = pair(2, { batchBytes: 5 });
      const sending = numbers(9).map((i) => client.send(i));
      client.close(status);
      const seen = collect(server);
      await settle();
      expect(seen).toEqual(numbers(status ? 2 : 9));
      expect(await server.closed).toEqual(status);
      const outcomes = await Promise.allSettled(sending);
      expect(outcomes.filter((o) => o.status === 'fulfilled').length).toBe(status ? 2 : 9);
      expect(reasonOf((outcomes.at(-1) as PromiseRejectedResult).reason)).toBe(status ? 'Gone' : undefined);
    }
  });
  it('ends once, at both ends, whoever closes', async () => {
    const { client, server, settle, ended } = pair();
    client.close();
    server.close(new ApiError('Gone', 'x').status);
    client.close(new ApiError('Conflict', 'x').status);
    await settle();
    expect(await client.closed).toBeUndefined();
    expect(await server.closed).toMatchObject({ reason: 'Gone' });
    expect(ended.length).toBe(2);
    expect([client.signal.aborted, server.signal.aborted]).toEqual([true, true]);
    for (const end of [client, server]) await expect(end.send(1)).rejects.toThrow();
  });
  it('lets what arrived before the end be read after it', async () => {
    const { client, server, settle } = pair();
    for (const i of numbers(3)) void client.send(i);
    client.close();
    await settle();
    const seen = collect(server);
    await settle();
    expect(seen).toEqual([0, 1, 2]);
  });
  it('ends a reader that waits', async () => {
    const { client, server } = pair();
    const reading = (async () => {
      for await (const frame of server.frames()) throw new Error(String(frame));
      return 'ended';
    })();
    server.abandon(new ApiError('ServiceUnavailable', 'silent').status);
    expect(await reading).toBe('ended');
    expect(client.isClosed).toBe(false);
  });
  it.each([
    ['bytes that are no message', new Uint8Array([0xc4, 0xff])],
    ['no bytes', new Uint8Array(0)],
    ['a header that is none', encode('x')],
    ['a header of other things', encode(['a', {}])],
    ['credit for what was never sent', encode([1, 5])],
    ['more than there is credit for', Buffer.concat([encode([1, 0]), ...numbers(9).map(encode)])],
  ])('closes on %s with BadRequest', async (_, message) => {
    const { server } = pair(8);
    server.receive(message);
    expect(await server.closed).toMatchObject({ reason: 'BadRequest' });
  });
  it('survives any bytes', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 5 }), (messages) => {
        const { server } = pair();
        for (const message of messages) server.receive(message);
      }),
      { numRuns: 1000 },
    );
  });
  it('refuses a frame that no message can hold, and goes on', async () => {
    const { client, server, settle } = pair();
    await expect(client.send(new Uint8Array(20_000))).rejects.toSatisfy((e) => reasonOf(e) === 'RequestEntityTooLarge');
    const seen = collect(server);
    await client.send('small');
    await settle();
    expect(seen).toEqual(['small']);
  });
  it('does not raise an unhandled rejection when nobody awaits what is sent', async () => {
    const raised: unknown[] = [];
    const onRejection = (reason: unknown): void => void raised.push(reason);
    process.on('unhandledRejection', onRejection);
    const { client, settle } = pair(1);
    for (const i of numbers(5)) void client.send(i);
    client.close(new ApiError('Gone', 'x').status);
    void client.send(6);
    await settle();
    await settle();
    process.off('unhandledRejection', onRejection);
    expect(raised).toEqual([]);
  });
});
