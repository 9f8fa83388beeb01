import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ApiError, reasonOf } from '../schemas/meta/status.ts';
import type { Bus, ServedMessage, Session } from './bus.ts';
import { realWorld } from './real-world.ts';
import type { Fixture } from './testing/fixture.ts';
import { until } from './testing/until.ts';
import { delay } from './world.ts';

const { clock } = realWorld({ level: 'silent' });

/** What sessions must do on every transport. */
export function sessionConformance(name: string, start: () => Promise<Fixture>): void {
  describe(`sessions on ${name}`, () => {
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
        expect(await Promise.all([...served, one, two].map((s) => s.closed))).toEqual([status, status, status, status]);
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
}
