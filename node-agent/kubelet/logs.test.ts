import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Bus, ServedMessage, Session } from '../../bus/bus.ts';
import type { LogRequest } from '../../bus/protocol/node.ts';
import { toStatus, type Status } from '../../schemas/meta/status.ts';
import { bench, type Bench } from './testing/kubelet.ts';

/** The server's end of a session that only remembers. */
function session(): Session & {
  readonly text: () => string;
  readonly end: () => Status | 'ended' | undefined;
  abort(): void;
} {
  // prettier-ignore
  const abort = new AbortController();
  let text = '';
  let end: Status | 'ended' | undefined;
  return {
    id: 's',
    signal: abort.signal,
    closed: new Promise(() => undefined),
    unacknowledged: 0,
    async *frames() {},
    send: async (frame) => void (text += new TextDecoder().decode(frame as Uint8Array)),
    close: (status) => void (end ??= status ?? 'ended'),
    text: () => text,
    end: () => end,
    abort: () => abort.abort(new Error('gone')),
  };
}
let b: Bench;
let accept: (message: ServedMessage, session: Session) => void;
const bus = {
  serve: () => ({ unsubscribe: () => undefined }),
  serveSessions: (subject: string, _queue: string, handler: typeof accept) => {
    if (subject === 'kubus.v1.node.n1.logs') accept = handler;
    return { unsubscribe: () => undefined };
  },
} as unknown as Bus;
beforeEach(async () => {
  b = await bench({}, bus);
});
afterEach(() => b.stop());
async function ask(name: string, o: Partial<LogRequest> = {}) {
  const s = session();
  const body: LogRequest = {
    namespace: 'default', name, uid: b.pod(name)?.metadata.uid ?? '', container: 'main',
    follow: false, previous: false, timestamps: false, ...o,
  }; // prettier-ignore
  try {
    accept({ body } as ServedMessage, s);
  } catch (error) {
    s.close(toStatus(error));
  }
  await b.world.settle();
  return s;
}
const running = (name: string) => () => b.pod(name)?.status?.phase === 'Running';

describe('logs', () => {
  const script = { logs: ['one', 'two', 'tick'], logEveryMs: 1_000 };
  it('are what the script says, in parts if asked', async () => {
    await b.run('p', {}, script);
    await b.world.until(running('p'));
    await b.world.advance(2_500);
    expect((await ask('p')).text()).toBe('one\ntwo\ntick\ntick\ntick\n');
    expect((await ask('p', { tailLines: 2 })).text()).toBe('tick\ntick\n');
    expect((await ask('p', { limitBytes: 5 })).text()).toBe('one\nt');
    expect((await ask('p', { sinceSeconds: 1 })).text()).toBe('tick\n');
    expect((await ask('p', { tailLines: 1, timestamps: true })).text()).toMatch(/^2026-01-01T00:00:02\.\d{9}Z tick\n$/);
  });
  it('can be followed to the end of the container', async () => {
    await b.run('p', { restartPolicy: 'Never' }, { ...script, exitAfterMs: 3_500 });
    await b.world.until(running('p'));
    const s = await ask('p', { follow: true, tailLines: 0 });
    expect(s.text()).toBe('');
    await b.world.advance(2_000);
    expect(s.text()).toBe('tick\ntick\n');
    expect(s.end()).toBeUndefined();
    await b.world.advance(2_000);
    expect([s.text(), s.end()]).toEqual(['tick\ntick\ntick\n', 'ended']);
    expect((await ask('p')).text()).toBe('one\ntwo\ntick\ntick\ntick\ntick\n');
  });
  it('of a command come at their time', async () => {
    const command = ['sh', '-c', 'echo on; sleep 1; while true; do echo tick; sleep 2; done'];
    await b.run('p', { containers: [{ name: 'main', image: 'busybox', command }] });
    await b.world.until(running('p'));
    expect((await ask('p')).text()).toBe('on\n');
    const s = await ask('p', { follow: true });
    await b.world.advance(4_500);
    expect(s.text()).toBe('on\ntick\ntick\n');
  });
  it('end when the reader goes', async () => {
    await b.run('p', {}, script);
    await b.world.until(running('p'));
    const s = await ask('p', { follow: true });
    s.abort();
    await b.world.settle();
    expect(s.end()).toBeDefined();
  });
  it('of the run before are kept once', async () => {
    await b.run('p', {}, { runs: [{ exitAfterMs: 100, exitCode: 1 }, {}], logs: ['hello'] });
    await b.world.until(() => b.pod('p')?.status?.containerStatuses?.[0]?.restartCount === 1);
    expect((await ask('p', { previous: true })).text()).toBe('hello\n');
    expect((await ask('p')).text()).toBe('hello\n');
  });
  it('that are not there are refused in the kubelet’s words', async () => {
    await b.run('p', {}, { pull: { error: 'no' } });
    await b.world.advance(500);
    expect((await ask('p')).end()).toMatchObject({
      code: 400,
      message: 'container "main" in pod "p" is waiting to start: trying and failing to pull image',
    });
    expect((await ask('p', { previous: true })).end()).toMatchObject({
      message: 'previous terminated container "main" in pod "p" not found',
    });
    expect((await ask('nobody')).end()).toMatchObject({ code: 404 });
  });
});
