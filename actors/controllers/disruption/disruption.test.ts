import { describe, expect, it } from 'vitest';
import type { ReplicaSet, StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../../schemas/generated/policy-v1.ts';
import { events, pods as podsResource, podDisruptionBudgets, replicaSets, statefulSets } from '../../runtime/resources.ts'; // prettier-ignore
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startReplicaSetController } from '../replicaset/actor.ts';
import { startDisruptionController } from './actor.ts';
import { failed, reconcile, staleInMs, undisrupted, unmanagedMessage } from './reconcile.ts';

const NOW = Date.parse('2026-01-01T01:00:00Z');
const ago = (seconds: number): string => new Date(NOW - seconds * 1000).toISOString().replace('.000', '');
const labels = { app: 'web' };
const make = (spec: PodDisruptionBudgetSpec, status: object = {}): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'pdb', namespace: 'd', generation: 2 },
  spec: { selector: { matchLabels: labels }, ...spec },
  status,
});
const pod = (name: string, o: { ready?: boolean; deleted?: boolean; conditions?: object[]; phase?: string } = {}): Pod =>
  ({
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name, namespace: 'd', labels, ...(o.deleted && { deletionTimestamp: ago(1) }) },
    status: { phase: o.phase ?? 'Running', conditions: o.conditions ?? (o.ready === false ? [] : [{ type: 'Ready', status: 'True' }]) },
  }) as unknown as Pod; // prettier-ignore
const three = [pod('a'), pod('b'), pod('c')];

describe('how many pods may go', () => {
  it.each<[string, PodDisruptionBudgetSpec, readonly Pod[], number, readonly [healthy: number, desired: number, expected: number, allowed: number]]>([
    ['a number stays', { minAvailable: 2 }, three, 0, [3, 2, 3, 1]],
    ['a part of those wanted stays, rounded up', { minAvailable: '50%' }, three, 3, [3, 2, 3, 1]],
    ['a number may be missing', { maxUnavailable: 1 }, three, 3, [3, 2, 3, 1]],
    ['a part may be missing, rounded up', { maxUnavailable: '34%' }, three, 3, [3, 1, 3, 2]],
    ['more may be missing than there are', { maxUnavailable: 9 }, three, 3, [3, 0, 3, 3]],
    ['too few are ready already', { minAvailable: 3 }, [pod('a'), pod('b'), pod('c', { ready: false })], 0, [2, 3, 3, 0]],
    ['those that go do not count', { minAvailable: 1 }, [pod('a'), pod('b', { deleted: true })], 0, [1, 1, 2, 0]],
    ['nobody is there yet', { maxUnavailable: 1 }, [], 0, [0, 0, 0, 0]],
    ['nothing is asked', {}, three, 0, [3, 0, 0, 0]],
  ])('%s', (_, spec, pods, scale, [healthy, desired, expected, allowed]) => {
    const { status } = reconcile({ budget: make(spec), pods, scale }, NOW);
    expect(status).toEqual({
      currentHealthy: healthy, desiredHealthy: desired, expectedPods: expected, disruptionsAllowed: allowed, observedGeneration: 2,
      conditions: [{ type: 'DisruptionAllowed', status: allowed > 0 ? 'True' : 'False', reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods', message: '', observedGeneration: 2, lastTransitionTime: ago(0) }],
    });
    expect(reconcile({ budget: make(spec, status), pods, scale }, NOW + 5000).status).toEqual(status);
  }); // prettier-ignore
  it('counts the evicted as gone for two minutes, and then as late', () => {
    const budget = make({ minAvailable: 1 }, { disruptedPods: { a: ago(30), b: ago(121), gone: ago(1) } });
    const { status, late, recheckMs } = reconcile({ budget, pods: three, scale: 0 }, NOW);
    expect(status).toMatchObject({ currentHealthy: 2, disruptedPods: { a: ago(30) } });
    expect(late.map((p) => p.metadata.name)).toEqual(['b']);
    expect(recheckMs).toBe(90_000);
  });
  it('lets nobody go while it is not known', () => {
    const budget = make({}, { disruptionsAllowed: 3, currentHealthy: 3, observedGeneration: 1 });
    expect(failed(budget, 'why', NOW)).toMatchObject({ disruptionsAllowed: 0, currentHealthy: 3, conditions: [{ status: 'False', reason: 'SyncFailed', message: 'why' }] }); // prettier-ignore
  });
});

it.each<[string, Pod, number | undefined]>([
  ['none', pod('a'), undefined],
  ['news', pod('a', { conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(20) }] }), 100_000],
  ['old', pod('a', { conditions: [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(500) }] }), 0],
  ['taken back', pod('a', { conditions: [{ type: 'DisruptionTarget', status: 'False' }] }), undefined],
  ['of the kubelet', pod('a', { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }] }), undefined],
  ['of a pod that goes', pod('a', { deleted: true, conditions: [{ type: 'DisruptionTarget', status: 'True' }] }), undefined],
  ['of a pod that is over', pod('a', { phase: 'Failed', conditions: [{ type: 'DisruptionTarget', status: 'True' }] }), undefined],
])('an announcement of disruption is stale after two minutes: %s', (_, of, ms) => {
  expect(staleInMs(of, NOW)).toBe(ms);
}); // prettier-ignore

