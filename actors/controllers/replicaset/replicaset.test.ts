import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { events, pods, replicaSets } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startReplicaSetController } from './actor.ts';
import { podsToDelete } from '../../runtime/replicas/rank.ts';
import {
  BURST,
  manageReplicas,
  nextAvailability,
  updateStatus,
  type Observed,
} from '../../runtime/replicas/reconcile.ts';

const NOW = Date.parse('2026-01-01T00:10:00Z');
const KIND = { gvr: replicaSets, countsTerminating: true };
const labels = { app: 'web' };
const replicaSet = (replicas: number, spec: object = {}): ReplicaSet => ({
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'web', namespace: 'd', uid: 'u', generation: 1 },
  spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels } }, ...spec },
});
let serial = 0;
const pod = (o: { name?: string; phase?: string; ready?: string | false; node?: string; annotations?: Record<string, string>; restarts?: number; created?: string } = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: o.name ?? `web-${++serial}`, namespace: 'd', uid: o.name ?? `p${serial}`, labels, annotations: o.annotations, creationTimestamp: o.created ?? '2026-01-01T00:00:00Z' },
    spec: { nodeName: o.node ?? 'n1', containers: [] },
    status: {
      phase: o.phase ?? 'Running',
      conditions: o.ready === false ? [] : [{ type: 'Ready', status: 'True', lastTransitionTime: o.ready ?? '2026-01-01T00:01:00Z' }],
      containerStatuses: [{ name: 'c', restartCount: o.restarts ?? 0, ready: true, image: '', imageID: '' }],
    },
  }) as Pod; // prettier-ignore
const observed = (set: ReplicaSet, active: Pod[]): Observed => ({
  owner: set,
  active,
  terminating: 0,
  related: () => 0,
});

describe('reconcile', () => {
  it('converges: applying the intents leaves nothing to do', () => {
    fc.assert(
      fc.property(fc.nat(1200), fc.nat(1200), (want, have) => {
        const set = replicaSet(want);
        let active = Array.from({ length: have }, () => pod());
        for (let i = 0; i < 5 && active.length !== want; i++) {
          const intents = manageReplicas(observed(set, active), NOW);
          expect(intents.length).toBeLessThanOrEqual(BURST);
          const gone = new Set(intents.map((x) => (x.op === 'delete' ? x.name : '')));
          const made = intents.filter((x) => x.op === 'create').map(() => pod());
          active = [...active.filter((p) => !gone.has(p.metadata.name!)), ...made];
        }
        expect(active).toHaveLength(want);
        expect(manageReplicas(observed(set, active), NOW)).toEqual([]);
        const [write] = updateStatus(KIND, observed(set, active), undefined, NOW);
        const next = write?.op === 'update' ? (write.object as ReplicaSet) : set;
        expect(next.status?.replicas).toBe(want);
        expect(updateStatus(KIND, observed(next, active), undefined, NOW)).toEqual([]);
      }),
      { numRuns: 30 },
    );
  });
  it('does nothing for a set that is being deleted', () => {
    const set = replicaSet(3);
    set.metadata.deletionTimestamp = '2026-01-01T00:00:00Z';
    expect(manageReplicas(observed(set, []), NOW)).toEqual([]);
  });
  it('counts a pod as available after minReadySeconds, and knows when to look again', () => {
    const set = replicaSet(1, { minReadySeconds: 30 });
    const at = observed(set, [pod({ ready: '2026-01-01T00:09:50Z' })]);
    const [write] = updateStatus(KIND, at, undefined, NOW);
    expect(write).toMatchObject({ object: { status: { readyReplicas: 1 } } });
    expect(write).not.toHaveProperty('object.status.availableReplicas');
    expect(nextAvailability(at, NOW)).toBe(20_000);
    const [later] = updateStatus(KIND, at, undefined, NOW + 20_000);
    expect(later).toMatchObject({ object: { status: { availableReplicas: 1 } } });
  });
  it('sets ReplicaFailure once and takes it back', () => {
    const set = replicaSet(1);
    const [write] = updateStatus(KIND, observed(set, []), 'quota', NOW);
    const failed = (write as { object: ReplicaSet }).object;
    expect(failed.status?.conditions).toMatchObject([{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'quota' }]); // prettier-ignore
    expect(updateStatus(KIND, observed(failed, []), 'quota, again', NOW + 1_000)).toEqual([]);
    const [recovered] = updateStatus(KIND, observed(failed, [pod()]), undefined, NOW);
    expect(recovered).not.toHaveProperty('object.status.conditions');
  });
});

