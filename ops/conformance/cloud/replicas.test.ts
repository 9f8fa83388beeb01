import { afterEach, expect, it } from 'vitest';
import { startCloudControllerManager } from '../../../actors/cloud/actor.ts';
import { fakeCloud, type FakeCloud } from '../../../actors/cloud/testing/fake-cloud.ts';
import type { Component } from '../../../actors/runtime/component.ts';
import { announce } from '../../../bus/presence.ts';
import { startSimulatedCluster, type SimulatedCluster } from '../../testing/simulated-cluster.ts';

let cluster: SimulatedCluster;
afterEach(() => cluster.stop());

/** Two replicas over one cloud; `hangs`: it never answers. */
async function twoReplicas(hangs = false): Promise<{ cloud: FakeCloud; leader: Component; heir: Component }> {
  cluster = await startSimulatedCluster(1, ['n1']);
  const { hub, simulation } = cluster;
  const cloud = fakeCloud();
  if (hangs) cloud.intercept = () => new Promise(() => undefined);
  const replicas = ['cloud-0', 'cloud-1'].map((id) => {
    const world = simulation.world(id);
    const bus = hub.connect(id, { world });
    const replica = startCloudControllerManager({ world, bus, id, clusterCidrs: ['10.244.0.0/16'], cloud: () => cloud });
    announce(bus, world, { component: replica.name, id, state: () => replica.state() });
    return replica;
  });
  await simulation.run(() => replicas.map((replica) => replica.state()).toSorted().join() === 'leading,standby', 60_000);
  const [leader, heir] = replicas.toSorted((a, b) => (a.state() < b.state() ? -1 : 1));
  return { cloud, leader: leader!, heir: heir! };
} // prettier-ignore

it('has one replica lead, and the other go on at once where it is lost', async () => {
  const { cloud, leader, heir } = await twoReplicas();
  const { simulation } = cluster;
  await simulation.run(() => cloud.table.size === 1, 10_000);
  expect([cloud.table.size, heir.state()]).toEqual([1, 'standby']);
  cloud.table.clear();
  cluster.loseNode(leader.id);
  const since = simulation.now();
  await simulation.run(() => heir.state() === 'leading', 60_000);
  // Microseconds.
  expect(simulation.now() - since).toBeLessThan(5_000_000);
  // It makes sure of what its predecessor was there for.
  await simulation.run(() => cloud.table.size === 1, 10_000);
  expect(cloud.table.size).toBe(1);
});
it('ends within seconds though the cloud hangs', async () => {
  const { cloud, leader } = await twoReplicas(true);
  const { simulation } = cluster;
  await simulation.run(() => cloud.calls.length > 0, 10_000);
  expect(cloud.calls).toContain('list ');
  const since = simulation.now();
  let isOver = false;
  void leader.stop().then(() => (isOver = true));
  await simulation.run(() => isOver, 60_000);
  expect(isOver).toBe(true);
  expect(simulation.now() - since).toBeLessThan(8_000_000);
});
