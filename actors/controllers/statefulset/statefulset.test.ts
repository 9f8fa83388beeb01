import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControllerRevision, StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { templateOf } from '../../runtime/history.ts';
import { controllerRevisions, events, persistentVolumeClaims, pods, statefulSets } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startStatefulSetController } from './actor.ts';
import { hasOtherController, hasRightOwners, isStale, withRightOwners } from './claims.ts';
import { parseName } from './identity.ts';

const labels = { app: 'db' };
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }] } });
const claim = { metadata: { name: 'data', labels: { of: 'claim' } }, spec: { accessModes: ['ReadWriteOnce'] } };
const set = (spec: object = {}): StatefulSet => ({
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'db', namespace: 'd' },
  spec: { replicas: 3, serviceName: 'dbs', selector: { matchLabels: labels }, template: template('v1'), revisionHistoryLimit: 10, podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, ...spec }, // prettier-ignore
});
const withClaims = (retention: object = {}, spec: object = {}): StatefulSet =>
  set({ volumeClaimTemplates: [claim], persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain', ...retention }, ...spec }); // prettier-ignore

const get = (c: TestCluster): StatefulSet => c.api.object<StatefulSet>(statefulSets, 'd/db')!;
const patch = (c: TestCluster, spec: object): Promise<unknown> => c.client.patch(statefulSets, 'db', 'd', 'merge', { spec }); // prettier-ignore
const of = (c: TestCluster): Record<string, string> =>
  Object.fromEntries(c.list<Pod>(pods).map((pod) => [pod.metadata.name, pod.spec!.containers[0]!.image]));
const revisions = (c: TestCluster): string[] =>
  c.list<ControllerRevision>(controllerRevisions).map((r) => `${r.revision} ${templateOf(r)?.spec?.containers[0]?.image}`).toSorted(); // prettier-ignore
const claims = (c: TestCluster): Record<string, string[]> =>
  Object.fromEntries(c.list<PersistentVolumeClaim>(persistentVolumeClaims).map((x) => [x.metadata.name, (x.metadata.ownerReferences ?? []).map((o) => `${o.kind}/${o.name}`)])); // prettier-ignore
const told = (c: TestCluster): string[] =>
  c.list(events).map((e) => (e as unknown as { reason: string; message: string })).map((e) => `${e.reason}: ${e.message}`); // prettier-ignore
const phase = (c: TestCluster, name: string, status: object): Promise<unknown> =>
  c.client.patch(pods, name, 'd', 'merge', { status }, { subresource: 'status' });

function cluster(o?: Parameters<TestCluster['runPods']>[0] | 'idle'): TestCluster {
  const c = testCluster();
  if (o !== 'idle') c.runPods(o);
  c.start(startStatefulSetController);
  return c;
}
async function ready(c: TestCluster, object: StatefulSet): Promise<TestCluster> {
  await c.client.create(statefulSets, object);
  await c.world.until(() => get(c).status?.availableReplicas === object.spec!.replicas);
  await c.quiet();
  return c;
}
/** The pods as they come and go: `+db-0`, `-db-2`. */
function record(c: TestCluster): string[] {
  const seen: string[] = [];
  c.api.intercept = (call) => {
    if (call.resource !== 'pods' || call.caller !== 'controller:statefulset') return;
    if (call.verb === 'create') seen.push(`+${call.name}`);
    if (call.verb === 'delete') seen.push(`-${call.name}`);
  };
  return seen;
}

describe('in order', () => {
  it('makes one after the other, with names, and reports them', async () => {
    const c = cluster('idle');
    await c.client.create(statefulSets, set());
    await c.quiet();
    expect(Object.keys(of(c))).toEqual(['db-0']);
    const { updateRevision: revision } = get(c).status!;
    const [pod] = c.list<Pod>(pods);
    expect(pod!.metadata).toMatchObject({ generateName: 'db-', ownerReferences: [{ kind: 'StatefulSet', name: 'db', controller: true }] }); // prettier-ignore
    expect(pod!.metadata.labels).toEqual({ ...labels, 'controller-revision-hash': revision, 'statefulset.kubernetes.io/pod-name': 'db-0', 'apps.kubernetes.io/pod-index': '0' }); // prettier-ignore
    expect(pod!.spec).toMatchObject({ hostname: 'db-0', subdomain: 'dbs' });
    expect(get(c).status).toEqual({ observedGeneration: 1, replicas: 1, currentReplicas: 1, updatedReplicas: 1, currentRevision: revision, updateRevision: revision, collisionCount: 0, availableReplicas: 0 }); // prettier-ignore
    c.runPods();
    await c.quiet();
    expect(Object.keys(of(c))).toEqual(['db-0', 'db-1', 'db-2']);
    expect(get(c).status).toMatchObject({ replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, availableReplicas: 3 }); // prettier-ignore
    expect(told(c)).toContain('SuccessfulCreate: Create Pod db-0 in StatefulSet db successful');
    expect(c.list<ControllerRevision>(controllerRevisions)).toMatchObject([{ metadata: { name: revision, labels: { ...labels, 'controller.kubernetes.io/hash': revision!.slice(3) } }, revision: 1 }]); // prettier-ignore
  });
  it('scales down from the highest ordinal, one at a time, and up again', async () => {
    const c = await ready(cluster(), set({ replicas: 4 }));
    const seen = record(c);
    await patch(c, { replicas: 1 });
    await c.quiet();
    await patch(c, { replicas: 2 });
    await c.quiet();
    expect(seen).toEqual(['-db-3', '-db-2', '-db-1', '+db-1']);
    expect(told(c)).toContain('SuccessfulDelete: Delete Pod db-3 in StatefulSet db successful');
  });
  it('counts from the start that it is given', async () => {
    const c = await ready(cluster(), set({ ordinals: { start: 5 } }));
    expect(Object.keys(of(c))).toEqual(['db-5', 'db-6', 'db-7']);
    const seen = record(c);
    await patch(c, { ordinals: { start: 6 } });
    await c.quiet();
    expect(seen).toEqual(['+db-8', '-db-5']);
  });
  it('waits at a pod that is not ready, whether it grows or shrinks', async () => {
    const c = await ready(cluster(), set());
    const seen = record(c);
    await phase(c, 'db-1', { conditions: [{ type: 'Ready', status: 'False' }] });
    await patch(c, { replicas: 5 });
    await c.quiet();
    expect(seen).toEqual([]);
    await patch(c, { replicas: 2 });
    await c.quiet();
    expect(seen).toEqual([]);
    await phase(c, 'db-1', { conditions: [{ type: 'Ready', status: 'True' }] });
    await c.quiet();
    expect(seen).toEqual(['-db-2']);
  });
  it('waits for minReadySeconds between pods', async () => {
    const c = cluster();
    await c.client.create(statefulSets, set({ minReadySeconds: 10 }));
    await c.world.advance(9_000);
    expect(Object.keys(of(c))).toEqual(['db-0']);
    expect(get(c).status).toMatchObject({ readyReplicas: 1, availableReplicas: 0 });
    await c.world.advance(25_000);
    expect(get(c).status).toMatchObject({ readyReplicas: 3, availableReplicas: 3 });
  });
  it.each(['Failed', 'Succeeded'])('makes a pod that %s anew under its name', async (state) => {
    const c = await ready(cluster(), set());
    const seen = record(c);
    await phase(c, 'db-1', { phase: state, conditions: [] });
    await c.quiet();
    expect(seen).toEqual(['-db-1', '+db-1']);
    expect(get(c).status).toMatchObject({ replicas: 3, readyReplicas: 3 });
  });
  it('never has two pods of one ordinal: one that is going is waited for', async () => {
    const c = await ready(cluster(), set());
    await c.client.patch(pods, 'db-1', 'd', 'merge', { metadata: { finalizers: ['x/y'] } });
    const seen = record(c);
    await c.client.delete(pods, 'db-1', 'd', { gracePeriodSeconds: 0 });
    await c.world.advance(60_000);
    expect(seen).toEqual([]);
    await c.client.patch(pods, 'db-1', 'd', 'merge', { metadata: { finalizers: null } });
    await c.quiet();
    expect(seen).toEqual(['+db-1']);
  });
  it('gives a pod its labels back, and lets go of one that has lost its own', async () => {
    const c = await ready(cluster(), set({ replicas: 2 }));
    await c.client.patch(pods, 'db-0', 'd', 'merge', { metadata: { labels: { 'statefulset.kubernetes.io/pod-name': 'else' } } }); // prettier-ignore
    await c.quiet();
    expect(c.api.object<Pod>(pods, 'd/db-0')!.metadata.labels).toMatchObject({ 'statefulset.kubernetes.io/pod-name': 'db-0' }); // prettier-ignore
    expect(told(c)).toContain('SuccessfulUpdate: Update Pod db-0 in StatefulSet db successful');
    await c.client.create(pods, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'other-7', namespace: 'd', labels },
    });
    await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'db-1x', namespace: 'd', labels } });
    await c.quiet();
    expect(c.api.object<Pod>(pods, 'd/other-7')!.metadata.ownerReferences).toBeUndefined();
    await c.client.patch(pods, 'db-1', 'd', 'merge', { metadata: { labels: { app: 'else' } } });
    await c.quiet();
    expect(c.api.object<Pod>(pods, 'd/db-1')!.metadata.ownerReferences ?? []).toEqual([]);
  });
  it('asks little of an API that refuses its pods, and says why', async () => {
    const c = cluster();
    c.api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    await c.client.create(statefulSets, set());
    await c.world.advance(60_000);
    expect(c.api.calls.filter((x) => x.verb === 'create' && x.resource === 'pods').length).toBeLessThan(16);
    expect(told(c)).toContain('FailedCreate: Create Pod db-0 in StatefulSet db failed error: exceeded quota');
    c.api.intercept = undefined;
    await c.world.advance(60_000);
    expect(get(c).status).toMatchObject({ readyReplicas: 3 });
  });
  it('leaves the pods of a set that is being deleted', async () => {
    const c = await ready(cluster(), set());
    await c.client.delete(statefulSets, 'db', 'd', { propagationPolicy: 'Foreground' });
    const seen = record(c);
    for (const { metadata } of c.list(controllerRevisions)) await c.client.delete(controllerRevisions, metadata.name!, 'd'); // prettier-ignore
    await c.client.delete(pods, 'db-1', 'd');
    await c.world.advance(5_000);
    expect(seen).toEqual([]);
    expect(c.list(controllerRevisions)).toEqual([]);
    expect(get(c).status).toMatchObject({ replicas: 2 });
  });
});

