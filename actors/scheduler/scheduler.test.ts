import { afterEach, describe, expect, it } from 'vitest';
import { noBus } from './testing/no-bus.ts';
import { fakeApi, type FakeApi } from '../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../runtime/testing/world.ts';
import { leases, newEvents, nodes, pods } from '../runtime/resources.ts';
import type { Lease } from '../../schemas/generated/coordination-v1.ts';
import type { Component } from '../runtime/component.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { Event } from '../../schemas/generated/events-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { startScheduler } from './actor.ts';
import { DEFAULT_SETTINGS } from './settings.ts';
import { aNode, aPod } from './testing/objects.ts';

let world: TestWorld;
let api: FakeApi;
let scheduler: Component | undefined;
function start(elects = false): void {
  scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler'), elects });
}
function setUp(): void {
  world = testWorld();
  api = fakeApi(world);
}
afterEach(async () => {
  const stopping = scheduler?.stop();
  await world.settle();
  await stopping;
  scheduler = undefined;
});
const nodeOf = (name: string): string | undefined => api.object<Pod>(pods, `default/${name}`)?.spec?.nodeName;
const conditionOf = (name: string) =>
  api.object<Pod>(pods, `default/${name}`)?.status?.conditions?.find((c) => c.type === 'PodScheduled');
const eventsOf = (name: string): Event[] => api.objects<Event>(newEvents).filter((e) => e.regarding?.name === name);

