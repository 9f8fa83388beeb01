import { describe, expect, it } from 'vitest';
import { encode } from '../../bus/codec.ts';
import type { ServedMessage, Session } from '../../bus/bus.ts';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import { simulate } from '../../bus/memory/simulation.ts';
import type { ApiReply, ApiRequestBody, WatchFrame } from '../../bus/protocol/api.ts';
import * as subjects from '../../bus/subjects.ts';
import type { KubeObject, WatchEvent } from '../../schemas/meta/object.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';
import { createApiClient, INITIAL_EVENTS_END } from './client.ts';
import { deployments, nodes, pods } from './resources.ts';

const pod = (name: string): KubeObject => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' } });
const stored = (name: string, revision: number) => ({ value: encode(pod(name)), revision });

function setUp(answer: (address: subjects.ApiAddress, body: ApiRequestBody) => ApiReply) {
  const simulation = simulate(1);
  const hub = createMemoryHub({ simulation });
  const server = hub.connect('apiserver', { world: simulation.world('s') });
  const asked: { address: subjects.ApiAddress; body: ApiRequestBody }[] = [];
  server.serve(subjects.apiOf('*'), 'api', (m: ServedMessage) => {
    const address = subjects.parseApi(m.subject);
    asked.push({ address, body: m.body as ApiRequestBody });
    return answer(address, m.body as ApiRequestBody);
  });
  const world = simulation.world('c');
  const client = createApiClient(hub.connect('scheduler', { world }), world, 'scheduler');
  const run = async <T>(work: Promise<T>): Promise<T> => {
    let settled = false;
    const finished = work.finally(() => (settled = true));
    finished.catch(() => undefined);
    await simulation.run(() => settled, 60_000);
    return finished;
  };
  return { simulation, hub, server, client, asked, run };
}

describe('client', () => {
  it('names caller, verb and resource in the subject', async () => {
    const { client, asked, run } = setUp(() => ({ stored: stored('p', 7) }));
    await run(client.get(pods, 'p', 'd'));
    await run(client.update({ ...deployments }, { ...pod('w') }, { subresource: 'status' }));
    await run(client.create(pods, pod('p'), { subresource: 'binding', name: 'p', namespace: 'd' }));
    await run(client.create(pods, pod('p')));
    await run(client.patch(nodes, 'n', undefined, 'merge', { spec: {} }, { fieldManager: 'me', force: true }));
    expect(asked.map(({ address: a }) => `${a.caller} ${a.verb} ${a.group}/${a.version}/${a.resource} ${a.namespace}/${a.name}`)).toEqual([
      'scheduler get /v1/pods d/p',
      'scheduler update apps/v1/deployments/status d/w',
      'scheduler create /v1/pods/binding d/p',
      'scheduler create /v1/pods d/',
      'scheduler patch /v1/nodes /n',
    ]); // prettier-ignore
    expect(asked[4]!.body).toEqual({ object: { spec: {} }, patchType: 'merge', query: { fieldManager: 'me', force: 'true' } }); // prettier-ignore
  });
  it('puts the revision where the API has it', async () => {
    const { client, run } = setUp((a) =>
      a.verb === 'list'
        ? { list: [stored('a', 3), stored('b', 5)], apiVersion: 'v1', kind: 'PodList', revision: 9, continue: 'c', remaining: 4 } // prettier-ignore
        : { stored: stored('p', 7) },
    );
    expect((await run(client.get(pods, 'p', 'd'))).metadata.resourceVersion).toBe('7');
    const list = await run(client.list(pods, { labelSelector: 'a=b', limit: 2 }));
    expect(list.metadata).toEqual({ resourceVersion: '9', continue: 'c', remainingItemCount: 4 });
    expect(list.items.map((p) => p.metadata.resourceVersion)).toEqual(['3', '5']);
  });
  it('sends what deletes and fences need', async () => {
    const { client, asked, run } = setUp(() => ({ object: {} }));
    const fence = { lease: 'a/b', holder: 'me', transitions: 2 };
    await run(client.delete(pods, 'p', 'd', { gracePeriodSeconds: 0, propagationPolicy: 'Orphan', preconditions: { uid: 'u' }, fence })); // prettier-ignore
    expect(asked[0]!.body).toEqual({ object: { kind: 'DeleteOptions', apiVersion: 'v1', gracePeriodSeconds: 0, propagationPolicy: 'Orphan', preconditions: { uid: 'u' } }, fence }); // prettier-ignore
  });
  it('rejects with the Status that the server answered', async () => {
    const { client, run } = setUp(() => {
      throw new ApiError('NotFound', 'pods "p" not found', { details: { name: 'p', kind: 'pods' } });
    });
    await expect(run(client.get(pods, 'p', 'd'))).rejects.toMatchObject({ status: { code: 404, details: { name: 'p' } } }); // prettier-ignore
  });
  it('says ServiceUnavailable when nobody serves', async () => {
    const simulation = simulate(1);
    const world = simulation.world('c');
    const client = createApiClient(createMemoryHub({ simulation }).connect('x', { world }), world, 'x');
    let reason: unknown;
    client.get(pods, 'p', 'd').catch((error: unknown) => (reason = reasonOf(error)));
    await simulation.run(() => reason !== undefined, 60_000);
    expect(reason).toBe('ServiceUnavailable');
  });
});