describe('in parallel', () => {
  it('makes and ends all at once', async () => {
    const c = cluster('idle');
    await c.client.create(statefulSets, set({ replicas: 30, podManagementPolicy: 'Parallel' }));
    await c.quiet();
    expect(c.list(pods)).toHaveLength(30);
    c.runPods();
    await patch(c, { replicas: 3 });
    await c.quiet();
    expect(Object.keys(of(c))).toEqual(['db-0', 'db-1', 'db-2']);
  });
  it('makes the pods that it can when a quota refuses the claims of others', async () => {
    const c = cluster('idle');
    let left = 2;
    c.api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'persistentvolumeclaims' && left-- <= 0) throw new ApiError('Forbidden', 'exceeded quota'); // prettier-ignore
    };
    await c.client.create(statefulSets, withClaims({}, { replicas: 5, podManagementPolicy: 'Parallel' }));
    await c.world.advance(10_000);
    expect(Object.keys(of(c))).toEqual(['db-0', 'db-1']);
    expect(told(c)).toContain('FailedCreate: Create Claim data-db-2 for Pod db-2 in StatefulSet db failed error: exceeded quota'); // prettier-ignore
    expect(told(c)).toContain('FailedCreate: Create Pod db-2 in StatefulSet db failed error: failed to create PVC data-db-2: exceeded quota'); // prettier-ignore
  });
  it('looks at a bounded number of pods of a set that asks for all there are', async () => {
    const c = cluster('idle');
    c.api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    await c.client.create(statefulSets, set({ replicas: 2 ** 31 - 1, podManagementPolicy: 'Parallel' }));
    await c.world.advance(1_000);
    expect(c.api.calls.filter((x) => x.verb === 'create' && x.resource === 'pods').length).toBeLessThan(12);
  });
});

