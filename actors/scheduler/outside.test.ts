import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { Event } from '../../schemas/generated/events-v1.ts';
import type { Component } from '../runtime/component.ts';
import { newEvents, nodes, pods } from '../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../runtime/testing/world.ts';
import { startScheduler } from './actor.ts';
import type { Adviser } from './outside/adviser.ts';
import { rejection } from './plugins/plugin.ts';
import { defaultProfile } from './plugins/profile.ts';
import { noBus } from './testing/no-bus.ts';
import { aNode, aPod } from './testing/objects.ts';

let world: TestWorld;
let api: FakeApi;
let scheduler: Component | undefined;
beforeEach(() => {
  world = testWorld();
  api = fakeApi(world);
});
afterEach(async () => {
  const stopping = scheduler?.stop();
  await world.settle();
  await stopping;
  scheduler = undefined;
});
/** Two profiles: of `advised` the adviser has a say, of `plain` nobody. */
async function start(o: Partial<Adviser>, names = ['a', 'b']): Promise<void> {
  const adviser: Adviser = { name: 'Mine', isIgnorable: false, isInterested: () => true, ...o };
  for (const name of names) await api.client().create(nodes, aNode(name));
  scheduler = startScheduler({
    world,
    bus: noBus,
    id: '1',
    client: api.client('scheduler'),
    settings: {
      profiles: ['plain', 'advised'].map((schedulerName) => ({ schedulerName, profile: defaultProfile, percentageOfNodesToScore: 0 })), // prettier-ignore
      outside: () => ({ advisers: (name) => (name === 'advised' ? [adviser] : []), stop: () => undefined }),
    },
  });
  await scheduler.ready;
}
const create = (name: string, schedulerName = 'advised', spec: object = {}): Promise<Pod> =>
  api.client().create(pods, aPod(name, { requests: { cpu: '1' }, spec: { schedulerName, ...spec } }));
const podOf = (name: string): Pod | undefined => api.object<Pod>(pods, `default/${name}`);
const nodeOf = (name: string): string | undefined => podOf(name)?.spec?.nodeName;
const notesOf = (name: string): string[] =>
  api.objects<Event>(newEvents).flatMap((e) => (e.regarding?.name === name && e.reason === 'FailedScheduling' ? [e.note ?? ''] : [])); // prettier-ignore

describe('a scheduler with several profiles', () => {
  it('places the pods of each as it is told, under its name, and leaves those of others alone', async () => {
    await start({
      filter: (_, all) =>
        Promise.resolve({
          feasible: all.filter((n) => n.name === 'b'),
          refused: new Map([['a', rejection('Mine', 'no')]]),
        }),
    });
    for (let i = 0; i < 3; i++) await create(`own-${i}`);
    for (let i = 0; i < 4; i++) await create(`plain-${i}`, 'plain');
    await create('foreign', 'default-scheduler');
    await world.until(() => api.objects<Pod>(pods).filter((p) => p.spec?.nodeName).length === 7);
    expect([0, 1, 2].map((i) => nodeOf(`own-${i}`))).toEqual(['b', 'b', 'b']);
    expect(nodeOf('foreign')).toBeUndefined();
    const said = api.objects<Event>(newEvents).map((e) => [e.regarding?.name, e.reportingController]);
    expect(said).toContainEqual(['own-0', 'advised']);
    expect(said).toContainEqual(['plain-0', 'plain']);
  });
  it('says who has failed, tries again later, and goes on with the others', async () => {
    let failures = 1;
    await start({ filter: (_, all) => (failures-- > 0 ? Promise.reject(new Error('running "Mine" filter plugin: oh')) : Promise.resolve({ feasible: all, refused: new Map() })) }); // prettier-ignore
    await create('first');
    await create('other', 'plain');
    await world.until(() => nodeOf('other') !== undefined && notesOf('first').length > 0);
    expect(notesOf('first')).toEqual(['running "Mine" filter plugin: oh']);
    expect(podOf('first')?.status?.conditions?.[0]).toMatchObject({ reason: 'SchedulerError', status: 'False' });
    await world.until(() => nodeOf('first') !== undefined, 5_000);
  });
  it('tries a pod again for what happened while others were asked', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<void>();
    let first = true;
    await start(
      {
        filter: async (_, all) => {
          if (first) {
            first = false;
            asked.resolve();
            await answer.promise;
            return { feasible: [], refused: new Map([['a', rejection('Mine', 'not a')]]) };
          }
          return { feasible: all, refused: new Map() };
        },
      },
      ['a'],
    );
    await create('p');
    await world.settle();
    await asked.promise;
    await api.client().create(nodes, aNode('b'));
    await world.settle();
    answer.resolve();
    await world.until(() => nodeOf('p') !== undefined, 5_000);
  });
  it('asks no more about a pod that is deleted', async () => {
    await start({ filter: (_, __, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) }); // prettier-ignore
    await create('p');
    await create('q', 'plain');
    await world.settle();
    expect(nodeOf('q')).toBeUndefined();
    await api.client().delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await world.until(() => nodeOf('q') !== undefined, 5_000);
    expect(notesOf('p')).toEqual([]);
  });
});

