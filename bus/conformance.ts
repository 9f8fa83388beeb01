import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, reasonOf, statusOf } from '../schemas/meta/status.ts';
import type { Bus, Message, ServedMessage, Session } from './bus.ts';
import { realWorld } from './real-world.ts';
import { subscribeMany } from './testing/collect.ts';
import { until } from './testing/until.ts';
import { delay } from './world.ts';

const { clock } = realWorld({ level: 'silent' });

/** One running bus to test. */
export interface Fixture {
  connect(name: string): Promise<Bus>;
  /** Ends the connection as the death of its process would. */
  kill(bus: Bus): Promise<void>;
  close(): Promise<void>;
}

/** What every transport must do: `bus/bus.ts`, sentence by sentence. */
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

    describe('sessions', () => {
      const opened = async (
        serve: (session: Session, message: ServedMessage) => unknown,
        options: { window?: number } = {},
      ): Promise<Session> => {
        b.serveSessions('s.session', 'q', (message, session) => void serve(session, message));
        await settled(b);
        return a.open('s.session', { hello: 1 }, options);
      };
      const drainFrames = async (session: Session): Promise<unknown[]> => {
        const seen: unknown[] = [];
        for await (const frame of session.frames()) seen.push(frame);
        return seen;
      };

      it('carry frames both ways in order and end with a Status', async () => {
        const session = await opened(async (s) => {
          for await (const frame of s.frames()) {
            await s.send({ echo: frame });
            if (frame === 499) s.close(new ApiError('Gone', 'over').status);
          }
        });
        const seen = drainFrames(session);
        for (let i = 0; i < 500; i++) await session.send(i);
        expect(await session.closed).toMatchObject({ reason: 'Gone' });
        expect(session.signal.aborted).toBe(true);
        expect(await seen).toEqual(Array.from({ length: 500 }, (_, i) => ({ echo: i })));
        await expect(session.send(1)).rejects.toSatisfy((e) => reasonOf(e) === 'Gone');
      });

      it('open with the request of the caller, and are refused with the error of the server', async () => {
        const requests: unknown[] = [];
        b.serveSessions('s.open', 'q', (message) => {
          requests.push(message.body, message.headers['Kubus-Cause']);
          if (message.body === 'no') throw new ApiError('Forbidden', 'not you');
        });
        b.serveSessions('s.slow', 'q', () => Promise.reject(new ApiError('Gone', 'too old')));
        await settled(b);
        await a.open('s.open', 'yes', { headers: { 'Kubus-Cause': 'c' } });
        await expect(a.open('s.open', 'no')).rejects.toSatisfy((e) => reasonOf(e) === 'Forbidden');
        await expect(a.open('s.slow', 'no')).rejects.toSatisfy((e) => reasonOf(e) === 'Gone');
        await expect(a.open('s.none', 'x')).rejects.toSatisfy((e) => reasonOf(e) === 'ServiceUnavailable');
        expect(requests).toEqual(['yes', 'c', 'no', undefined]);
      });
      it('share a subject with requests', async () => {
        b.serve('s.both.*', 'q', () => 'answer');
        b.serveSessions('s.both.watch', 'q', (_, session) => void session.send('frame'));
        b.serve('s.requests', 'q', () => 1);
        b.serveSessions('s.sessions', 'q', () => undefined);
        await settled(b);
        for (let i = 0; i < 10; i++) {
          expect(await a.request('s.both.watch', 1)).toBe('answer');
          const session = await a.open('s.both.watch', 1);
          for await (const frame of session.frames()) {
            expect(frame).toBe('frame');
            session.close();
          }
        }
        await expect(a.open('s.requests', 1)).rejects.toSatisfy((e) => reasonOf(e) === 'BadRequest');
        await expect(a.request('s.sessions', 1)).rejects.toSatisfy((e) => reasonOf(e) === 'BadRequest');
      });
      it('are open once the server that takes its time begins to use them', async () => {
        b.serveSessions('s.async', 'q', async (_, s) => {
          await b.flush();
          for await (const frame of s.frames()) await s.send(frame);
          throw new Error('nobody hears this');
        });
        await settled(b);
        const session = await a.open('s.async', null);
        await session.send('x');
        for await (const frame of session.frames()) {
          expect(frame).toBe('x');
          session.close();
        }
      });
      it('end at the server when the caller gives up while it is accepting', async () => {
        let accept: () => void = () => undefined;
        const given = new Promise<Session>((resolve) => {
          b.serveSessions('s.late', 'q', (_, session) => {
            resolve(session);
            return new Promise<void>((done) => (accept = done));
          });
        });
        await settled(b);
        const controller = new AbortController();
        const opening = a.open('s.late', null, { signal: controller.signal });
        const served = await given;
        controller.abort(new Error('enough'));
        await expect(opening).rejects.toThrow('enough');
        accept();
        await served.closed;
      });
      it('close with a reason or none, from either end, and end the other end', async () => {
        const gone = new ApiError('Expired', 'too old').status;
        for (const status of [undefined, gone]) {
          const served: Session[] = [];
          const serving = b.serveSessions('s.close', 'q', (_, s) => void served.push(s));
          await settled(b);
          const [one, two] = [await a.open('s.close', 1), await a.open('s.close', 2)];
          one.close(status);
          served[1]!.close(status);
          expect(await Promise.all([...served, one, two].map((s) => s.closed))).toEqual([
            status,
            status,
            status,
            status,
          ]);
          serving.unsubscribe();
        }
      });
      it('hold the server to what the reader takes, and let it see how far behind the reader is', async () => {
        let sent = 0;
        let served: Session | undefined;
        const session = await opened(
          async (s) => {
            served = s;
            for (let i = 0; i < 100; i++) {
              await s.send(i);
              sent++;
            }
          },
          { window: 10 },
        );
        await until(() => sent === 10);
        await a.flush();
        expect([sent, served!.unacknowledged]).toEqual([10, 11]);
        const reader = session.frames()[Symbol.asyncIterator]();
        for (let i = 0; i < 50; i++) expect((await reader.next()).value).toBe(i);
        await until(() => sent >= 55);
        expect(sent).toBeLessThanOrEqual(60);
        for (let i = 50; i < 100; i++) expect((await reader.next()).value).toBe(i);
        const end = reader.next();
        await until(() => served!.unacknowledged === 0);
        session.close();
        expect((await end).done).toBe(true);
      });
      it('run side by side without mixing, also to oneself', async () => {
        b.serveSessions('s.many', 'q', async (message, s) => {
          for await (const frame of s.frames()) await s.send([message.body, frame]);
        });
        await settled(b);
        const talk = async (bus: Bus, name: number): Promise<void> => {
          const session = await bus.open('s.many', name);
          for (let i = 0; i < 20; i++) void session.send(i);
          let n = 0;
          for await (const frame of session.frames()) {
            expect(frame).toEqual([name, n]);
            if (++n === 20) session.close();
          }
        };
        await Promise.all(Array.from({ length: 60 }, (_, i) => talk(i % 3 === 0 ? b : a, i)));
      });
      it('carry frames of 3 MiB', async () => {
        const session = await opened(async (s) => {
          for await (const frame of s.frames()) await s.send(frame);
        });
        const frame = new Uint8Array(3 << 20).map((_, i) => i * 7);
        await session.send(frame);
        for await (const back of session.frames()) {
          expect(Buffer.compare(back as Uint8Array, frame)).toBe(0);
          session.close();
        }
      });
      it('end within about a second when the other end dies, at either end', async () => {
        const c = await fixture.connect('doomed');
        const served: Session[] = [];
        b.serveSessions('s.here', 'q', (_, s) => void served.push(s));
        c.serveSessions('s.there', 'q', () => undefined);
        await Promise.all([settled(b), settled(c)]);
        const mine = await a.open('s.there', 1);
        await c.open('s.here', 1);
        const quiet = await a.open('s.here', 2);
        const began = clock.now();
        await fixture.kill(c);
        expect(await Promise.all([mine.closed, served[0]!.closed])).toEqual([
          expect.objectContaining({ reason: 'ServiceUnavailable' }),
          expect.objectContaining({ reason: 'ServiceUnavailable' }),
        ]);
        expect(clock.now() - began).toBeLessThan(2000);
        expect(quiet.signal.aborted).toBe(false);
      });
      it('stay open while nothing is said', async () => {
        const session = await opened(() => undefined);
        await delay(clock, 2200);
        expect(session.signal.aborted).toBe(false);
      });
    });
  });
}
