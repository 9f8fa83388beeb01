import { createWebSocketInspector, createWebSocketReceiver } from '@statelyai/inspect';
import { get } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { assign, createActor, fromPromise, setup } from 'xstate';
import { eventually } from '../testing/cluster.ts';
import type { ActorPage, MachineList, ServerMessage } from './protocol.ts';
import { valueFrom } from './stately-out.ts';
import { serveForTest, type Served } from './testing/serve.ts';

let s: Served;
let cookie: string;
const url = (path: string): string => `ws://127.0.0.1:${s.console.statelyPort}/stately/${path}`;
beforeAll(async () => {
  s = await serveForTest();
  cookie = await s.login();
});
afterAll(() => s.stop());
const json = async <T>(path: string): Promise<T> =>
  JSON.parse((await s.send('GET', path, { headers: { cookie } })).text) as T;

describe('frames out', () => {
  it('are what the receiver of @statelyai/inspect takes: actors, events, snapshots', async () => {
    const actor = s.component.start('web');
    s.component.start('db');
    const frames: Record<string, unknown>[] = [];
    const receiver = createWebSocketReceiver({ server: url(`out?text=web&token=${s.token}`) });
    receiver.subscribe((event) => void frames.push(event as unknown as Record<string, unknown>));
    const first = await eventually('the actor', () => frames.find((f) => f['type'] === '@xstate.actor'));
    expect(first).toMatchObject({
      name: 'web',
      sessionId: 'scheduler/s-1/web',
      rootId: 'scheduler/s-1/web',
      snapshot: { status: 'active', value: 'red', context: { name: 'web' } },
    });
    expect(first).toHaveProperty('_version');
    actor.send({ type: 'go', token: 'hush' });
    const change = await eventually('the change', () => frames.find((f) => f['type'] === '@xstate.snapshot'));
    expect(change).toMatchObject({
      snapshot: { value: { green: 'bright' } },
      event: { type: 'go', token: 'string(4)' },
    });
    expect(frames.map((f) => f['type'])).toEqual(['@xstate.actor', '@xstate.event', '@xstate.snapshot']);
    actor.send({ type: 'stop' });
    await eventually('the end', () => frames.find((f) => (f['snapshot'] as { status?: string })?.status === 'stopped'));
    expect(JSON.stringify(frames)).not.toContain('hush');
  });
  it.each([
    [['red'], 'red'],
    [['a.b.c'], { a: { b: 'c' } }],
    [['x.on', 'y.off.now'], { x: 'on', y: { off: 'now' } }],
  ] as const)('writes the states %j as %j', (paths, value) => expect(valueFrom(paths)).toEqual(value));
});

