import { createReadStream, existsSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type {
  ActorInfo,
  Command,
  ControlState,
  CountRow,
  FollowRequest,
  MachineInfo,
  ServerMessage,
  Step,
} from '../../protocol.ts';
import { FakeActor } from './fake-actor.ts';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
/** As the real server says it: what breaks under it must break here. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export interface FakeServer {
  readonly url: string;
  readonly actors: Map<string, FakeActor>;
  readonly session: { canControl: boolean };
  /** The actor handles one event, or keeps it while it is paused. */
  send(actor: string, event: string): void;
  /** Brings back one that was crashed. */
  restart(actor: string): void;
  /** Ends all streams: their pages have to come back. */
  breakStreams(): void;
  close(): Promise<void>;
}
/** Speaks protocol.ts without a cluster: `count` actors of each of these machines that walk at random, so many a second. */
export async function startFake(o: {
  readonly folder: string;
  readonly machines: readonly MachineInfo[];
  readonly count: number;
  readonly stepsPerSecond: number;
}): Promise<FakeServer> {
  const actors = new Map<string, FakeActor>();
  for (const machine of o.machines)
    for (let i = 0; i < o.count; i++) {
      const actor = new FakeActor(machine, `${machine.id}/default/web-${String(i).padStart(5, '0')}`);
      actors.set(actor.name, actor);
    }
  const all = [...actors.values()];
  const streams = new Map<string, { response: ServerResponse; followed: Set<string> }>();
  const session = { user: 'kubernetes-admin', canControl: true, cluster: 'fake' };
  const counts = new Map<string, CountRow>();
  const dirty = new Set<string>();
  const handled = new Map<string, { machine: string; state: string; event: string; count: number }>();
  const count = (actor: FakeActor, by: number): void => {
    for (const state of actor.states) {
      const key = `${actor.machine.id} ${state}`;
      const row = counts.get(key) ?? {
        component: 'kubelet',
        id: 'kubelet-1',
        machine: actor.machine.id,
        state,
        count: 0,
      };
      counts.set(key, { ...row, count: row.count + by });
      dirty.add(key);
    }
  };
  for (const actor of all) count(actor, 1);
  const tell = (message: ServerMessage): void => {
    for (const { response } of streams.values()) response.write(`data: ${JSON.stringify(message)}\n\n`);
  };
  const toFollowers = (actor: FakeActor, message: ServerMessage): void => {
    for (const { response, followed } of streams.values())
      if (followed.has(actor.name)) response.write(`data: ${JSON.stringify(message)}\n\n`);
  };
  const tellControl = (actor: FakeActor): void =>
    tell({
      type: 'control',
      actor: actor.address,
      machine: actor.machine.id,
      states: actor.states,
      control: actor.control,
    });
  const handle = (actor: FakeActor, work: () => Step[]): void => {
    const before = actor.control;
    count(actor, -1);
    const steps = work();
    count(actor, 1);
    for (const step of steps) {
      const key = `${actor.machine.id} ${step.from[0]} ${step.event}`;
      const row = handled.get(key) ?? {
        machine: actor.machine.id,
        state: step.from[0] ?? '',
        event: step.event,
        count: 0,
      };
      handled.set(key, { ...row, count: row.count + 1 });
    }
    if (steps.length > 0)
      toFollowers(actor, {
        type: 'steps',
        actor: actor.address,
        steps,
        context: actor.context,
        invoked: [],
        skipped: 0,
      });
    if (actor.control !== before) tellControl(actor);
  };
  const flow = setInterval(() => {
    const due = Math.round(o.stepsPerSecond / 4);
    for (let i = 0; i < due; i++) {
      const actor = all[Math.floor(Math.random() * all.length)]!;
      handle(actor, () => actor.walk());
    }
    if (dirty.size > 0) tell({ type: 'counts', whole: false, rows: [...dirty].map((key) => counts.get(key)!) });
    dirty.clear();
    if (handled.size > 0) tell({ type: 'handled', rows: [...handled.values()] });
    handled.clear();
    const row = (from: string, to: string, kind: string, n: number) => ({ from, to, kind, count: n, bytes: n * 900 });
    const rows = [
      row('kubelet', 'apiserver', 'api patch pods', due),
      row('apiserver', 'kubelet', 'answer', due),
      row('controller:replicaset', 'apiserver', 'api create pods', 3),
      row('controller:deployment', 'apiserver', 'api update deployments', 1),
      row('scheduler', 'apiserver', 'api create pods', 2),
      row('apiserver', 'scheduler', 'session', 4),
      row('apiserver', 'etcd', 'etcd put', due + 6),
      row('etcd', 'nats', 'log', due + 6),
      row('nats', 'apiserver', 'event pods', due + 6),
    ];
    tell({ type: 'flow', ms: 250, rows });
  }, 250);

  function list(query: URLSearchParams): unknown {
    const text = query.get('text')?.toLowerCase() ?? '';
    const state = query.get('state') ?? '';
    const found = all.filter(
      (a) =>
        (query.get('machine') ?? a.machine.id) === a.machine.id &&
        a.name.includes(text) &&
        (state === '' || a.states.some((s) => s === state || s.startsWith(`${state}.`))) &&
        (query.get('held') !== 'true' || a.control.mode !== 'running' || a.control.breakpoints.length > 0),
    );
    const from = Number(query.get('continue') ?? 0);
    const to = from + Math.min(500, Number(query.get('limit') ?? 100));
    return { actors: found.slice(from, to).map((a) => a.info), ...(to < found.length ? { continue: String(to) } : {}) };
  }
  function command(c: Command): { status: number; body: unknown } {
    const actor = actors.get(c.target.actor);
    if (actor === undefined) return refused(404, `there is no actor "${c.target.actor}"`);
    if (!session.canControl) return refused(403, `User "${session.user}" cannot control actors`);
    if (c.type === 'step' && actor.control.queuedCount === 0) return refused(409, `no event waits for "${actor.name}"`);
    handle(actor, () => actor.command(c));
    return { status: 200, body: { control: actor.control satisfies ControlState } };
  }
  const followedMessage = (actor: FakeActor): ServerMessage => ({
    type: 'followed',
    actor: actor.info satisfies ActorInfo,
    detail: { context: actor.context, invoked: [], steps: actor.steps },
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://fake');
    const json = (status: number, body?: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? undefined : JSON.stringify(body));
    };
    if (!url.pathname.startsWith('/api/')) {
      const file = join(o.folder, url.pathname === '/' ? 'index.html' : url.pathname);
      if (!existsSync(file)) return json(404, { message: 'not found' });
      response.writeHead(200, { 'content-type': TYPES[extname(file)]!, 'content-security-policy': POLICY });
      createReadStream(file).pipe(response);
      return;
    }
    let text = '';
    for await (const chunk of request) text += String(chunk);
    if (request.method !== 'GET' && request.headers['kubus-console'] !== '1')
      return json(403, { message: 'no header' });
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const signedIn = (request.headers.cookie ?? '').includes('fake=1');
    if (url.pathname === '/api/login') {
      const given = body as { code?: string; token?: string };
      if (given.code !== 'good' && given.token !== 'good') return json(401, { message: 'the token is not known here' });
      response.setHeader('set-cookie', 'fake=1; HttpOnly; SameSite=Strict; Path=/');
      return json(200, session);
    }
    if (!signedIn) return json(401, { message: 'sign in first' });
    switch (url.pathname) {
      case '/api/session':
        return json(200, session);
      case '/api/logout':
        response.setHeader('set-cookie', 'fake=; Max-Age=0; Path=/');
        return json(204);
      case '/api/machines':
        return json(200, { machines: o.machines });
      case '/api/actors':
        return json(200, list(url.searchParams));
      case '/api/commands': {
        const { status, body: said } = command(body as Command);
        return json(status, said);
      }
      case '/api/follow': {
        const { stream, actors: names } = body as FollowRequest;
        const known = streams.get(stream);
        if (known === undefined) return json(404, { message: 'no such stream' });
        known.followed = new Set(names.map((a) => a.actor));
        for (const actor of names.map((n) => actors.get(n.actor)))
          if (actor !== undefined) known.response.write(`data: ${JSON.stringify(followedMessage(actor))}\n\n`);
        return json(204);
      }
      case '/api/stream': {
        const stream = `s${Date.now()}-${streams.size}`;
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        streams.set(stream, { response, followed: new Set() });
        request.on('close', () => streams.delete(stream));
        response.write('retry: 200\n\n');
        const first: ServerMessage[] = [
          { type: 'hello', stream, now: Date.now(), session },
          {
            type: 'components',
            components: [
              { component: 'kubelet', id: 'kubelet-1', state: 'running', attached: true, role: 'workers' },
              { component: 'scheduler', id: 'scheduler-x7k2p', state: 'leading', attached: true, role: 'workers' },
            ],
          },
          { type: 'counts', whole: true, rows: [...counts.values()] },
        ];
        for (const message of first) response.write(`data: ${JSON.stringify(message)}\n\n`);
        return;
      }
      default:
        return json(404, { message: 'not found' });
    }
  }
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    actors,
    session,
    send(name, event) {
      const actor = actors.get(name)!;
      handle(actor, () => actor.send(event));
    },
    restart(name) {
      const actor = actors.get(name)!;
      handle(actor, () => actor.restart());
      toFollowers(actor, followedMessage(actor));
    },
    breakStreams() {
      for (const { response } of streams.values()) response.destroy();
    },
    close: () => {
      clearInterval(flow);
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
const refused = (status: number, message: string) => ({ status, body: { kind: 'Status', message } });
