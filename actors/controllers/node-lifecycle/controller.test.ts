import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../schemas/generated/coordination-v1.ts';
import type { Event, Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { formatMicroTime, formatTime } from '../../../schemas/meta/time.ts';
import { isPodReady } from '../../runtime/pods.ts';
import { events, leases, nodes, pods } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startNodeLifecycleController } from './actor.ts';

describe('controller', () => {
  async function setUp(): Promise<
    TestCluster & {
      beat: (name: string) => void;
      stopBeat: (name: string) => void;
      post: (name: string, status: string) => Promise<unknown>;
    }
  > {
    const c = testCluster();
    c.start(startNodeLifecycleController);
    const beating = new Set<string>();
    const beat = (name: string): void => {
      beating.add(name);
      const renew = async (): Promise<void> => {
        if (!beating.has(name)) return;
        await c.client.patch(leases, name, 'kube-node-lease', 'merge', { spec: { renewTime: formatMicroTime(c.world.clock.now()) } }); // prettier-ignore
        c.world.clock.setTimeout(() => void renew(), 10_000);
      };
      void renew();
    };
    const post = (name: string, status: string): Promise<unknown> =>
      c.client.patch(nodes, name, undefined, 'strategic', { status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime: String(c.world.clock.now()) }] } }, { subresource: 'status' }); // prettier-ignore
    for (const name of ['n1', 'n2', 'n3']) {
      await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
      await c.client.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name, namespace: 'kube-node-lease' }, spec: {} }); // prettier-ignore
      await post(name, 'True');
      beat(name);
    }
    await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd' }, spec: { nodeName: 'n1', containers: [] }, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } }); // prettier-ignore
    await c.world.advance(120_000);
    return { ...c, beat, stopBeat: (name) => void beating.delete(name), post };
  }
  const keys = (c: TestCluster, name: string): string[] =>
    (c.api.object<Node>(nodes, name)!.spec?.taints ?? []).map((t) => `${t.key.split('/')[1]}:${t.effect}`);
  const pod = (c: TestCluster): Pod => c.api.object<Pod>(pods, 'd/p')!;
  const readyOf = (c: TestCluster, name: string) => c.api.object<Node>(nodes, name)!.status!.conditions!.find((x) => x.type === 'Ready')!; // prettier-ignore
  const told = (c: TestCluster, reason: string): (string | undefined)[] =>
    c.list<Event>(events).filter((e) => e.reason === reason).map((e) => e.message); // prettier-ignore

  it('taints a silent node when its grace is over, and its pods are no longer ready', async () => {
    const c = await setUp();
    expect(keys(c, 'n1')).toEqual([]);
    c.stopBeat('n1');
    await c.world.advance(39_000);
    expect(keys(c, 'n1')).toEqual([]);
    await c.world.advance(12_000);
    expect([readyOf(c, 'n1').status, readyOf(c, 'n1').reason]).toEqual(['Unknown', 'NodeStatusUnknown']);
    expect(keys(c, 'n1')).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute']);
    expect(isPodReady(pod(c))).toBe(false);
    expect(told(c, 'NodeNotReady')).toEqual(['Node is not ready', 'Node n1 status is now: NodeNotReady']);
    // A lease alone is not enough.
    c.beat('n1');
    await c.world.advance(60_000);
    expect(keys(c, 'n1')).toContain('unreachable:NoExecute');
  });
  it('frees a node that comes back', async () => {
    const c = await setUp();
    c.stopBeat('n1');
    await c.world.advance(55_000);
    expect(keys(c, 'n1')).toContain('unreachable:NoExecute');
    c.beat('n1');
    await c.post('n1', 'True');
    await c.world.advance(1_000);
    expect(keys(c, 'n1')).toEqual([]);
  });
  it('lets nodes of a zone go one by one', async () => {
    const c = await setUp();
    await c.post('n1', 'False');
    await c.post('n2', 'False');
    await c.world.settle();
    expect([keys(c, 'n1'), keys(c, 'n2')]).toEqual([['not-ready:NoSchedule', 'not-ready:NoExecute'], ['not-ready:NoSchedule']]); // prettier-ignore
    expect(isPodReady(pod(c))).toBe(true);
    await c.world.advance(10_100);
    expect(keys(c, 'n2')).toEqual(['not-ready:NoSchedule', 'not-ready:NoExecute']);
  });
  it('spares everybody when all nodes are silent, and gives all a full grace when one is back', async () => {
    const c = await setUp();
    for (const name of ['n1', 'n2']) c.stopBeat(name);
    await c.world.advance(20_000);
    c.stopBeat('n3');
    await c.world.advance(300_000);
    for (const name of ['n1', 'n2', 'n3']) expect(keys(c, name)).toEqual(['unreachable:NoSchedule']);
    c.beat('n3');
    await c.post('n3', 'True');
    await c.world.advance(9_000);
    expect(keys(c, 'n1')).toEqual(['unreachable:NoSchedule']);
    await c.world.advance(12_000);
    expect([...keys(c, 'n1'), ...keys(c, 'n2')].filter((key) => key === 'unreachable:NoExecute')).toHaveLength(2);
  });
  it('waits for a new node for a minute, longer while its lease is renewed, and again when its condition is gone', async () => {
    const c = await setUp();
    await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } });
    await c.client.create<Lease>(leases, { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'new', namespace: 'kube-node-lease' }, spec: {} }); // prettier-ignore
    c.beat('new');
    await c.world.advance(100_000);
    c.stopBeat('new');
    await c.world.advance(49_000);
    expect(c.api.object<Node>(nodes, 'new')!.status).toBeUndefined();
    await c.world.advance(12_000);
    expect(readyOf(c, 'new').reason).toBe('NodeStatusNeverUpdated');
    await c.post('n2', 'True');
    await c.client.patch(nodes, 'n2', undefined, 'merge', { status: { conditions: [] } }, { subresource: 'status' });
    c.stopBeat('n2');
    await c.world.advance(49_000);
    expect(c.api.object<Node>(nodes, 'n2')!.status!.conditions).toEqual([]);
    await c.world.advance(12_000);
    expect(readyOf(c, 'n2').status).toBe('Unknown');
  });
  it('tells of nodes that come and go, a successor only of the newest', async () => {
    const c = testCluster();
    const [first] = c.start(startNodeLifecycleController);
    await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'old' } });
    await c.world.advance(100_000);
    expect(told(c, 'RegisteredNode')).toEqual(['Node old event: Registered Node old in Controller']);
    first!.deactivate();
    await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'new' } });
    await c.world.advance(1_000);
    first!.activate();
    await c.world.advance(1_000);
    expect(told(c, 'RegisteredNode').toSorted()).toEqual(['new', 'old'].map((name) => `Node ${name} event: Registered Node ${name} in Controller`)); // prettier-ignore
    await c.client.delete(nodes, 'old');
    await c.world.advance(1_000);
    expect(told(c, 'RemovingNode')).toEqual(['Node old event: Removing Node old from Controller']);
  });
  it('believes a node that was heard of again before anybody led', async () => {
    const c = await setUp();
    const [standby] = c.start((deps) => startNodeLifecycleController({ ...deps, active: false }));
    c.api.intercept = ({ verb }) => {
      if (verb === 'update') throw new Error('nobody leads');
    };
    c.stopBeat('n1');
    await c.world.advance(55_000);
    expect(readyOf(c, 'n1').status).toBe('True');
    c.beat('n1');
    await c.world.settle();
    c.api.intercept = undefined;
    standby!.activate();
    await c.world.advance(30_000);
    expect([readyOf(c, 'n1').status, keys(c, 'n1')]).toEqual(['True', []]);
  });
  it('asks little of the API while nothing changes, whatever heartbeats say', async () => {
    const c = await setUp();
    const [before] = [c.api.calls.filter(({ caller }) => caller.startsWith('controller:')).length];
    await c.world.advance(600_000);
    expect(c.api.calls.filter(({ caller }) => caller.startsWith('controller:')).length - before).toBe(0);
  });
  it.each([1, 2, 3])('comes to rest after a bad day with %i', async (seed) => {
    const c = testCluster(seed);
    const controllers = c.start(startNodeLifecycleController);
    const at = (): string => formatTime(c.world.clock.now());
    const post = (name: string, status: string): Promise<unknown> => c.client.patch(nodes, name, undefined, 'strategic', { status: { conditions: [{ type: 'Ready', status, lastHeartbeatTime: at() }] } }, { subresource: 'status' }); // prettier-ignore
    for (const name of ['a', 'b', 'c', 'd']) await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } }); // prettier-ignore
    const turns = ['True', 'False', 'Unknown', 'True'].flatMap((status) => ['a', 'b', 'c'].map((name) => () => post(name, status))); // prettier-ignore
    await badDay(c, controllers, [...turns, () => post('d', 'False')]);
    for (const name of ['a', 'b', 'c', 'd']) expect([name, readyOf(c, name).status, keys(c, name)]).toEqual([name, 'Unknown', ['unreachable:NoSchedule']]); // prettier-ignore
    for (const name of ['a', 'b', 'c']) await post(name, 'True');
    await c.world.advance(11_000);
    for (const name of ['a', 'b', 'c']) expect(keys(c, name)).toEqual([]);
    expect(keys(c, 'd')).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute']);
  });
});
