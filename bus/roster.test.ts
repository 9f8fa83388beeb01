import { describe, expect, it } from 'vitest';
import { reasonOf } from '../schemas/meta/status.ts';
import type { Session } from './bus.ts';
import { encodeOnce } from './codec.ts';
import { createMemoryHub } from './memory/bus.ts';
import { simulate } from './memory/simulation.ts';

/** Client and server with a second session that keeps their connections beating, and a wire that can be told to lose. */
async function scene() {
  const simulation = simulate('roster');
  let loses: (subject: string) => boolean = () => false;
  let lost = 0;
  const hub = createMemoryHub({
    simulation,
    loses: ({ subject }) => {
      const yes = loses(subject);
      if (yes) lost++;
      return yes;
    },
  });
  const [client, server] = [hub.connect('client'), hub.connect('server')];
  const served: Session[] = [];
  server.serveSessions('watch', 'q', (_, session) => void served.push(session));
  const open = async (): Promise<Session> => {
    let session: Session | undefined;
    client.open('watch', null).then(
      (s) => (session = s),
      () => undefined,
    );
    await simulation.run(() => session !== undefined, 1000);
    return session!;
  };
  const other = await open();
  return {
    simulation,
    client,
    server,
    served,
    open,
    other,
    lose: (when: (subject: string) => boolean) => {
      loses = when;
    },
    lostCount: () => lost,
  };
}
const isFrame = (subject: string): boolean => /\.session\..*\.(client|server)$/.test(subject);

describe('ends of sessions that compare what they have', () => {
  it('notice that the last frame of a quiet session was lost', async () => {
    const { simulation, open, served, other, lose } = await scene();
    const session = await open();
    const seen: unknown[] = [];
    void (async () => {
      for await (const frame of session.frames()) seen.push(frame);
    })();
    await served[1]!.send('arrives');
    await simulation.advance(5000);
    lose(isFrame);
    await served[1]!.send('lost');
    await simulation.advance(10);
    lose(() => false);
    expect(session.signal.aborted).toBe(false);
    await simulation.run(() => session.signal.aborted && served[1]!.signal.aborted, 5000);
    expect([await session.closed, seen]).toEqual([
      expect.objectContaining({ reason: 'ServiceUnavailable' }),
      ['arrives'],
    ]);
    expect(other.signal.aborted).toBe(false);
  });
  it('notice that the other end has closed and its word was lost', async () => {
    const { simulation, open, served, other, lose } = await scene();
    const session = await open();
    lose(isFrame);
    served[1]!.close();
    await simulation.advance(10);
    lose(() => false);
    await simulation.run(() => session.signal.aborted, 9000);
    expect(await session.closed).toMatchObject({ reason: 'ServiceUnavailable' });
    expect(other.signal.aborted).toBe(false);
  });
  it('notice credit that was lost', async () => {
    const { simulation, open, served, lose } = await scene();
    const session = await open();
    const reader = session.frames()[Symbol.asyncIterator]();
    for (let i = 0; i < 3; i++) await served[1]!.send(i);
    await simulation.advance(10);
    lose((subject) => subject.endsWith('.server'));
    for (let i = 0; i < 3; i++) await reader.next();
    void reader.next();
    await simulation.advance(1000);
    lose(() => false);
    expect(served[1]!.unacknowledged).toBe(3);
    await simulation.run(() => served[1]!.unacknowledged === 0, 5000);
    expect(session.signal.aborted).toBe(false);
  });
  it('notice that the caller never learned that it was accepted', async () => {
    const { simulation, client, served, other, lose } = await scene();
    lose((subject) => subject.startsWith('_INBOX.client'));
    const outcome = client.open('watch', null, { timeoutMs: 100 }).catch((e: unknown) => reasonOf(e));
    await simulation.advance(1000);
    lose(() => false);
    expect(await outcome).toBe('Timeout');
    await simulation.run(() => served[1]!.signal.aborted, 9000);
    expect(other.signal.aborted).toBe(false);
  });
  it('leave sessions alone that are being opened for long', async () => {
    const { simulation, client, server } = await scene();
    let accept: () => void = () => undefined;
    server.serveSessions('slow', 'q', () => new Promise<void>((resolve) => (accept = resolve)));
    let session: Session | undefined;
    void client.open('slow', null).then((s) => (session = s));
    await simulation.advance(20_000);
    accept();
    await simulation.run(() => session !== undefined, 1000);
    await simulation.advance(20_000);
    expect(session!.signal.aborted).toBe(false);
  });
  it.each([null, 7, [], ['x'], ['a.b', 'x'], ['a.b', [['k']]], ['a.b', [['k', -1, 1.5]]], ['>.>', []]])(
    'take no notice of %j',
    async (body) => {
      const { simulation, client, other } = await scene();
      let subject = '';
      client.subscribe('kubus.v1.session.>', (m) => (subject = m.subject));
      await simulation.advance(5000);
      expect(subject).toMatch(/\.roster$/);
      client.publish(subject, encodeOnce(body));
      await simulation.advance(20_000);
      expect(other.signal.aborted).toBe(false);
    },
  );
});

describe('connections that beat', () => {
  it('end a session a second after the last beat, and not for a stall of their own', async () => {
    const { simulation, other, served, lose } = await scene();
    await simulation.advance(30_000);
    expect(other.signal.aborted).toBe(false);
    lose((subject) => subject.startsWith('kubus.v1.beat.client'));
    const began = simulation.clock.now();
    await simulation.run(() => served[0]!.signal.aborted, 5000);
    expect(simulation.clock.now() - began).toBeGreaterThanOrEqual(750);
    expect(simulation.clock.now() - began).toBeLessThanOrEqual(1000);
    await simulation.advance(10);
    expect(await other.closed).toMatchObject({ reason: 'ServiceUnavailable' });
  });
  it('stop when they have no sessions left', async () => {
    const { simulation, client, other } = await scene();
    let beats = 0;
    client.subscribe('kubus.v1.beat.>', () => beats++);
    await simulation.advance(10_000);
    expect(beats).toBeGreaterThan(75);
    other.close();
    await simulation.advance(300);
    beats = 0;
    await simulation.advance(10_000);
    expect(beats).toBe(0);
  });
});