describe('frames in', () => {
  const machine = setup({
    types: {
      events: {} as { type: 'add'; n: number } | { type: 'end' },
      context: {} as { sum: number; secret: string },
    },
    actors: { load: fromPromise<number>(() => Promise.resolve(1)) },
    actions: { add: assign({ sum: ({ context, event }) => context.sum + (event as { n: number }).n }) },
  }).createMachine({
    id: 'cart',
    context: { sum: 0, secret: 'hush' },
    initial: 'loading',
    states: {
      loading: { invoke: { id: 'load', src: 'load', onDone: 'open' } },
      open: {
        initial: 'empty',
        states: { empty: { on: { add: { target: 'filled', actions: 'add' } } }, filled: {} },
        on: { end: 'paid' },
      },
      paid: { type: 'final' },
    },
  });
  it('show any XState program like the cluster itself: chart, states, steps', async () => {
    const { messages, close } = await s.stream(cookie);
    const inspector = createWebSocketInspector({ url: url(`in?token=${s.token}`) });
    const actor = createActor(machine, { inspect: inspector.inspect }).start();
    const info = await eventually('its chart', async () =>
      (await json<MachineList>('/api/machines')).machines.find((m) => m.id === 'program-1/cart'),
    );
    expect(info).toMatchObject({ source: 'external', root: { states: [{ path: 'loading', invokes: ['load'] }, { path: 'open' }, { path: 'paid', type: 'final' }] } }); // prettier-ignore
    const found = await eventually('it is open', async () =>
      (await json<ActorPage>('/api/actors?machine=program-1/cart&state=open')).actors.at(0),
    );
    expect(found).toMatchObject({ component: 'external', id: 'program-1', states: ['open.empty'] });
    const hello = messages[0] as Extract<ServerMessage, { type: 'hello' }>;
    const { component, id, actor: name } = found;
    const body = { stream: hello.stream, actors: [{ component, id, actor: name }] };
    await s.send('PUT', '/api/follow', { headers: { cookie }, body });
    actor.send({ type: 'add', n: 5 });
    const steps = await eventually('the step', () => messages.find((m) => m.type === 'steps'));
    expect(steps).toMatchObject({
      steps: [{ event: 'add', payload: { n: 5 }, from: ['open.empty'], to: ['open.filled'] }],
      context: { sum: 5, secret: 'string(4)' },
    });
    const refused = await s.send('POST', '/api/commands', { headers: { cookie }, body: { type: 'pause', target: { component, id, actor: name } } }); // prettier-ignore
    expect(refused.status).toBe(409);
    actor.send({ type: 'end' });
    await eventually('it is over', () => messages.find((m) => m.type === 'followed' && m.detail === undefined));
    expect(JSON.stringify(messages)).not.toContain('hush');
    inspector.stop();
    await eventually('the program is gone', async () =>
      (await json<MachineList>('/api/machines')).machines.every((m) => m.source === 'cluster') ? true : undefined,
    );
    close();
  });
  it('pass over what is no frame, and draw without states what is no chart', async () => {
    const socket = new WebSocket(url(`in?token=${s.token}`));
    await new Promise((resolve) => socket.once('open', resolve));
    const base = { sessionId: 'x:1', name: 'odd', snapshot: {}, createdAt: '1', id: null, _version: '1' };
    for (const text of ['', '{', 'null', '[]', '{"type":"@xstate.actor"}', JSON.stringify({ ...base, type: 'x' })])
      socket.send(text);
    socket.send(JSON.stringify({ ...base, type: '@xstate.actor', definition: '{"id":"odd","initial":"nowhere","states":{"a":{"on":{"x":"zz"}}}}' })); // prettier-ignore
    socket.send(JSON.stringify({ ...base, type: '@xstate.snapshot', snapshot: { value: 'a' }, event: { type: 'x' } }));
    const { machines } = await eventually('its chart', async () => {
      const list = await json<MachineList>('/api/machines');
      return list.machines.some((m) => m.id.endsWith('/odd')) ? list : undefined;
    });
    expect(machines.find((m) => m.id.endsWith('/odd'))?.root.states).toEqual([]);
    socket.terminate();
  });
});

describe('the endpoints', () => {
  it.each(['out', 'in', 'out?token=guess', 'in?token=', 'elsewhere?token=TOKEN'])('refuse %s', async (path) => {
    const socket = new WebSocket(url(path.replace('TOKEN', s.token)));
    const failure = await new Promise<Error>((resolve) => socket.once('error', resolve));
    expect(failure.message).toMatch(/40[14]/);
  });
  it('are on the HTTPS port too', async () => {
    const socket = new WebSocket(`wss://127.0.0.1:${s.console.port}/stately/in?token=${s.token}`, { ca: s.pki.ca });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    socket.terminate();
  });
  it('come with a page that hands frames to the hosted visualizer and lets nothing else in', async () => {
    const page = await new Promise<{ text: string; policy: string }>((resolve, reject) => {
      get(`http://127.0.0.1:${s.console.statelyPort}/?token=${s.token}`, (response) => {
        let text = '';
        response.on('data', (d: Buffer) => (text += d.toString()));
        response.on('end', () => resolve({ text, policy: String(response.headers['content-security-policy']) }));
      }).on('error', reject);
    });
    expect(page.text).toContain('src="https://stately.ai/inspect"');
    expect(page.policy).toMatch(/^default-src 'none'; frame-src https:\/\/stately\.ai; script-src 'sha256-/);
  });
});