describe('updates', () => {
  it('goes from the highest ordinal down, each when the one above is available', async () => {
    const c = await ready(cluster({ delayMs: 10 }), set());
    const before = get(c).status!.currentRevision;
    const seen = record(c);
    let fewest = 3;
    await patch(c, { template: template('v2') });
    await c.world.until(() => {
      fewest = Math.min(fewest, c.list<Pod>(pods).filter((p) => p.status?.phase === 'Running').length);
      const { currentRevision, updateRevision, updatedReplicas } = get(c).status!;
      return updatedReplicas === 3 && currentRevision === updateRevision && currentRevision !== before;
    });
    expect(fewest).toBe(2);
    expect(seen).toEqual(['-db-2', '+db-2', '-db-1', '+db-1', '-db-0', '+db-0']);
    expect(get(c).status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3, readyReplicas: 3 });
    expect(revisions(c)).toEqual(['1 v1', '2 v2']);
  });
  it('stops at the partition, brings pods below it back as they were, and goes on when it is lowered', async () => {
    const c = await ready(
      cluster(),
      set({ updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }),
    );
    await patch(c, { template: template('v2') });
    await c.quiet();
    expect(of(c)).toEqual({ 'db-0': 'v1', 'db-1': 'v1', 'db-2': 'v2' });
    expect(get(c).status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    await c.client.delete(pods, 'db-0', 'd');
    await c.client.delete(pods, 'db-2', 'd');
    await c.quiet();
    expect(of(c)).toEqual({ 'db-0': 'v1', 'db-1': 'v1', 'db-2': 'v2' });
    await patch(c, { updateStrategy: { rollingUpdate: { partition: 0 } } });
    await c.quiet();
    expect(of(c)).toEqual({ 'db-0': 'v2', 'db-1': 'v2', 'db-2': 'v2' });
  });
  it('stops at a pod that does not become ready, and goes back when that is undone by hand', async () => {
    const c = await ready(cluster({ isReady: (pod) => pod.spec!.containers[0]!.image !== 'bad' }), set());
    await patch(c, { template: template('bad') });
    await c.world.advance(60_000);
    expect(of(c)).toEqual({ 'db-0': 'v1', 'db-1': 'v1', 'db-2': 'bad' });
    const [first] = c.list<ControllerRevision>(controllerRevisions).filter((r) => r.revision === 1);
    await c.client.patch(statefulSets, 'db', 'd', 'strategic', first!.data);
    await c.world.advance(60_000);
    // As upstream: what is broken is not touched until somebody deletes it.
    expect(of(c)['db-2']).toBe('bad');
    await c.client.delete(pods, 'db-2', 'd');
    await c.quiet();
    expect(of(c)).toEqual({ 'db-0': 'v1', 'db-1': 'v1', 'db-2': 'v1' });
    expect(revisions(c)).toEqual(['2 bad', '3 v1']);
    expect(get(c).status).toMatchObject({ currentReplicas: 3, updatedReplicas: 3, currentRevision: get(c).status!.updateRevision }); // prettier-ignore
  });
  it('leaves pods to be deleted by hand with OnDelete', async () => {
    const c = await ready(cluster(), set({ updateStrategy: { type: 'OnDelete' } }));
    await patch(c, { template: template('v2') });
    await c.quiet();
    expect(Object.values(of(c))).toEqual(['v1', 'v1', 'v1']);
    await c.client.delete(pods, 'db-1', 'd');
    await c.quiet();
    expect(of(c)).toEqual({ 'db-0': 'v1', 'db-1': 'v2', 'db-2': 'v1' });
    expect(get(c).status).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
  });
  it('keeps revisionHistoryLimit revisions beside those in use', async () => {
    const c = await ready(cluster(), set({ replicas: 1, revisionHistoryLimit: 1 }));
    for (const image of ['v2', 'v3', 'v4']) {
      await patch(c, { template: template(image) });
      await c.quiet();
    }
    expect(revisions(c)).toEqual(['3 v3', '4 v4']);
  });
});

