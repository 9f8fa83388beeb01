import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { nodes, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { createRegistry } from '../../runtime/metrics/registry.ts';
import { startPodGc } from './actor.ts';
import { QUARANTINE_MS, reconcile } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const pod = (name: string, o: { node?: string; phase?: string; deleted?: boolean; reason?: string; created?: string } = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: { name, namespace: 'd', uid: name, creationTimestamp: o.created ?? '2026-01-01T00:00:00Z', ...(o.deleted && { deletionTimestamp: '2026-01-01T00:59:00Z' }) },
  spec: { ...(o.node && { nodeName: o.node }), containers: [] },
  status: { phase: o.phase ?? 'Running', ...(o.reason && { reason: o.reason }) },
}) as Pod; // prettier-ignore
const node = (name: string, taints: object[] = [], ready = 'True'): Node =>
  ({ apiVersion: 'v1', kind: 'Node', metadata: { name }, spec: { taints }, status: { conditions: [{ type: 'Ready', status: ready }] } }) as Node; // prettier-ignore
const look = (all: Pod[], o: { nodes?: Node[]; missing?: Record<string, number>; threshold?: number } = {}): string[] =>
  reconcile(
    {
      pods: all,
      node: (name) => (o.nodes ?? [node('n1')]).find((n) => n.metadata.name === name),
      missingSince: new Map(Object.entries(o.missing ?? {})),
      ...(o.threshold !== undefined && { threshold: o.threshold }),
    },
    NOW,
  ).removals.flatMap(({ intents }) =>
    intents.map((x) => (x.op === 'patch' || x.op === 'delete' ? `${x.op} ${x.name}` : x.op)),
  );

describe('reconcile', () => {
  it.each([
    ['a running pod', [pod('p', { node: 'n1' })], {}, []],
    ['deleted before it had a node', [pod('p', { deleted: true, phase: 'Pending' })], {}, ['patch p', 'delete p']],
    ['deleted on its node: the kubelet removes it', [pod('p', { node: 'n1', deleted: true })], {}, []],
    ['on a node that has just gone', [pod('p', { node: 'x' })], { missing: { x: NOW - QUARANTINE_MS + 1 } }, []],
    ['on a node long gone', [pod('p', { node: 'x' })], { missing: { x: NOW - QUARANTINE_MS } }, ['patch p', 'delete p']],
    ['over, on a node long gone', [pod('p', { node: 'x', phase: 'Succeeded' })], { missing: { x: 0 } }, ['delete p']],
    ['deleted on a node out of service', [pod('p', { node: 'o', deleted: true })], { nodes: [node('o', [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }], 'Unknown')] }, ['patch p', 'delete p']],
    ['deleted on a node out of service that is ready', [pod('p', { node: 'o', deleted: true })], { nodes: [node('o', [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }])] }, []],
    ['deleted on a node out of service, over', [pod('p', { node: 'o', deleted: true, phase: 'Succeeded' })], { nodes: [node('o', [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoSchedule' }], 'False')] }, ['delete p']],
    ['not deleted on a node out of service', [pod('p', { node: 'o' })], { nodes: [node('o', [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }], 'Unknown')] }, []],
    ['as many that are over as may stay', [pod('a', { node: 'n1', phase: 'Failed' })], { threshold: 1 }, []],
    ['any number that are over, where no number is given', [pod('a', { node: 'n1', phase: 'Failed' })], { threshold: 0 }, []],
    ['of one age: by name', [pod('b', { node: 'n1', phase: 'Failed' }), pod('a', { node: 'n1', phase: 'Succeeded' })], { threshold: 1 }, ['delete a']],
    ['for two reasons: once', [pod('p', { node: 'x', phase: 'Failed' }), pod('q', { node: 'n1', phase: 'Failed' })], { missing: { x: 0 }, threshold: 1 }, ['delete p']],
    ['too many that are over: evicted first, then the oldest', [pod('new', { node: 'n1', phase: 'Succeeded', created: '2026-01-01T00:30:00Z' }), pod('old', { node: 'n1', phase: 'Failed' }), pod('evicted', { node: 'n1', phase: 'Failed', reason: 'Evicted', created: '2026-01-01T00:40:00Z' })], { threshold: 1 }, ['delete evicted', 'delete old']],
  ] as [string, Pod[], Parameters<typeof look>[1], string[]][])('%s', (_name, all, o, expected) => {
    expect(look(all, o)).toEqual(expected);
  }); // prettier-ignore
});

it('says why, of the pods of a lost node alone, and gives no grace', () => {
  const removalOf = (of: Pod, nodes: Node[] = []) => reconcile({ pods: [of], node: (name) => nodes.find((n) => n.metadata.name === name), missingSince: new Map([['x', 0]]) }, NOW).removals[0]!.intents; // prettier-ignore
  const [patch, gone] = removalOf({ ...pod('p', { node: 'x' }), metadata: { ...pod('p').metadata, generation: 2 } });
  expect(patch).toMatchObject({ subresource: 'status', patch: { metadata: { uid: 'p' }, status: { phase: 'Failed', observedGeneration: 2, conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'DeletionByPodGC', message: 'PodGC: node no longer exists', observedGeneration: 2 }] } } }); // prettier-ignore
  expect(gone).toMatchObject({ op: 'delete', uid: 'p', gracePeriodSeconds: 0 });
  expect(removalOf(pod('p', { deleted: true }))[0]).toMatchObject({ patch: { status: { phase: 'Failed' } } });
  expect(JSON.stringify(removalOf(pod('p', { deleted: true })))).not.toContain('conditions');
  expect(removalOf(pod('p', { node: 'x', phase: 'Succeeded' }))).toEqual([expect.objectContaining({ op: 'delete', gracePeriodSeconds: 0 })]); // prettier-ignore
});