describe('between the choice of a node and the binding', () => {
  it('a pod waits for permission, is told where it is to go, and is bound with it', async () => {
    const permission = Promise.withResolvers<undefined>();
    const bound: string[] = [];
    await start({ permit: () => permission.promise, postBind: ({ name }, node) => bound.push(`${name} ${node}`) }, ['a']); // prettier-ignore
    await create('p');
    await create('q', 'plain');
    await world.until(() => nodeOf('q') === 'a' && podOf('p')?.status?.nominatedNodeName === 'a');
    expect(nodeOf('p')).toBeUndefined();
    permission.resolve(undefined);
    await world.until(() => nodeOf('p') === 'a');
    await world.settle();
    expect(bound).toEqual(['p a']);
  });
  it('a pod that is refused permission waits like one for which no node would do, and gives back what it had', async () => {
    const unreserved: string[] = [];
    await start({ reserve: () => Promise.resolve(), unreserve: ({ name }, node) => unreserved.push(`${name} ${node}`), permit: () => Promise.resolve('not yet') }, ['a']); // prettier-ignore
    await create('p', 'advised', { containers: [{ name: 'c', resources: { requests: { cpu: '4' } } }] });
    await world.until(() => notesOf('p').length > 0);
    expect(notesOf('p')).toEqual(['0/1 nodes are available: 1 not yet.']);
    expect(podOf('p')?.status).toMatchObject({ conditions: [{ reason: 'Unschedulable' }] });
    expect(podOf('p')?.status?.nominatedNodeName).toBeUndefined();
    expect(unreserved).toEqual(['p a']);
    await create('q', 'plain');
    await world.until(() => nodeOf('q') === 'a');
  });
  it('what fails there is told, and tried again', async () => {
    let failures = 1;
    await start({ preBind: () => (failures-- > 0 ? Promise.reject(new Error('running PreBind plugin "Mine": no disk')) : Promise.resolve()) }); // prettier-ignore
    await create('p');
    await world.until(() => nodeOf('p') !== undefined, 5_000);
    expect(notesOf('p')).toEqual(['running PreBind plugin "Mine": no disk']);
  });
  it('a node that vanishes meanwhile is not bound to: the pod goes elsewhere', async () => {
    let waits = true;
    await start(
      {
        permit: (_, __, signal) =>
          waits ? new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))) : Promise.resolve(undefined), // prettier-ignore
      },
      ['a'],
    );
    await create('p');
    await world.until(() => podOf('p')?.status?.nominatedNodeName === 'a');
    waits = false;
    await api.client().create(nodes, aNode('b'));
    await api.client().delete(nodes, 'a');
    await world.until(() => nodeOf('p') === 'b', 5_000);
    expect(notesOf('p')).toEqual(['nodeinfo not found for node name "a"']);
  });
  it('another may bind instead', async () => {
    const binder: string[] = [];
    await start({
      bind: async ({ name }, node) => {
        binder.push(name);
        await api.client().create(pods, { apiVersion: 'v1', kind: 'Binding', metadata: { name, namespace: 'default' }, target: { kind: 'Node', name: node } }, { subresource: 'binding', name, namespace: 'default' }); // prettier-ignore
        return true;
      },
    });
    await create('p');
    await world.until(() => nodeOf('p') !== undefined);
    expect(binder).toEqual(['p']);
    expect(api.calls.filter((c) => c.resource === 'pods/binding')).toHaveLength(1);
  });
});
