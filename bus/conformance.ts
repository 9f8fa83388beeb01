import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, reasonOf, statusOf } from '../schemas/meta/status.ts';
import type { Bus, Message } from './bus.ts';
import type { Fixture } from './testing/fixture.ts';
import { subscribeMany } from './testing/collect.ts';
import { until } from './testing/until.ts';

/** What every transport must do: `bus/bus.ts`, sentence by sentence. Sessions: `session-conformance.ts`. */
export function busConformance(name: string, start: () => Promise<Fixture>): void {
  describe(`bus on ${name}`, () => {
    let fixture: Fixture;
    let a: Bus, b: Bus;
    beforeEach(async () => {
      fixture = await start();
      [a, b] = await Promise.all([fixture.connect('client'), fixture.connect('server')]);
    });
    afterEach(async () => {
      await fixture.close();
    });
    /** Subscriptions of `bus` are in force once the server has answered. */
    const settled = (bus: Bus): Promise<void> => bus.flush();

    describe('publish and subscribe', () => {
      it('reaches every subscriber, in order, with body, bytes and headers', async () => {
        const seen: Message[] = [];
        b.subscribe('t.one', (m) => seen.push(m));
        const other = subscribeMany(b, 't.*');
        await settled(b);
        for (let i = 0; i < 200; i++) a.publish('t.one', { i }, { 'Kubus-Test': `n${i}` });
        await until(() => seen.length === 200 && other.length === 200);
        expect(seen.map((m) => m.body)).toEqual(Array.from({ length: 200 }, (_, i) => ({ i })));
        expect(seen[7]!.headers['Kubus-Test']).toBe('n7');
        expect(seen[7]!.bytes).toBeInstanceOf(Uint8Array);
        expect(seen[7]!.subject).toBe('t.one');
      });
      it.each([
        ['a.*.c', ['a.b.c'], ['a.b', 'a.b.c.d', 'a.b.d']],
        ['a.>', ['a.b', 'a.b.c'], ['a', 'b.c']],
        ['a.b', ['a.b'], ['a.b.c', 'a']],
      ])('matches %s as NATS does', async (pattern, matching, others) => {
        const seen = subscribeMany(b, pattern);
        await settled(b);
        for (const subject of [...others, ...matching]) a.publish(subject, null);
        await a.flush();
        await b.flush();
        expect(seen.map((m) => m.subject)).toEqual(matching);
      });
      it('ends with unsubscribe', async () => {
        const seen: unknown[] = [];
        const subscription = b.subscribe('t.x', (m) => seen.push(m.body));
        await settled(b);
        a.publish('t.x', 1);
        await until(() => seen.length === 1);
        subscription.unsubscribe();
        a.publish('t.x', 2);
        await a.flush();
        await b.flush();
        expect(seen).toEqual([1]);
      });
      it('outlives a subscriber that throws', async () => {
        const seen: unknown[] = [];
        b.subscribe('t.x', (m) => {
          seen.push(m.body);
          throw new Error('mine');
        });
        await settled(b);
        a.publish('t.x', 1);
        a.publish('t.x', 2);
        await until(() => seen.length === 2);
      });
      it('flush comes after everything that was sent before it', async () => {
        const seen: unknown[] = [];
        b.subscribe('t.x', (m) => seen.push(m.body));
        await settled(b);
        for (let round = 1; round <= 50; round++) {
          a.publish('t.x', round);
          await a.flush();
          await b.flush();
          expect(seen.length).toBe(round);
        }
      });
    });

    describe('requests', () => {
      it('get what the handler returns, now or later', async () => {
        b.serve('s.now', 'q', (m) => ({ got: m.body, subject: m.subject }));
        b.serve('s.later', 'q', async (m) => {
          await b.flush();
          return [m.body];
        });
        b.serve('s.nothing', 'q', () => undefined);
        await settled(b);
        expect(await a.request('s.now', { x: 1 })).toEqual({ got: { x: 1 }, subject: 's.now' });
        expect(await a.request('s.later', 'y')).toEqual(['y']);
        expect(await a.request('s.nothing', undefined)).toBeUndefined();
      });
      it('find their own answers among many', async () => {
        b.serve('s.*', 'q', async (m) => {
          if ((m.body as number) % 3 === 0) await b.flush();
          return m.body;
        });
        await settled(b);
        const answers = await Promise.all(Array.from({ length: 300 }, (_, i) => a.request(`s.n${i}`, i)));
        expect(answers).toEqual(Array.from({ length: 300 }, (_, i) => i));
      });
      it('go to one member of a queue each, and to all in turn', async () => {
        const counts = new Map<string, number>();
        const c = await fixture.connect('third');
        for (const [who, bus] of [
          ['b', b],
          ['c', c],
        ] as const)
          // prettier-ignore
          bus.serve('s.q', 'q', () => {
            counts.set(who, (counts.get(who) ?? 0) + 1);
          });
        await Promise.all([settled(b), settled(c)]);
        for (let i = 0; i < 100; i++) await a.request('s.q', i);
        expect([...counts.keys()].sort()).toEqual(['b', 'c']);
        expect(counts.get('b')! + counts.get('c')!).toBe(100);
      });
      it('carry headers', async () => {
        b.serve('s.h', 'q', (m) => m.headers['Kubus-Cause']);
        await settled(b);
        expect(await a.request('s.h', 1, { headers: { 'Kubus-Cause': 'why' } })).toBe('why');
      });
      it('fail at once with ServiceUnavailable when nobody serves', async () => {
        await expect(a.request('s.none', 1)).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
      });
      it('fail with ServiceUnavailable once the server has stopped serving', async () => {
        const serving = b.serve('s.x', 'q', () => 1);
        await settled(b);
        expect(await a.request('s.x', 1)).toBe(1);
        serving.unsubscribe();
        await settled(b);
        await expect(a.request('s.x', 1)).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
      });
      it('fail with Timeout after their deadline, which the server learns', async () => {
        const told: unknown[] = [];
        b.serve('s.slow', 'q', async (m) => {
          await new Promise<void>((resolve) => {
            m.signal.addEventListener('abort', () => {
              told.push(reasonOf(m.signal.reason));
              resolve();
            });
          });
        });
        await settled(b);
        await expect(a.request('s.slow', 1, { timeoutMs: 50 })).rejects.toSatisfy((e) => reasonOf(e) === 'Timeout');
        await until(() => told.length === 1);
        expect(told).toEqual(['Timeout']);
      });
      it('reject with the reason of their signal, before and after they were sent', async () => {
        b.serve('s.slow', 'q', () => new Promise(() => undefined));
        await settled(b);
        const controller = new AbortController();
        const reason = new Error('enough');
        const request = a.request('s.slow', 1, { signal: controller.signal });
        controller.abort(reason);
        await expect(request).rejects.toBe(reason);
        await expect(a.request('s.slow', 1, { signal: controller.signal })).rejects.toBe(reason);
      });
      it('carry a thrown ApiError as the same Status', async () => {
        const thrown = new ApiError('Conflict', 'the object has been modified', {
          details: { name: 'x', kind: 'pods' },
        });
        b.serve('s.sync', 'q', () => {
          throw thrown;
        });
        b.serve('s.async', 'q', () => Promise.reject(thrown));
        await settled(b);
        for (const subject of ['s.sync', 's.async'])
          expect(statusOf(await a.request(subject, 1).catch((e: unknown) => e))).toEqual(thrown.status);
      });
      it('carry anything else thrown as InternalError', async () => {
        b.serve('s.bug', 'q', () => {
          throw new TypeError('x is not a function');
        });
        await settled(b);
        const status = statusOf(await a.request('s.bug', 1).catch((e: unknown) => e));
        expect(status).toMatchObject({ reason: 'InternalError', code: 500, message: 'x is not a function' });
      });
      it('carry bodies of 3 MiB both ways, and refuse what is larger than the bus', async () => {
        b.serve('s.big', 'q', (m) => m.body);
        b.serve('s.bigger', 'q', () => new Uint8Array(5 << 20));
        await settled(b);
        const body = new Uint8Array(3 << 20).map((_, i) => i * 31);
        expect(Buffer.compare(await a.request<Uint8Array>('s.big', body), body)).toBe(0);
        const tooLarge = (e: unknown): boolean => reasonOf(e) === 'RequestEntityTooLarge';
        await expect(a.request('s.big', new Uint8Array(5 << 20))).rejects.toSatisfy(tooLarge);
        await expect(a.request('s.bigger', 1)).rejects.toSatisfy(tooLarge);
      });
    });

    describe('drain', () => {
      it('finishes what is in flight, takes nothing new, ends sessions, is idempotent', async () => {
        let finish: (value: string) => void = () => undefined;
        const begun = new Promise<void>((begin) => {
          b.serve('s.work', 'q', (message) => {
            if (message.body !== 1) return 'still serving';
            begin();
            return new Promise((resolve) => (finish = resolve));
          });
        });
        b.serveSessions('s.session', 'q', () => undefined);
        await settled(b);
        const session = await a.open('s.session', null);
        const request = a.request('s.work', 1);
        await begun;
        const drained = b.drain();
        await until(
          async () => reasonOf(await a.request('s.work', 2).catch((e: unknown) => e)) === 'ServiceUnavailable',
        );
        finish('done');
        expect(await request).toBe('done');
        expect(await session.closed).toMatchObject({ reason: 'ServiceUnavailable' });
        await drained;
        await b.drain();
        await expect(b.request('s.work', 1)).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
      });
    });
  });
}