describe('watch', () => {
  function watching(serve: (session: Session, body: ApiRequestBody) => Promise<void>) {
    const set = setUp(() => ({ object: {} }));
    const address = { caller: 'scheduler', verb: 'watch', group: '', version: 'v1', resource: 'pods', namespace: '', name: '' }; // prettier-ignore
    set.server.serveSessions(subjects.api(address), 'api', (m, session) => {
      serve(session, m.body as ApiRequestBody).catch(() => undefined);
    });
    return set;
  }
  it('gives each frame as a batch, bookmarks too, and ends with the session', async () => {
    const frames: WatchFrame[] = [
      [{ type: 'ADDED', stored: stored('a', 3) }, { type: 'ADDED', stored: stored('b', 4) }],
      [{ type: 'BOOKMARK', revision: 6, initialEventsEnd: true }],
      [{ type: 'DELETED', stored: stored('a', 8) }],
    ]; // prettier-ignore
    let query: unknown;
    const { client, run } = watching(async (session, body) => {
      query = body.query;
      for (const frame of frames) await session.send(frame);
      session.close();
    });
    const batches: (readonly WatchEvent[])[] = [];
    let isOpen = false;
    await run((async () => {
      for await (const batch of client.watch(pods, { onOpen: () => (isOpen = true) })) batches.push(batch);
    })()); // prettier-ignore
    expect(isOpen).toBe(true);
    expect(query).toMatchObject({ sendInitialEvents: 'true', allowWatchBookmarks: 'true' });
    expect(batches.map((b) => b.map((e) => `${e.type} ${e.object.metadata.name ?? ''}@${e.object.metadata.resourceVersion}`))).toEqual([['ADDED a@3', 'ADDED b@4'], ['BOOKMARK @6'], ['DELETED a@8']]); // prettier-ignore
    expect(batches[1]![0]!.object.metadata.annotations).toEqual({ [INITIAL_EVENTS_END]: 'true' });
  });
  it('throws the Status that a session was closed with', async () => {
    const { client, run } = watching(async (session) => session.close(new ApiError('Expired', 'too old').status));
    const watch = async (): Promise<void> => {
      for await (const _ of client.watch(pods, { resourceVersion: '5' }));
    };
    await expect(run(watch())).rejects.toMatchObject({ status: { reason: 'Expired', code: 410 } });
  });
  it('closes its session when it is aborted', async () => {
    let closed = false;
    const { client, run, simulation } = watching(async (session) => {
      await session.send([]);
      await session.closed;
      closed = true;
    });
    const abort = new AbortController();
    const watch = async (): Promise<void> => {
      for await (const _ of client.watch(pods, { signal: abort.signal })) abort.abort(new Error('enough'));
    };
    await expect(run(watch())).rejects.toThrow('enough');
    await simulation.advance(100);
    expect(closed).toBe(true);
  });
});