it('an announcement is taken back for the pod as it is', () => {
  const conditions = [
    { type: 'Ready', status: 'True' },
    { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime: ago(500) },
  ];
  const one = pod('a', { conditions });
  expect(undisrupted({ ...one, metadata: { ...one.metadata, generation: 3 } }, NOW)).toEqual([
    conditions[0],
    { type: 'DisruptionTarget', status: 'False', observedGeneration: 3, lastTransitionTime: ago(0) },
  ]);
});
it('pods that nobody controls are told of with the selector that Go would print', () => {
  const matchExpressions = [{ key: 'tier', operator: 'In', values: ['a', 'b'] }, { key: 'x', operator: 'Exists' }]; // prettier-ignore
  expect(unmanagedMessage(make({ selector: { matchLabels: { b: '2', a: '1' }, matchExpressions } }))).toContain('(selector: &LabelSelector{MatchLabels:map[string]string{a: 1,b: 2,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:tier,Operator:In,Values:[a b],},LabelSelectorRequirement{Key:x,Operator:Exists,Values:[],},},}) were found'); // prettier-ignore
});

describe('PodDisruptionBudgets', () => {
  const status = (of: ReturnType<typeof testCluster>) =>
    of.api.object<PodDisruptionBudget>(podDisruptionBudgets, 'd/pdb')?.status;
  const budget = (spec: PodDisruptionBudgetSpec): PodDisruptionBudget => ({ ...make(spec), status: undefined });
  const set = { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'web', namespace: 'd' }, spec: { replicas: 4, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [] } } } }; // prettier-ignore

  it('follow their pods and what their controllers want', async () => {
    const cluster = testCluster();
    cluster.start(startReplicaSetController, startDisruptionController);
    cluster.runPods();
    await cluster.client.create(podDisruptionBudgets, budget({ maxUnavailable: '25%' }));
    await cluster.quiet();
    expect(status(cluster)).toMatchObject({ expectedPods: 0, disruptionsAllowed: 0 });
    await cluster.client.create(replicaSets, set);
    await cluster.quiet();
    expect(status(cluster)).toMatchObject({
      expectedPods: 4,
      currentHealthy: 4,
      desiredHealthy: 3,
      disruptionsAllowed: 1,
    });
    await cluster.client.patch(replicaSets, 'web', 'd', 'merge', { spec: { replicas: 8 } });
    await cluster.quiet();
    expect(status(cluster)).toMatchObject({ expectedPods: 8, currentHealthy: 8, disruptionsAllowed: 2 });
  });
  it('ask the API for a controller that the cache does not know yet', async () => {
    const cluster = testCluster();
    cluster.start(startDisruptionController);
    await cluster.client.create(podDisruptionBudgets, budget({ maxUnavailable: 1 }));
    await cluster.quiet();
    // From now on nothing is heard of ReplicaSets.
    cluster.api.intercept = ({ verb, resource }) =>
      verb === 'watch' && resource === 'replicasets' ? new Promise(() => undefined) : undefined;
    cluster.api.closeWatches();
    const { metadata } = await cluster.client.create<ReplicaSet>(replicaSets, set);
    const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: metadata.uid!, controller: true };
    const made = pod('one');
    await cluster.client.create(podsResource, { ...made, metadata: { ...made.metadata, ownerReferences: [owner] } });
    await cluster.quiet();
    expect(status(cluster)).toMatchObject({ expectedPods: 4, desiredHealthy: 3 });
  });
  it('tell of pods that nobody controls, and of controllers that nobody knows', async () => {
    const cluster = testCluster();
    cluster.start(startDisruptionController);
    await cluster.client.create(podDisruptionBudgets, budget({ minAvailable: '50%' }));
    await cluster.client.create(podsResource, { ...pod('alone'), status: undefined } as never);
    await cluster.quiet();
    const reasons = (): string[] => cluster.list(events).map((e) => (e as unknown as { reason: string }).reason);
    expect(reasons()).toContain('UnmanagedPods');
    const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'none', uid: 'u', controller: true };
    await cluster.client.patch(podsResource, 'alone', 'd', 'merge', { metadata: { ownerReferences: [owner] } });
    await cluster.quiet();
    expect(reasons()).toContain('CalculateExpectedPodCountFailed');
    expect(status(cluster)).toMatchObject({ disruptionsAllowed: 0, conditions: [{ reason: 'SyncFailed', message: 'found no controllers for pod "alone"' }] }); // prettier-ignore
    const stateful = await cluster.client.create<StatefulSet>(statefulSets, { ...set, kind: 'StatefulSet', metadata: { name: 'none', namespace: 'd' } }); // prettier-ignore
    await cluster.client.patch(podsResource, 'alone', 'd', 'merge', { metadata: { ownerReferences: [{ ...owner, uid: stateful.metadata.uid }] } }); // prettier-ignore
    await cluster.quiet();
    expect(status(cluster)).toMatchObject({ expectedPods: 4, desiredHealthy: 2 });
  });
  it('have pods take back what did not come', async () => {
    const cluster = testCluster();
    cluster.start(startDisruptionController);
    await cluster.client.create(podsResource, { ...pod('a'), status: undefined } as never);
    const conditions = [{ type: 'DisruptionTarget', status: 'True', lastTransitionTime: new Date(cluster.world.clock.now()).toISOString() }]; // prettier-ignore
    await cluster.client.patch(podsResource, 'a', 'd', 'merge', { status: { conditions } }, { subresource: 'status' });
    const said = () => cluster.api.object<Pod>(podsResource, 'd/a')?.status?.conditions?.[0]?.status;
    await cluster.world.advance(119_000);
    expect(said()).toBe('True');
    await cluster.world.advance(2_000);
    expect(said()).toBe('False');
  });
});