describe('deletion order', () => {
  const old = '2026-01-01T00:00:00Z';
  const cases: [string, Pod, Pod][] = [
    ['unassigned before assigned', pod({ node: '' }), pod()],
    ['pending before running', pod({ phase: 'Pending', ready: false }), pod({ ready: false })],
    ['not ready before ready', pod({ ready: false }), pod()],
    ['cheap before dear', pod({ annotations: { 'controller.kubernetes.io/pod-deletion-cost': '-5' } }), pod()],
    ['crowded node before empty', pod({ node: 'crowded' }), pod()],
    ['ready for less long', pod({ ready: '2026-01-01T00:09:50Z' }), pod()],
    ['restarting before stable', pod({ ready: old, restarts: 3 }), pod({ ready: old })],
    ['younger before older', pod({ ready: old, created: '2026-01-01T00:09:50Z' }), pod({ ready: old })],
    ['a malformed cost counts as none', pod({ node: '', annotations: { 'controller.kubernetes.io/pod-deletion-cost': '1e3' } }), pod()], // prettier-ignore
  ];
  it.each(cases)('%s', (_name, first, second) => {
    const related = (node: string): number => (node === 'crowded' ? 5 : 1);
    expect(podsToDelete([second, first], 1, related, NOW)).toEqual([first]);
    expect(podsToDelete([first, second], 1, related, NOW)).toEqual([first]);
  });
});

describe('controller', () => {
  const make = (replicas: number): ReplicaSet => {
    const { metadata, ...rest } = replicaSet(replicas);
    return { ...rest, metadata: { name: metadata.name, namespace: 'd' } };
  };
  it('makes the pods, reports them, and replaces what is deleted', async () => {
    const { api, client, start, runPods, quiet, list } = testCluster();
    start(startReplicaSetController);
    runPods();
    await client.create(replicaSets, make(10));
    await quiet();
    expect(api.object<ReplicaSet>(replicaSets, 'd/web')?.status).toEqual({ replicas: 10, fullyLabeledReplicas: 10, readyReplicas: 10, availableReplicas: 10, terminatingReplicas: 0, observedGeneration: 1 }); // prettier-ignore
    const [victim] = list(pods);
    await client.delete(pods, victim!.metadata.name!, 'd');
    await quiet();
    expect(list(pods)).toHaveLength(10);
    await client.patch(replicaSets, 'web', 'd', 'merge', { spec: { replicas: 3 } });
    await quiet();
    expect(list(pods)).toHaveLength(3);
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'pods')).toHaveLength(11);
  });
  it('makes each pod once though its cache lags', async () => {
    const { api, client, world, start, quiet, list } = testCluster();
    start(startReplicaSetController);
    await quiet();
    await client.create(replicaSets, make(5));
    await world.settle();
    api.closeWatches();
    await client.patch(replicaSets, 'web', 'd', 'merge', { spec: { replicas: 7 } });
    await world.advance(3_000);
    expect(list(pods)).toHaveLength(7);
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'pods')).toHaveLength(7);
  });
  it('adopts orphans that match and releases what matches no more', async () => {
    const { client, start, quiet, list } = testCluster();
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace: 'd', labels } });
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other', namespace: 'e', labels } });
    start(startReplicaSetController);
    await client.create(replicaSets, make(2));
    await quiet();
    const all = list<Pod>(pods, 'd');
    expect(all).toHaveLength(2);
    expect(all.map((p) => p.metadata.ownerReferences?.[0]?.name)).toEqual(['web', 'web']);
    await client.patch(pods, 'orphan', 'd', 'merge', { metadata: { labels: { app: 'else' } } });
    await quiet();
    expect(list<Pod>(pods, 'd').filter((p) => p.metadata.ownerReferences?.length)).toHaveLength(2);
    expect(list<Pod>(pods, 'd')).toHaveLength(3);
    expect(list<Pod>(pods, 'e')[0]?.metadata.ownerReferences).toBeUndefined();
  });
  it('asks little of an API that refuses its pods, and says so', async () => {
    const { api, client, world, start, list } = testCluster();
    api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    start(startReplicaSetController);
    await client.create(replicaSets, make(400));
    await world.advance(1_000);
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'pods').length).toBeLessThan(12);
    expect(api.object<ReplicaSet>(replicaSets, 'd/web')?.status?.conditions).toMatchObject([{ reason: 'FailedCreate', message: 'exceeded quota' }]); // prettier-ignore
    expect(list(events)).toMatchObject([{ reason: 'FailedCreate', message: 'Error creating: exceeded quota', type: 'Warning' }]); // prettier-ignore
    api.intercept = undefined;
    await world.advance(20_000);
    expect(list(pods)).toHaveLength(400);
    expect(api.object<ReplicaSet>(replicaSets, 'd/web')?.status?.conditions).toBeUndefined();
  });
});
