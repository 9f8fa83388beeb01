import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { Bus, Subscription } from '../bus.ts';
import { createCredentials, createNodeCredentials, type NodeProof } from '../credentials.ts';
import type { JoinRequest } from '../node-gate.ts';
import { AUTH_SUBJECT } from '../permissions.ts';
import { realWorld } from '../real-world.ts';
import * as subjects from '../subjects.ts';
import type { TimerId, World } from '../world.ts';
import { connectNats, natsConnectionOf } from './connect.ts';
import { createNodeAuthority, formatNodeAuthority, parseNodeAuthority, publicPartsOf } from './node-authority.ts';
import { createNodeGate } from './node-gate.ts';
import { natsServerConfig } from './server-config.ts';
import { selfSigned } from './testing/certificate.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

const world = realWorld({ level: 'silent' });
const TOKEN = 'abcdef.0123456789abcdef';

describe('the gate for nodes', () => {
  const authority = createNodeAuthority();
  const made = (['node-authenticator', 'apiserver'] as const).map((role) => createCredentials({ role }, { urls: [] }));
  let server: TestServer;
  let authenticator: Bus;
  let apiserver: Bus;
  const open: Bus[] = [];
  const keep = (bus: Bus): Bus => {
    open.push(bus);
    return bus;
  };
  beforeAll(async () => {
    server = await startTestServer(({ port }) =>
      natsServerConfig({ port, users: made.map(({ user }) => user), ...publicPartsOf(authority) }),
    );
    const [a, b] = made.map(({ credentials }) =>
      connectNats({ world, name: credentials.role, credentials: { ...credentials, urls: [server.url] } }),
    );
    authenticator = keep(await a!);
    apiserver = keep(await b!);
  });
  /** Of the test that runs; gone after it, whatever became of it. */
  let serving: Subscription | undefined;
  afterEach(() => serving?.unsubscribe());
  afterAll(async () => {
    await Promise.all(open.map((bus) => bus.drain()));
    await server.stop();
  });
  const gate = (credentialSeconds?: number) =>
    createNodeGate({ bus: authenticator, world, authority, servers: { urls: [server.url] }, credentialSeconds });
  const join = async (
    name: string,
    more: { token?: string; world?: World; connectTimeoutMs?: number } = {},
  ): Promise<Bus> => {
    const credentials = { ...createNodeCredentials(name, { urls: [server.url] }), token: more.token ?? TOKEN };
    const { connectTimeoutMs } = more;
    return keep(await connectNats({ world: more.world ?? world, name, credentials, connectTimeoutMs }));
  };
  const admitAll = (seen: JoinRequest[]) => (request: JoinRequest) => {
    seen.push(request);
    return Promise.resolve(undefined);
  };
  const isUnauthorized = (error: unknown): boolean => reasonOf(error) === 'Unauthorized';

  it('asks one of those who serve, sealed, and hands over who it is', async () => {
    const [one, two]: JoinRequest[][] = [[], []];
    serving = gate().serve(admitAll(one!));
    const other = gate().serve(admitAll(two!));
    const overheard: string[] = [];
    const spy = natsConnectionOf(authenticator).subscribe(AUTH_SUBJECT, {
      callback: (_, m) => {
        overheard.push(Buffer.from(m.data).toString('latin1'));
      },
    });
    await authenticator.flush();
    for (let i = 0; i < 6; i++) await join(`n${i}`);
    expect([...one!, ...two!].map((r) => [r.node, r.token, r.host]).sort()).toEqual(
      Array.from({ length: 6 }, (_, i) => [`n${i}`, TOKEN, '127.0.0.1']),
    );
    expect(overheard).toHaveLength(6);
    expect(overheard.filter((text) => text.includes('abcdef') || text.includes('eyJ'))).toEqual([]);
    spy.unsubscribe();
    other.unsubscribe();
  });
  it('hands over a certificate whose key was used for this connection, once', async () => {
    const seen: JoinRequest[] = [];
    serving = gate(3).serve(admitAll(seen));
    await authenticator.flush();
    const { certificate: issued, key: privateKey } = await selfSigned();
    const signs = (key: KeyObject) => ({ certificate: issued, sign: (text: string) => sign('sha256', Buffer.from(text), key) }); // prettier-ignore
    const connect = (certificate: NodeProof) => connectNats({ world, name: 'n', credentials: { ...createNodeCredentials('n', { urls: [server.url] }), certificate } }); // prettier-ignore
    const bus = keep(await connect(signs(privateKey)));
    expect(seen[0]!.shown).toEqual({ certificate: Buffer.from(issued) });
    // It comes again with its key alone.
    await vi.waitFor(() => expect(seen.length).toBeGreaterThan(1), 20_000);
    expect(seen[1]!.shown).toBeUndefined();
    await bus.drain();
    await (await connect(signs(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey))).drain();
    expect(seen.at(-1)!.shown).toEqual({ problem: 'it does not hold the key of the certificate that it showed' });
  });
  it('refuses for any reason, also when the decision fails', async () => {
    for (const decide of [() => Promise.resolve('no'), () => Promise.reject(new Error('x'))]) {
      serving = gate().serve(decide);
      await authenticator.flush();
      await expect(join('refused')).rejects.toSatisfy(isUnauthorized);
      serving.unsubscribe();
    }
  });
  it('lets nobody in while nobody is there to decide; those with credentials of their own come and go', async () => {
    const credentials = { ...made[1]!.credentials, urls: [server.url] };
    await (await connectNats({ world, name: 'apiserver', credentials })).drain();
    const outcome = join('early', { connectTimeoutMs: 600 });
    await expect(outcome).rejects.toSatisfy((error) => reasonOf(error) === 'ServiceUnavailable');
  });
  it('lets a node whose credential has ended in again by its key', async () => {
    const seen: JoinRequest[] = [];
    // Long enough to be used on a busy machine.
    serving = gate(3).serve(admitAll(seen));
    await authenticator.flush();
    const bus = await join('short');
    const changes: boolean[] = [];
    bus.onConnection((connected) => changes.push(connected));
    await vi.waitFor(() => expect(changes.slice(0, 2)).toEqual([false, true]), 20_000);
    expect(seen.map((r) => r.token).slice(0, 2)).toEqual([TOKEN, '']);
    expect(seen[0]!.key).toBe(seen[1]!.key);
    await bus.drain();
  });
  it('has a node renew its credential in time; what it serves is there again at once', async () => {
    const seen: JoinRequest[] = [];
    serving = gate().serve(admitAll(seen));
    await authenticator.flush();
    const later: { fn: () => void; ms: number }[] = [];
    const clock = {
      ...world.clock,
      now: () => world.clock.now(),
      setTimeout: (fn: () => void, ms: number) =>
        ms < 600_000
          ? world.clock.setTimeout(fn, ms)
          : (later.push({ fn, ms }), world.clock.setTimeout(() => undefined, 0)),
      clearTimeout: (id: TimerId) => world.clock.clearTimeout(id),
    };
    const bus = await join('renews', { world: { ...world, clock } });
    bus.serve(subjects.nodeAll('renews'), 'node', () => 'here');
    await bus.flush();
    expect(later[0]!.ms / 3_600_000).toBeGreaterThan(0.7);
    expect(later[0]!.ms / 3_600_000).toBeLessThan(0.95);
    later[0]!.fn();
    await vi.waitFor(() => expect(seen).toHaveLength(2), 20_000);
    await vi.waitFor(
      async () => expect(await apiserver.request(subjects.node('renews', 'logs'), 1)).toBe('here'),
      5_000,
    );
    expect(later).toHaveLength(2);
  });
  it('ends the connections that are not trusted, and no others', async () => {
    serving = gate().serve(() => Promise.resolve(undefined));
    await authenticator.flush();
    const [good, bad] = [await join('good'), await join('bad')];
    serving.unsubscribe();
    const lost: string[] = [];
    for (const [name, bus] of [
      ['good', good],
      ['bad', bad],
      ['apiserver', apiserver],
    ] as const)
      bus.onConnection((connected) => void (connected || lost.push(name)));
    const { signal } = new AbortController();
    const ended = await gate().endUntrusted((one) => Promise.resolve(one.node !== 'bad'), signal);
    expect(ended.map((one) => one.node)).toEqual(['bad']);
    await vi.waitFor(() => expect(lost).toEqual(['bad']), 20_000);
    await good.flush();
  });
  it('says when nobody can tell who is trusted, and ends no connection then', async () => {
    serving = gate().serve(() => Promise.resolve(undefined));
    await authenticator.flush();
    const bus = await join('unsure');
    const { signal } = new AbortController();
    const asked = gate().endUntrusted(() => Promise.reject(new Error('the API is away')), signal);
    await expect(asked).rejects.toThrow('the API is away');
    await bus.flush();
  });
});

describe('the keys of a node authority', () => {
  it('are read as they were written', () => {
    const authority = createNodeAuthority();
    expect(parseNodeAuthority(formatNodeAuthority(authority))).toEqual(authority);
  });
  it.each(['', 'null', '{}', '{"issuer":"SUAA","box":"x","system":"y"}'])('are refused when they read %s', (text) => {
    expect(() => parseNodeAuthority(text)).toThrow('not the keys of a node authority');
  });
});
