import { describe, expect, it } from 'vitest';
import { getShortestPaths } from 'xstate/graph';
import { createMemoryHub } from '../../bus/memory/bus.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { createInformer, createInformers } from './informer.ts';
import { configMaps, pods } from './resources.ts';
import { byNode, BY_NODE } from './store.ts';
import { fakeApi } from './testing/fake-api.ts';
import { testWorld } from './testing/world.ts';
import { watchMachine } from './watch-machine.ts';

const configMap = (name: string, data: Record<string, string> = {}): KubeObject =>
  ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'd' }, data }) as KubeObject;

function setUp() {
  const world = testWorld();
  const api = fakeApi(world);
  const news: string[] = [];
  const informer = createInformer<KubeObject>({ client: api.client(), world, gvr: configMaps });
  informer.on({
    add: (o) => news.push(`+${o.metadata.name}`),
    update: (o) => news.push(`~${o.metadata.name}`),
    delete: (o) => news.push(`-${o.metadata.name}`),
  });
  return { world, api, client: api.client(), informer, news };
}

describe('informer', () => {
  it('shows a list whole, then each change', async () => {
    const { world, client, informer, news } = setUp();
    await client.create(configMaps, configMap('a'));
    await informer.synced;
    await world.settle();
    expect(news).toEqual(['+a']);
    await client.create(configMaps, configMap('b'));
    await client.patch(configMaps, 'a', 'd', 'merge', { data: { k: 'v' } });
    await client.delete(configMaps, 'b', 'd');
    await world.settle();
    expect(news).toEqual(['+a', '+b', '~a', '-b']);
    expect(informer.state()).toBe('streaming.watching');
    expect(informer.get('d/a')).toMatchObject({ data: { k: 'v' } });
    expect(informer.revision).toBe(5);
  });

  it('resumes where it was after a lost session, within a second', async () => {
    const { world, api, client, informer, news } = setUp();
    await informer.synced;
    await client.create(configMaps, configMap('a'));
    await world.settle();
    api.closeWatches(new ApiError('ServiceUnavailable', 'going'));
    await world.settle();
    expect(informer.state()).toBe('backingOff');
    await client.create(configMaps, configMap('b'));
    await client.delete(configMaps, 'a', 'd');
    await world.advance(1_000);
    expect(news).toEqual(['+a', '+b', '-a']);
    expect(api.calls.filter((c) => c.verb === 'watch')).toHaveLength(2);
    expect(informer.state()).toBe('streaming.watching');
  });

  it('lists again on 410 and tells what it missed', async () => {
    const { world, api, client, informer, news } = setUp();
    await informer.synced;
    for (const name of ['stays', 'changes', 'goes']) await client.create(configMaps, configMap(name));
    await world.settle();
    api.closeWatches();
    await world.settle();
    await client.patch(configMaps, 'changes', 'd', 'merge', { data: { k: 'v' } });
    await client.delete(configMaps, 'goes', 'd');
    await client.create(configMaps, configMap('comes'));
    api.compact();
    news.length = 0;
    await world.advance(2_000);
    expect(news.sort()).toEqual(['+comes', '-goes', '~changes']);
    expect(informer.size).toBe(3);
  });

  it('does not run hot against a server that refuses every watch', async () => {
    const { world, api, informer } = setUp();
    await informer.synced;
    api.intercept = (call) => {
      if (call.verb === 'watch') throw new ApiError('Expired', 'too old');
    };
    api.closeWatches();
    await world.advance(60_000);
    expect(api.calls.filter((c) => c.verb === 'watch').length).toBeLessThan(25);
    api.intercept = undefined;
    await world.advance(10_000);
    expect(informer.state()).toBe('streaming.watching');
  });

  it('is back within a second where for long nobody was there, also if what it knew is too old by then', async () => {
    const { world, api, informer, news, client } = setUp();
    await informer.synced;
    const bus = createMemoryHub({ world }).connect('alone');
    const absence = await bus.request('kubus.v1.nobody', {}).catch((error: unknown) => error);
    api.intercept = (call) => {
      if (call.verb === 'watch') throw absence;
    };
    api.closeWatches();
    await world.advance(60_000);
    api.intercept = undefined;
    await client.create(configMaps, configMap('a'));
    api.compact();
    await world.advance(1_000);
    expect(news).toEqual(['+a']);
  });

  it('takes an object made anew under an old name as another object', async () => {
    const { world, api, client, informer, news } = setUp();
    await informer.synced;
    await client.create(configMaps, configMap('a'));
    await world.settle();
    api.closeWatches();
    await world.settle();
    await client.delete(configMaps, 'a', 'd');
    await client.create(configMaps, configMap('a'));
    api.compact();
    await world.advance(2_000);
    expect(news).toEqual(['+a', '-a', '+a']);
  });

  it('finds objects by index as they come, change and go', async () => {
    const world = testWorld();
    const api = fakeApi(world);
    const client = api.client();
    const informer = createInformers(client, world).for(pods);
    const on = (node: string) => [...informer.byIndex(BY_NODE, node)].map((o) => o.metadata.name);
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd' }, spec: { nodeName: 'n1' } } as KubeObject); // prettier-ignore
    await informer.synced;
    await world.settle();
    informer.addIndex(BY_NODE, byNode);
    expect(on('n1')).toEqual(['p']);
    await client.patch(pods, 'p', 'd', 'merge', { spec: { nodeName: 'n2' } });
    await world.settle();
    expect([on('n1'), on('n2')]).toEqual([[], ['p']]);
    await client.delete(pods, 'p', 'd', { gracePeriodSeconds: 0 });
    await world.settle();
    expect(on('n2')).toEqual([]);
  });

  it('is one informer for all who ask for the same selection', () => {
    const world = testWorld();
    const api = fakeApi(world);
    const informers = createInformers(api.client(), world);
    expect(informers.for(pods)).toBe(informers.for(pods, {}));
    expect(informers.for(pods)).not.toBe(informers.for(pods, { namespace: 'd' }));
    informers.stop();
  });

  it('keeps no watch and no timer after it was stopped', async () => {
    const { world, api, informer } = setUp();
    await informer.synced;
    informer.stop();
    await world.settle();
    expect(api.openWatches).toBe(0);
    expect(informer.state()).toBe('stopped');
    expect(world.timers).toBe(0);
  });
});

it('walks every state of a watch', () => {
  const events = [
    { type: 'session.opened', resumed: false },
    { type: 'session.opened', resumed: true },
    { type: 'initialEvents.ended' },
    { type: 'stop' },
    { type: 'xstate.done.actor.stream' },
    { type: 'xstate.error.actor.stream', error: new ApiError('Expired', '') },
    { type: 'xstate.after.backoff.watch.backingOff' },
  ] as never[];
  const paths = getShortestPaths(watchMachine, { events, serializeState: (s) => JSON.stringify(s.value), limit: 200 });
  expect(new Set(paths.map((p) => JSON.stringify(p.state.value)))).toEqual(
    new Set(
      ['connecting', 'listing', 'watching']
        .map((s) => JSON.stringify({ streaming: s }))
        .concat('"backingOff"', '"stopped"'),
    ),
  );
});