describe('claims', () => {
  it('makes them before the pod, keeps them, and makes those of a waiting pod again', async () => {
    const c = await ready(cluster(), withClaims({}, { replicas: 2 }));
    expect(claims(c)).toEqual({ 'data-db-0': [], 'data-db-1': [] });
    expect(c.api.object<PersistentVolumeClaim>(persistentVolumeClaims, 'd/data-db-0')).toMatchObject({ metadata: { labels: { ...labels, of: 'claim' } }, spec: claim.spec }); // prettier-ignore
    expect(c.api.object<Pod>(pods, 'd/db-1')!.spec!.volumes).toEqual([{ name: 'data', persistentVolumeClaim: { claimName: 'data-db-1' } }]); // prettier-ignore
    expect(told(c)).toContain('SuccessfulCreate: Create Claim data-db-0 Pod db-0 in StatefulSet db success');
    await patch(c, { replicas: 0 });
    await c.quiet();
    expect(Object.keys(claims(c))).toHaveLength(2);
    const waiting = cluster('idle');
    await waiting.client.create(statefulSets, withClaims());
    await waiting.quiet();
    await waiting.client.delete(persistentVolumeClaims, 'data-db-0', 'd');
    await patch(waiting, { replicas: 2 });
    await waiting.quiet();
    expect(Object.keys(claims(waiting))).toEqual(['data-db-0']);
  });
  it('makes no pod while a claim of its name is being deleted', async () => {
    const c = cluster();
    await c.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data-db-0', namespace: 'd', finalizers: ['x/y'] } }); // prettier-ignore
    await c.client.delete(persistentVolumeClaims, 'data-db-0', 'd');
    await c.client.create(statefulSets, withClaims());
    await c.world.advance(5_000);
    expect(of(c)).toEqual({});
    expect(told(c)).toContain('FailedCreate: Create Pod db-0 in StatefulSet db failed error: pvc data-db-0 is being deleted'); // prettier-ignore
    await c.client.patch(persistentVolumeClaims, 'data-db-0', 'd', 'merge', { metadata: { finalizers: null } });
    await c.world.advance(60_000);
    expect(get(c).status).toMatchObject({ readyReplicas: 3 });
  });
  it('gives them to the set, to the pod that is scaled away, or to nobody, as the policy says and changes', async () => {
    const c = await ready(cluster(), withClaims({ whenDeleted: 'Delete' }, { replicas: 2 }));
    expect(claims(c)).toEqual({ 'data-db-0': ['StatefulSet/db'], 'data-db-1': ['StatefulSet/db'] });
    await patch(c, { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Delete' } });
    await c.client.patch(pods, 'db-1', 'd', 'merge', { metadata: { finalizers: ['x/y'] } });
    await patch(c, { replicas: 1 });
    await c.quiet();
    expect(claims(c)).toEqual({ 'data-db-0': ['StatefulSet/db'], 'data-db-1': ['Pod/db-1'] });
    // It comes back before the collector has taken the claim of the pod that is gone: that one is not used.
    await c.client.patch(pods, 'db-1', 'd', 'merge', { metadata: { finalizers: null } });
    await patch(c, { replicas: 2 });
    await c.world.advance(5_000);
    expect(Object.keys(of(c))).toEqual(['db-0']);
    await c.client.delete(persistentVolumeClaims, 'data-db-1', 'd');
    await c.quiet();
    expect(Object.keys(of(c))).toEqual(['db-0', 'db-1']);
    await patch(c, { persistentVolumeClaimRetentionPolicy: { whenScaled: 'Retain', whenDeleted: 'Retain' } });
    await c.quiet();
    expect(claims(c)).toEqual({ 'data-db-0': [], 'data-db-1': [] });
  });
  const uids = { metadata: { name: 'db', namespace: 'd', uid: 's' } };
  const member = (ordinal: number): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `db-${ordinal}`, namespace: 'd', uid: 'p' } }); // prettier-ignore
  const ref = (kind: string, name: string, uid: string, controller = true) => ({ apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1', kind, name, uid, controller, blockOwnerDeletion: true }); // prettier-ignore
  const [bySet, byPod] = [ref('StatefulSet', 'db', 's'), ref('Pod', 'db-0', 'p')];
  type Refs = ReturnType<typeof ref>[];
  const owned = (refs: Refs): PersistentVolumeClaim => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data-db-0', ownerReferences: refs } }); // prettier-ignore
  const cases: [string, [deleted: string, scaled: string], replicas: number, Refs, Refs | 'right'][] = [
    ['Retain: nobody', ['Retain', 'Retain'], 1, [], 'right'],
    ['Retain: taken from the set', ['Retain', 'Retain'], 1, [bySet], []],
    ['Retain: taken from the pod', ['Retain', 'Retain'], 0, [byPod], []],
    ['Retain: another controller is left', ['Retain', 'Retain'], 1, [ref('X', 'x', 'x')], 'right'],
    ['deleted: the set', ['Delete', 'Retain'], 1, [], [bySet]],
    ['deleted: the set, in place of the pod', ['Delete', 'Retain'], 0, [byPod], [bySet]],
    ['deleted: the set as its controller', ['Delete', 'Retain'], 1, [ref('StatefulSet', 'db', 's', false)], [bySet]],
    ['scaled: nobody while in range', ['Retain', 'Delete'], 1, [], 'right'],
    ['scaled: the pod when it goes', ['Retain', 'Delete'], 0, [], [byPod]],
    ['both: the set while in range', ['Delete', 'Delete'], 1, [], [bySet]],
    ['both: the pod when it goes', ['Delete', 'Delete'], 0, [bySet], [byPod]],
    ['a set of before keeps it', ['Delete', 'Delete'], 1, [ref('StatefulSet', 'db', 'old')], 'right'],
    ['a pod of before keeps it', ['Delete', 'Delete'], 1, [ref('Pod', 'db-0', 'old')], 'right'],
    ['another controller keeps it', ['Delete', 'Delete'], 1, [ref('X', 'x', 'x')], 'right'],
    ['another controller keeps it alone', ['Delete', 'Delete'], 1, [bySet, ref('X', 'x', 'x')], [ref('X', 'x', 'x')]],
  ];
  it.each(cases)('%s', (_name, [whenDeleted, whenScaled], replicas, refs, expected) => {
    const owner = { ...withClaims({ whenDeleted, whenScaled }, { replicas }), ...uids };
    expect(hasRightOwners(owned(refs), owner, member(0))).toBe(expected === 'right');
    if (expected === 'right') return;
    const next = withRightOwners(owned(refs), owner, member(0));
    expect(next.metadata.ownerReferences).toEqual(expected);
    expect(hasRightOwners(next, owner, member(0))).toBe(true);
  });
  it('knows whose it is', () => {
    const owner = { ...withClaims({ whenDeleted: 'Delete' }), ...uids };
    expect(isStale(owned([ref('Pod', 'db-0', 'old')]), member(0))).toBe(true);
    expect(isStale(owned([byPod]), member(0))).toBe(false);
    expect(hasOtherController(owned([ref('X', 'x', 'x')]), owner, member(0))).toBe(true);
    expect(hasOtherController(owned([ref('X', 'x', 'x', false), bySet]), owner, member(0))).toBe(false);
  });
});

it.each([
  ['db-0', { parent: 'db', ordinal: 0 }],
  ['my-db-12', { parent: 'my-db', ordinal: 12 }],
  ['db-01', { parent: 'db', ordinal: 1 }],
  ['db-2147483648', undefined],
  ['db', undefined],
  ['db-x', undefined],
])('reads the name %s', (name, expected) => expect(parseName(name)).toEqual(expected));

it('ends at the same place from wherever it begins, and is quiet there', async () => {
  const pod = fc.record({ ordinal: fc.nat(5), phase: fc.constantFrom('Pending', 'Running', 'Failed', 'Succeeded') });
  const shape = fc.record({ replicas: fc.nat(4), start: fc.nat(2), parallel: fc.boolean(), claims: fc.boolean(), partition: fc.nat(5) }); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(pod, { selector: (p) => p.ordinal, maxLength: 5 }), shape, async (some, s) => {
      const c = testCluster();
      for (const { ordinal, phase } of some) {
        // As upstream: of several pods that are to go in order and are not ready the highest waits for the lowest.
        const isInRange = ordinal >= s.start && ordinal < s.start + s.replicas;
        const state = isInRange || s.parallel ? phase : 'Running';
        await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: `db-${ordinal}`, namespace: 'd', labels }, spec: template('v0').spec, status: { phase: state, ...(state === 'Running' && { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }] }) } }); // prettier-ignore
      }
      c.runPods();
      c.start(startStatefulSetController);
      const ordinals = { replicas: s.replicas, ordinals: { start: s.start } };
      const policy = s.parallel ? 'Parallel' : 'OrderedReady';
      const object = s.claims ? withClaims() : set();
      // Pods of before lack the volumes of the claims, which cannot be added: they are updated first.
      const partition = s.claims ? 0 : s.partition;
      await c.client.create(statefulSets, { ...object, spec: { ...object.spec!, ...ordinals, podManagementPolicy: policy, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition } } } }); // prettier-ignore
      await c.world.advance(30_000);
      const calls = c.api.calls.length;
      await c.world.advance(60_000);
      expect(c.api.calls.length).toBe(calls);
      const names = Array.from({ length: s.replicas }, (_, i) => `db-${s.start + i}`);
      expect(Object.keys(of(c))).toEqual(names);
      expect(get(c).status).toMatchObject({ replicas: s.replicas, availableReplicas: s.replicas });
      for (const [i, name] of names.entries()) if (i >= partition) expect(of(c)[name]).toBe('v1');
    }),
    { numRuns: 25 },
  );
});

it.each([1, 2, 3])('gets there whatever fails on the way (seed %i)', async (seed) => {
  const c = testCluster(seed);
  c.runPods({ delayMs: 50 });
  const controllers = c.start(startStatefulSetController);
  const podManagementPolicy = seed % 2 ? 'OrderedReady' : 'Parallel';
  await badDay(c, controllers, [
    () => c.client.create(statefulSets, withClaims({ whenDeleted: 'Delete' }, { replicas: 4, podManagementPolicy })),
    () => patch(c, { template: template('v2') }),
    () => patch(c, { replicas: 2 }),
    () => patch(c, { template: template('v3'), replicas: 5 }),
    () => patch(c, { ordinals: { start: 1 } }),
  ]);
  expect(of(c)).toEqual({ 'db-1': 'v3', 'db-2': 'v3', 'db-3': 'v3', 'db-4': 'v3', 'db-5': 'v3' });
  const { currentRevision, updateRevision, ...status } = get(c).status!;
  expect(status).toMatchObject({ replicas: 5, availableReplicas: 5, updatedReplicas: 5, observedGeneration: 5 });
  expect(currentRevision).toBe(updateRevision);
  for (const owners of Object.values(claims(c))) expect(owners).toEqual(['StatefulSet/db']);
});
