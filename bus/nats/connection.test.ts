import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Bus } from '../bus.ts';
import { realWorld } from '../real-world.ts';
import { subscribeMany } from '../testing/collect.ts';
import { until } from '../testing/until.ts';
import { connectNats } from './connect.ts';
import { startTestServer } from './testing/server.ts';
import type { TestServer } from './testing/server.ts';

const world = realWorld({ level: 'silent' });
const isReason =
  (...reasons: string[]) =>
  (error: unknown): boolean =>
    reasons.includes(reasonOf(error) ?? '');

describe('a connection to nats-server', () => {
  let server: TestServer;
  let buses: Bus[];
  beforeAll(async () => {
    server = await startTestServer();
  });
  afterAll(() => server.stop());
  beforeEach(() => {
    buses = [];
  });
  afterEach(async () => {
    await Promise.all(buses.map((bus) => bus.drain()));
  });
  const connect = async (name: string, patienceMs = 3000): Promise<Bus> => {
    // As between two processes.
    const neighbours = undefined;
    const bus = await connectNats({ world, servers: server.url, name, patienceMs, drainGraceMs: 200, neighbours });
    buses.push(bus);
    return bus;
  };

  it('comes back after the server has died, with all it had subscribed', async () => {
    const [a, b] = await Promise.all([connect('a'), connect('b')]);
    const seen = subscribeMany(b, 't.x');
    const states: boolean[] = [];
    b.onConnection((connected) => states.push(connected));
    b.serve('s.x', 'q', (m) => m.body);
    b.serve('s.never', 'q', () => new Promise(() => undefined));
    b.serveSessions('s.session', 'q', () => undefined);
    await b.flush();
    const session = await a.open('s.session', null);
    const inFlight = a.request('s.never', 1).catch((e: unknown) => reasonOf(e));
    await server.kill();
    // Its outcome is unknown: that is not the same as "was not done".
    expect(await inFlight).toBe('Timeout');
    expect(await session.closed).toMatchObject({ reason: 'ServiceUnavailable' });
    await until(() => states.length === 1);
    await expect(a.flush()).rejects.toSatisfy(isReason('ServiceUnavailable'));
    a.publish('t.x', 'lost');
    const patient = a.request('s.x', 'patient').catch((e: unknown) => reasonOf(e));
    await server.start();
    await until(() => states.length === 2);
    expect(states).toEqual([false, true]);
    // It may be the first of the two to be back.
    expect(await patient).toBeOneOf(['patient', 'ServiceUnavailable']);
    await until(async () => (await a.request('s.x', 'again').catch(() => '')) === 'again');
    a.publish('t.x', 'found');
    await until(() => seen.length > 0);
    expect(seen.map((m) => m.body)).toEqual(['found']);
    await a.open('s.session', null);
  });
  it('fails requests soon while there is no server', async () => {
    const a = await connect('a', 100);
    await server.kill();
    await until(async () => (await a.flush().catch(() => 'lost')) === 'lost');
    const began = performance.now();
    await expect(a.request('s.x', 1)).rejects.toSatisfy(isReason('ServiceUnavailable'));
    await expect(a.open('s.x', 1)).rejects.toSatisfy(isReason('ServiceUnavailable'));
    expect(performance.now() - began).toBeLessThan(1500);
    const controller = new AbortController();
    const aborted = a.request('s.x', 1, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(aborted).rejects.toThrow('enough');
    await server.start();
  });
  it('closes sessions when the server stalls, and works on when it is back', async () => {
    const [a, b] = await Promise.all([connect('a'), connect('b')]);
    b.serveSessions('s.session', 'q', () => undefined);
    b.serve('s.x', 'q', (m) => m.body);
    await b.flush();
    const session = await a.open('s.session', null);
    server.pause();
    try {
      const began = performance.now();
      expect(await session.closed).toMatchObject({ reason: 'ServiceUnavailable' });
      expect(performance.now() - began).toBeLessThan(2000);
      await expect(a.request('s.x', 1, { timeoutMs: 50 })).rejects.toSatisfy(isReason('Timeout'));
    } finally {
      server.resume();
    }
    expect(await a.request('s.x', 2)).toBe(2);
  });
  it.each(['dead', 'stalled'])('drains in bounded time when the server is %s', async (how) => {
    const a = await connect('a');
    a.serve('s.x', 'q', () => new Promise(() => undefined));
    a.serveSessions('s.session', 'q', () => undefined);
    await a.open('s.session', null);
    void a.request('s.x', 1).catch(() => undefined);
    await a.flush();
    if (how === 'dead') await server.kill();
    else server.pause();
    const began = performance.now();
    await a.drain();
    expect(performance.now() - began).toBeLessThan(2000);
    if (how === 'dead') await server.start();
    else server.resume();
  });
  it('waits for a server that is not there yet, and says so when it does not come', async () => {
    await server.kill();
    const early = connect('early');
    await server.start();
    await (await early).flush();
    await expect(
      connectNats({ world, servers: 'nats://127.0.0.1:1', name: 'x', connectTimeoutMs: 200 }),
    ).rejects.toSatisfy(isReason('ServiceUnavailable'));
  });
});
