import { describe, expect, it } from 'vitest';
import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import { nodes, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
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
  ).intents.map((x) => (x.op === 'patch' || x.op === 'delete' ? `${x.op} ${x.name}` : x.op));

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
    ['too many that are over: evicted first, then the oldest', [pod('new', { node: 'n1', phase: 'Succeeded', created: '2026-01-01T00:30:00Z' }), pod('old', { node: 'n1', phase: 'Failed' }), pod('evicted', { node: 'n1', phase: 'Failed', reason: 'Evicted', created: '2026-01-01T00:40:00Z' })], { threshold: 1 }, ['delete evicted', 'delete old']],
  ] as [string, Pod[], Parameters<typeof look>[1], string[]][])('%s', (_name, all, o, expected) => {
    expect(look(all, o)).toEqual(expected);
  }); // prettier-ignore
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