describe('a scheduler', () => {
  it('binds what fits and says so', async () => {
    setUp();
    const client = api.client();
    for (const name of ['a', 'b', 'c']) await client.create(nodes, aNode(name));
    for (let i = 0; i < 30; i++) await client.create(pods, aPod(`p${i}`, { requests: { cpu: '400m' } }));
    start();
    await scheduler!.ready;
    await world.until(() => api.objects<Pod>(pods).every((p) => p.spec?.nodeName));
    const perNode = Map.groupBy(api.objects<Pod>(pods), (p) => p.spec!.nodeName!);
    expect([...perNode.values()].map((list) => list.length)).toEqual([10, 10, 10]);
    expect(eventsOf('p0')[0]).toMatchObject({
      reason: 'Scheduled',
      type: 'Normal',
      action: 'Binding',
      note: `Successfully assigned default/p0 to ${nodeOf('p0')}`,
      reportingController: 'default-scheduler',
      reportingInstance: 'default-scheduler-1',
    });
  });
  it('places pods only as the holder of its lease, if it is to compete for one', async () => {
    setUp();
    const client = api.client();
    const now = new Date(world.clock.now()).toISOString().replace('Z', '000Z');
    await client.create<Lease>(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'kube-scheduler', namespace: 'kube-system' },
      spec: {
        holderIdentity: 'other',
        leaseDurationSeconds: 15,
        renewTime: now,
        acquireTime: now,
        leaseTransitions: 0,
      },
    });
    await client.create(nodes, aNode('a'));
    await client.create(pods, aPod('p'));
    start(true);
    await world.advance(1_000);
    expect([scheduler!.state(), nodeOf('p')]).toEqual(['standby', undefined]);
    await world.until(() => nodeOf('p') === 'a', 30_000);
    expect(scheduler!.state()).toBe('scheduling');
  });
  it('that is to fill its caches late asks for nothing before it leads, and places pods then', async () => {
    setUp();
    const client = api.client();
    const now = new Date(world.clock.now()).toISOString().replace('Z', '000Z');
    await client.create<Lease>(leases, {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'mine', namespace: 'there' },
      spec: {
        holderIdentity: 'other',
        leaseDurationSeconds: 15,
        renewTime: now,
        acquireTime: now,
        leaseTransitions: 0,
      },
    });
    await client.create(nodes, aNode('a'));
    await client.create(pods, aPod('p'));
    const settings = { ...DEFAULT_SETTINGS, delayCacheUntilActive: true, lease: { namespace: 'there', name: 'mine' } };
    const before = api.calls.length;
    scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler'), elects: true, settings });
    await world.until(() => scheduler!.state() === 'standby');
    await world.advance(500);
    expect(api.calls.slice(before).filter((c) => c.resource !== 'leases')).toEqual([]);
    await world.until(() => nodeOf('p') === 'a', 30_000);
    expect(scheduler.state()).toBe('scheduling');
  });
  it('explains why a pod waits, and binds it once a node comes that takes it', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('small', { allocatable: { cpu: '1' } }));
    await client.create(
      nodes,
      aNode('tainted', { spec: { taints: [{ key: 'k', value: 'v', effect: 'NoSchedule' }] } }),
    );
    start();
    await client.create(pods, aPod('big', { requests: { cpu: '2' } }));
    await world.until(() => conditionOf('big') !== undefined && eventsOf('big').length > 0);
    const message =
      '0/2 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.';
    expect(conditionOf('big')).toMatchObject({ status: 'False', reason: 'Unschedulable', message });
    expect(eventsOf('big')[0]).toMatchObject({ reason: 'FailedScheduling', type: 'Warning', note: message });
    await world.advance(60_000);
    const attempts = api.calls.filter((c) => c.resource === 'pods/status').length;
    expect(attempts).toBe(1);
    await client.create(nodes, aNode('large'));
    await world.until(() => nodeOf('big') === 'large', 2_000);
  });
  it('gives the room back when a binding fails, and tries again', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('one', { allocatable: { cpu: '1' } }));
    let failures = 2;
    api.intercept = (call) => {
      if (call.resource === 'pods/binding' && failures-- > 0) throw new ApiError('InternalError', 'a webhook failed');
    };
    start();
    await client.create(pods, aPod('p', { requests: { cpu: '1' } }));
    await world.until(() => nodeOf('p') === 'one', 10_000);
    expect(failures).toBe(-1);
  });
  it('stops at once though nobody answers a binding', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('one'));
    let asked = 0;
    api.intercept = (call) => {
      if (call.resource !== 'pods/binding') return;
      asked++;
      throw new ApiError('Timeout', 'the outcome is unknown');
    };
    start();
    await client.create(pods, aPod('p'));
    await world.until(() => asked === 2);
    const at = world.clock.now();
    const stopping = scheduler!.stop();
    await world.settle();
    await stopping;
    scheduler = undefined;
    expect([asked, world.clock.now()]).toEqual([2, at]);
  });
  it('evicts pods of lower priority for one that finds no room', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('one', { allocatable: { cpu: '2' } }));
    start();
    for (const name of ['low-1', 'low-2'])
      await client.create(pods, aPod(name, { requests: { cpu: '1' }, spec: { priority: 1 } }));
    await world.until(() => nodeOf('low-1') !== undefined && nodeOf('low-2') !== undefined);
    await client.create(pods, aPod('high', { requests: { cpu: '1' }, spec: { priority: 100 } }));
    await world.until(() => api.objects<Pod>(pods).some((p) => p.metadata.deletionTimestamp !== undefined), 5_000);
    const victim = api.objects<Pod>(pods).find((p) => p.metadata.deletionTimestamp !== undefined)!;
    expect(victim.status?.conditions?.find((c) => c.type === 'DisruptionTarget')?.reason).toBe('PreemptionByScheduler');
    await world.until(() => api.object<Pod>(pods, 'default/high')?.status?.nominatedNodeName === 'one', 5_000);
    expect(nodeOf('high')).toBeUndefined();
    await client.delete(pods, victim.metadata.name!, 'default', { gracePeriodSeconds: 0 });
    await world.until(() => nodeOf('high') === 'one', 15_000);
    expect(api.objects(pods)).toHaveLength(2);
  });
  it('leaves gated pods, foreign pods and pods that are being deleted alone', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('one'));
    await client.create(pods, aPod('gated', { spec: { schedulingGates: [{ name: 'wait' }] } }));
    await client.create(pods, aPod('foreign', { spec: { schedulerName: 'other' } }));
    start();
    await world.advance(20_000);
    expect(nodeOf('gated')).toBeUndefined();
    expect(nodeOf('foreign')).toBeUndefined();
    const gated = api.object<Pod>(pods, 'default/gated')!;
    await client.update(pods, { ...gated, spec: { ...gated.spec!, schedulingGates: [] } });
    await world.until(() => nodeOf('gated') === 'one', 1_000);
  });
  it('gives away what a pod asks for no more once it has let go of it', async () => {
    setUp();
    const client = api.client();
    await client.create(nodes, aNode('one', { allocatable: { cpu: '1' } }));
    start();
    await client.create(pods, aPod('shrinks', { requests: { cpu: '800m' } }));
    await world.until(() => nodeOf('shrinks') === 'one');
    const has = (cpu: string) => ({ status: { containerStatuses: [{ name: 'main', resources: { requests: { cpu } }, allocatedResources: { cpu } }] } }); // prettier-ignore
    const patch = (body: object, subresource?: string) => client.patch(pods, 'shrinks', 'default', 'merge', body, { ...(subresource && { subresource }) }); // prettier-ignore
    await patch(has('800m'), 'status');
    await client.create(pods, aPod('waits', { requests: { cpu: '500m' } }));
    await world.until(() => conditionOf('waits')?.status === 'False');
    await patch({ spec: { containers: [{ name: 'main', resources: { requests: { cpu: '300m' } } }] } });
    await world.advance(20_000);
    expect(nodeOf('waits')).toBeUndefined();
    await patch(has('300m'), 'status');
    await world.until(() => nodeOf('waits') === 'one', 15_000);
  });
});
