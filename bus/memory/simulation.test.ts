import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Bus, Session } from '../bus.ts';
import { announce, watchPresence } from '../presence.ts';
import { delay, type TimerId, type World } from '../world.ts';
import { createMemoryHub } from './bus.ts';
import { EventQueue } from './event-queue.ts';
import { seededRandom } from './random.ts';
import { simulate } from './simulation.ts';

/** A little world with all that could differ between two runs: chance, ids, timers, requests, sessions, a cut wire. */
async function history(seed: number): Promise<string> {
  const lines: string[] = [];
  const simulation = simulate(seed, { onLog: (record) => lines.push(JSON.stringify(record)) });
  const say = (...what: unknown[]): void => void lines.push(`${simulation.now()} ${JSON.stringify(what)}`);
  const hub = createMemoryHub({ simulation });
  const [server, other] = [hub.connect('server'), hub.connect('other')];
  for (const [name, bus] of [
    ['server', server],
    ['other', other],
  ] as const) {
    const world = simulation.world(name);
    bus.serve('work', 'q', async (m) => {
      await delay(world.clock, world.random() * 20);
      say(name, m.body);
      return world.ids.uuid();
    });
    bus.serveSessions('watch', 'q', (_, session) => {
      for (let i = 0; i < 20; i++) void session.send([name, i]);
    });
    announce(bus, world, { component: 'worker', id: name, state: () => 'up' });
  }
  const clients: Bus[] = ['a', 'b', 'c'].map((name) => hub.connect(name));
  watchPresence(clients[0]!, simulation.world('a'), (presence) => {
    say(presence);
  });
  let done = 0;
  for (const [n, bus] of clients.entries())
    void (async () => {
      const world = simulation.world(`client-${n}`);
      for (let i = 0; i < 10; i++) {
        say(n, await bus.request('work', [n, i, world.ids.suffix(5)]).catch(String));
        await delay(world.clock, world.random() * 5);
      }
      const session = await bus.open('watch', null, { window: 4 }).catch((e: unknown) => say(n, String(e)));
      if (session) {
        for await (const frame of session.frames()) {
          say(n, frame);
          if ((frame as [string, number])[1] === 15 && n > 0) session.close();
        }
        say(n, await session.closed);
      }
      done++;
    })();
  await simulation.advance(100);
  hub.setConnected('other', false);
  await simulation.advance(2000);
  hub.kill('server');
  await simulation.run(() => done === 3, 60_000);
  return lines.join('\n');
}