it('removes the pods of a lost node after its quarantine, unless the API still has the node', async () => {
  const { client, api, world, start, list } = testCluster();
  start(startPodGc);
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  for (const name of ['a', 'b']) await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { nodeName: 'n1', containers: [] } }); // prettier-ignore
  await world.advance(30_000);
  await client.delete(nodes, 'n1');
  await world.advance(39_000);
  expect(list(pods)).toHaveLength(2);
  await world.advance(45_000);
  expect(list(pods)).toEqual([]);
  expect(api.calls).toContainEqual(expect.objectContaining({ verb: 'get', resource: 'nodes', name: 'n1' }));
  await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'c', namespace: 'd', finalizers: ['x/y'] }, spec: { containers: [] } }); // prettier-ignore
  await client.delete(pods, 'c', 'd');
  await client.patch(pods, 'c', 'd', 'merge', { metadata: { finalizers: null } });
  await world.settle();
  expect(list(pods)).toEqual([]);
});

async function lostNode(seed = 1) {
  const c = testCluster(seed);
  const controllers = c.start(startPodGc);
  for (const name of ['a', 'b', 'c']) await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'd' }, spec: { nodeName: 'n1', containers: [] } }); // prettier-ignore
  return { ...c, controllers };
}
it('does not let one pod that may not be removed keep the others', async () => {
  const c = await lostNode();
  c.api.intercept = ({ verb, resource, name }) => {
    if (verb === 'patch' && resource === 'pods/status' && name === 'a')
      throw new ApiError('Forbidden', 'a webhook says no');
  };
  await c.world.advance(85_000);
  expect(c.list(pods).map((p) => p.metadata.name)).toEqual(['a']);
  expect(c.world.complaints.length).toBeLessThan(5);
  c.api.intercept = undefined;
  await c.world.advance(21_000);
  expect(c.list(pods)).toEqual([]);
});
it('waits a whole quarantine again for a node of which only the API knows, and while the API says nothing', async () => {
  const c = await lostNode();
  const asked = (): number => c.api.calls.filter(({ verb, resource }) => verb === 'get' && resource === 'nodes').length;
  c.api.intercept = ({ verb, resource }) => {
    if (verb === 'get' && resource === 'nodes') throw new ApiError('ServiceUnavailable', 'not now');
    if (verb === 'watch') throw new Error('no watch');
  };
  await c.world.advance(85_000);
  expect([asked() > 0, c.list(pods).length]).toEqual([true, 3]);
  // The cache does not hear of it.
  c.api.closeWatches();
  await c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  c.api.intercept = ({ verb }) => {
    if (verb === 'watch') throw new Error('no watch');
  };
  await c.world.advance(20_100);
  const before = asked();
  await c.world.advance(79_000);
  expect([asked() - before, c.list(pods).length]).toEqual([2, 3]);
});
it.each([1, 2, 3])('comes to rest after a bad day with %i', async (seed) => {
  const c = await lostNode(seed);
  const add = (): Promise<unknown> =>
    c.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  await badDay(c, c.controllers, [add, () => c.client.delete(pods, 'a', 'd'), () => c.client.delete(nodes, 'n1')]);
  expect(c.list(pods)).toEqual([]);
});
it('counts what it removes, by reason', async () => {
  const c = testCluster();
  const registry = createRegistry();
  c.start((deps) => startPodGc({ ...deps, metrics: registry }));
  await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'u', namespace: 'd', finalizers: ['x/y'] }, spec: { containers: [] } }); // prettier-ignore
  await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'o', namespace: 'd' }, spec: { nodeName: 'gone', containers: [] } }); // prettier-ignore
  await c.client.delete(pods, 'u', 'd');
  await c.world.advance(1_000);
  c.api.intercept = ({ verb, name }) => {
    if (verb === 'patch' && name === 'o') throw new ApiError('Forbidden', 'no');
  };
  await c.world.advance(79_000);
  const lines = registry.families().flatMap((family) => family.lines.filter((line) => !/^#|_bucket/.test(line)));
  const of = (what: string, reason: string): number => Number(lines.find((line) => line.startsWith(`pod_gc_collector_${what}{namespace="d",reason="${reason}"}`))?.split(' ')[1]); // prettier-ignore
  expect(of('force_delete_pods_total', 'unscheduled')).toBeGreaterThan(0);
  expect(of('force_delete_pods_total', 'orphaned')).toBeGreaterThan(0);
  expect(of('force_delete_pod_errors_total', 'orphaned')).toBe(of('force_delete_pods_total', 'orphaned'));
});