describe('simulation', () => {
  it('has the same history for the same seed, byte for byte, and another for another', async () => {
    const histories = await Promise.all([1, 1, 2].map(history));
    expect(histories[0]!.split('\n').length).toBeGreaterThan(50);
    expect(histories[1]).toBe(histories[0]);
    expect(histories[2]).not.toBe(histories[0]);
  });
  it.each([
    [1, 0, 500],
    [2, 0, 500],
    [3, 0, 500],
    // It was asked for already, and there: the next look is a beat away.
    [1, 600, 250],
  ])(
    'tells who had sessions with one that died (seed %i), late by %i ms before, within %i ms',
    async (seed, lateMs, withinMs) => {
      const simulation = simulate(seed);
      const { clock } = simulation.world('test');
      const hub = createMemoryHub({ simulation });
      const [server, client] = [hub.connect('server'), hub.connect('client')];
      server.serveSessions('watch', 'q', () => undefined);
      const opening = client.open('watch', null);
      await simulation.advance(1000 + 77 * seed);
      const session = await opening;
      hub.setDelay('server', lateMs);
      await simulation.advance(lateMs);
      hub.kill('server');
      const died = clock.now();
      let told: number | undefined;
      void session.closed.then(() => (told = clock.now() - died));
      await simulation.run(() => told !== undefined, 5_000);
      expect(told).toBeLessThanOrEqual(withinMs);
    },
  );
  it('lets no time pass but on its own clock', async () => {
    const simulation = simulate(1);
    const began = simulation.clock.now();
    let rang = 0;
    simulation.clock.setTimeout(() => rang++, 3_600_000);
    await simulation.advance(3_599_999);
    expect(rang).toBe(0);
    await simulation.advance(1);
    expect(rang).toBe(1);
    expect(simulation.clock.now() - began).toBe(3_600_000);
  });
  it('gives each world the same numbers whatever the others draw', () => {
    const [one, two] = [simulate(7), simulate(7)];
    for (let i = 0; i < 10; i++) one.world('x').random();
    one.world('y').ids.uuid();
    const [a, b] = [one.world('z'), two.world('z')];
    for (let i = 0; i < 20; i++) expect(a.random()).toBe(b.random());
    expect(a.ids.uuid()).toBe(b.ids.uuid());
    expect(a.ids.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  });
  it('says so when what is waited for does not happen', async () => {
    const simulation = simulate(1);
    await expect(simulation.run(() => false, 1000)).rejects.toThrow('nothing is left to happen');
    const forever = (): void => void simulation.clock.setTimeout(forever, 100);
    forever();
    await expect(simulation.run(() => false, 1000)).rejects.toThrow('not so after 1000 ms');
  });
  it('forgets timers that were cleared', async () => {
    const { clock, advance } = simulate(1);
    let rang = false;
    clock.clearTimeout(clock.setTimeout(() => (rang = true), 10));
    await advance(100);
    expect(rang).toBe(false);
  });
});

describe('a simulated process', () => {
  const rings = (): { readonly simulation: ReturnType<typeof simulate>; readonly rang: string[]; ring(name: string, ms: number, of: { readonly world: World }): TimerId } => {
    const simulation = simulate(1);
    const rang: string[] = [];
    return { simulation, rang, ring: (name, ms, { world }) => world.clock.setTimeout(() => rang.push(name), ms) };
  }; // prettier-ignore
  it('that is paused has everything happen to it at once when it goes on, in order', async () => {
    const { simulation, rang, ring } = rings();
    const [one, other] = [simulation.process('one'), simulation.process('other')];
    ring('late', 200, one);
    ring('early', 100, one);
    const cleared = ring('cleared', 150, one);
    ring('other', 150, other);
    one.pause();
    await simulation.advance(300);
    one.do(() => rang.push('told'));
    expect(rang).toEqual(['other']);
    one.world.clock.clearTimeout(cleared);
    one.resume();
    await simulation.advance(1);
    expect(rang).toEqual(['other', 'early', 'late', 'told']);
  });
  it('that has ended does nothing any more, also what was held', async () => {
    const { simulation, rang, ring } = rings();
    const one = simulation.process('one');
    ring('timer', 100, one);
    one.pause();
    one.do(() => rang.push('told'));
    one.end();
    one.resume();
    one.do(() => rang.push('told later'));
    one.world.clock.clearTimeout(ring('new timer', 10, one));
    await simulation.advance(1_000);
    expect(rang).toEqual([]);
  });
  it('has a clock that can be set, on which its timers do not depend', async () => {
    const { simulation, rang, ring } = rings();
    const one = simulation.process('one');
    const { clock } = one.world;
    const began = clock.now();
    ring('timer', 1_000, one);
    one.setClock(-600_000);
    expect(clock.now()).toBe(began - 600_000);
    await simulation.advance(1_000);
    expect([rang, clock.now(), simulation.clock.now()]).toEqual([['timer'], began - 599_000, began + 1_000]);
  });
});

it('between two connections messages are lost or late as the weather is, and stay in order', async () => {
  const simulation = simulate(1);
  let loses = false;
  let delayMicros = 50_000;
  const weather = { loses: () => loses, delayMicros: () => delayMicros };
  const hub = createMemoryHub({ simulation, weather });
  const [a, b] = [hub.connect('a'), hub.connect('b')];
  const heard: unknown[] = [];
  b.subscribe('x', ({ body }) => void heard.push(body));
  a.publish('x', 1);
  delayMicros = 0;
  a.publish('x', 2);
  loses = true;
  a.publish('x', 3);
  await simulation.advance(49);
  expect(heard).toEqual([]);
  await simulation.advance(10);
  expect(heard).toEqual([1, 2]);
});

describe('the event queue', () => {
  it('gives events in order of time, then of insertion', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.boolean())), (events) => {
        const queue = new EventQueue();
        const added = events.map(([at, cancelled], index) => {
          const event = queue.add(at, () => undefined);
          event.cancelled = cancelled;
          return { at, index, cancelled, event };
        });
        const expected = added.filter((e) => !e.cancelled).sort((a, b) => a.at - b.at || a.index - b.index);
        for (const { event } of expected) expect(queue.take()).toBe(event);
        expect(queue.take()).toBeUndefined();
      }),
    );
  });
});

describe('seeded randomness', () => {
  it('is spread over [0, 1) and differs from seed to seed', () => {
    const means = ['a', 'b', 1, 2, '1/x'].map((seed) => {
      const random = seededRandom(seed);
      const drawn = Array.from({ length: 5000 }, random);
      expect(Math.min(...drawn)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...drawn)).toBeLessThan(1);
      return drawn.reduce((a, b) => a + b) / drawn.length;
    });
    for (const mean of means) expect(Math.abs(mean - 0.5)).toBeLessThan(0.03);
    expect(new Set(means.slice(0, 4)).size).toBe(4);
  });
});

it.each([
  ['a watch, which can go on elsewhere', undefined, 3_000, true],
  ['what is patient', 10_000, 3_000, false],
  ['what is patient, once that is over', 5_000, 8_000, true],
  ['what would have others wait for ever', 1e9, 90_000, true],
])('a session with a process that is paused: %s (%s ms) after %s ms', async (_, silenceMs, pausedMs, ends) => {
  const simulation = simulate(1);
  const hub = createMemoryHub({ simulation });
  const paused = simulation.process('paused');
  const [client, server] = [hub.connect('client'), hub.connect('server', { process: paused, world: paused.world })];
  let served: Session | undefined;
  server.serveSessions('s', 'q', (_message, session) => void (served = session));
  const opening = client.open('s', null, { silenceMs });
  await simulation.run(() => served !== undefined, 1_000);
  await simulation.advance(300);
  const session = await opening;
  paused.pause();
  await simulation.advance(pausedMs);
  expect(session.signal.aborted).toBe(ends);
  paused.resume();
  await simulation.advance(2_000);
  expect(served!.signal.aborted).toBe(ends);
});
