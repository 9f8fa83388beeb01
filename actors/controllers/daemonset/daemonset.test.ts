import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ControllerRevision, DaemonSet } from '../../../schemas/generated/apps-v1.ts';
import type { Node, Pod, Taint, Toleration } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { templateOf } from '../../runtime/history.ts';
import { controllerRevisions, daemonSets, events, nodes, pods } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { startDaemonSetController } from './actor.ts';
import { failedPodsBackoff } from './backoff.ts';
import { eligibility, HASH_LABEL, targetNode, tolerationsOf } from './eligibility.ts';

const labels = { app: 'log' };
const template = (image: string, spec: object = {}) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }], ...spec } }); // prettier-ignore
const rolling = (rollingUpdate: object) => ({ updateStrategy: { type: 'RollingUpdate' as const, rollingUpdate } });
const daemonSet = (spec: object = {}): DaemonSet => ({
  apiVersion: 'apps/v1',
  kind: 'DaemonSet',
  metadata: { name: 'log', namespace: 'd' },
  spec: { selector: { matchLabels: labels }, template: template('v1'), revisionHistoryLimit: 10, ...rolling({ maxUnavailable: 1, maxSurge: 0 }), ...spec }, // prettier-ignore
});
const node = (name: string, o: { labels?: Record<string, string>; taints?: Taint[] } = {}): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: o.labels },
  spec: { taints: o.taints },
});

async function cluster(count = 3): Promise<TestCluster> {
  const c = testCluster();
  for (let i = 1; i <= count; i++) await c.client.create(nodes, node(`n${i}`));
  c.start(startDaemonSetController);
  return c;
}
const get = (c: TestCluster): DaemonSet => c.api.object<DaemonSet>(daemonSets, 'd/log')!;
const patch = (c: TestCluster, spec: object): Promise<unknown> =>
  c.client.patch(daemonSets, 'log', 'd', 'merge', { spec });
const live = (c: TestCluster): Pod[] => c.list<Pod>(pods).filter((pod) => !pod.metadata.deletionTimestamp);
/** Images by node. */
const placed = (c: TestCluster): Record<string, string> => {
  const at: Record<string, string> = {};
  for (const pod of live(c)) at[targetNode(pod)!] = [at[targetNode(pod)!], pod.spec!.containers[0]!.image].filter(Boolean).join('+'); // prettier-ignore
  return at;
};
const revisions = (c: TestCluster): string[] =>
  c.list<ControllerRevision>(controllerRevisions).map((r) => `${r.revision} ${templateOf(r)?.spec?.containers[0]?.image}`).toSorted(); // prettier-ignore
const reasons = (c: TestCluster): string[] => c.list(events).map((e) => (e as unknown as { reason: string }).reason);
const fail = (c: TestCluster, pod: Pod, phase = 'Failed') =>
  c.client.patch(pods, pod.metadata.name!, 'd', 'merge', { status: { phase } }, { subresource: 'status' });

describe('nodes', () => {
  const gpu = { labels: { gpu: 'yes' } };
  const on = (expressions: object[]) => ({ affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchExpressions: expressions }] } } } }); // prettier-ignore
  const taint = (effect: string, key = 'k'): Taint => ({ key, effect }) as Taint;
  const cases: [string, object, Node, string][] = [
    ['any node', {}, node('n'), 'runs'],
    ['the node that is named', { nodeName: 'n' }, node('n'), 'runs'],
    ['not the node that is not named', { nodeName: 'm' }, node('n'), 'leaves'],
    ['a node that the selector admits', { nodeSelector: { gpu: 'yes' } }, node('n', gpu), 'runs'],
    ['not one that it does not', { nodeSelector: { gpu: 'yes' } }, node('n'), 'leaves'],
    ['a node that the affinity admits', on([{ key: 'gpu', operator: 'Exists' }]), node('n', gpu), 'runs'],
    ['not one that it does not', on([{ key: 'gpu', operator: 'DoesNotExist' }]), node('n', gpu), 'leaves'],
    ['stays on a node tainted NoSchedule', {}, node('n', { taints: [taint('NoSchedule')] }), 'stays'],
    ['leaves a node tainted NoExecute', {}, node('n', { taints: [taint('NoExecute')] }), 'leaves'],
    ['minds no PreferNoSchedule', {}, node('n', { taints: [taint('PreferNoSchedule')] }), 'runs'],
    ['a tainted node that is tolerated', { tolerations: [{ operator: 'Exists' }] }, node('n', { taints: [taint('NoExecute')] }), 'runs'], // prettier-ignore
    ['a cordoned node', {}, node('n', { taints: [taint('NoSchedule', 'node.kubernetes.io/unschedulable')] }), 'runs'],
    ['a node that is not ready', {}, node('n', { taints: [taint('NoExecute', 'node.kubernetes.io/not-ready')] }), 'runs'], // prettier-ignore
    ['stays where the network is missing', {}, node('n', { taints: [taint('NoSchedule', 'node.kubernetes.io/network-unavailable')] }), 'stays'], // prettier-ignore
    ['needs no network of its own', { hostNetwork: true }, node('n', { taints: [taint('NoSchedule', 'node.kubernetes.io/network-unavailable')] }), 'runs'], // prettier-ignore
  ];
  it.each(cases)('%s', (_name, spec, where, expected) => {
    const { shouldRun, shouldContinue } = eligibility(daemonSet({ template: template('v1', spec) }))(where);
    expect(shouldRun ? 'runs' : shouldContinue ? 'stays' : 'leaves').toBe(expected);
  });
  it('adds its tolerations once, in place of those for a time', () => {
    const own: Toleration = { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 5 }; // prettier-ignore
    const all = tolerationsOf({ containers: [], tolerations: [{ key: 'k' }, own] });
    expect(all.map((t) => `${t.key}:${t.effect ?? ''}:${t.tolerationSeconds ?? ''}`)).toEqual([
      'k::', 'node.kubernetes.io/not-ready:NoExecute:', 'node.kubernetes.io/unreachable:NoExecute:', 'node.kubernetes.io/disk-pressure:NoSchedule:',
      'node.kubernetes.io/memory-pressure:NoSchedule:', 'node.kubernetes.io/pid-pressure:NoSchedule:', 'node.kubernetes.io/unschedulable:NoSchedule:',
    ]); // prettier-ignore
    expect(tolerationsOf({ containers: [], tolerations: all })).toEqual(all);
  });
});

describe('daemons', () => {
  it('puts one on each node, leaves the binding to the scheduler, and reports them', async () => {
    const c = await cluster();
    c.runPods();
    await c.client.create(daemonSets, daemonSet());
    await c.quiet();
    expect(placed(c)).toEqual({ n1: 'v1', n2: 'v1', n3: 'v1' });
    const [revision] = c.list<ControllerRevision>(controllerRevisions);
    const hash = revision!.metadata.labels![HASH_LABEL]!;
    expect(revision).toMatchObject({ metadata: { name: `log-${hash}`, labels: { app: 'log' } }, revision: 1, data: { spec: { template: { $patch: 'replace' } } } }); // prettier-ignore
    const [pod] = live(c);
    expect(pod!.metadata).toMatchObject({ generateName: 'log-', labels: { app: 'log', [HASH_LABEL]: hash }, ownerReferences: [{ kind: 'DaemonSet', name: 'log', controller: true }] }); // prettier-ignore
    expect(get(c).status).toEqual({ currentNumberScheduled: 3, desiredNumberScheduled: 3, numberReady: 3, numberAvailable: 3, numberMisscheduled: 0, updatedNumberScheduled: 3, observedGeneration: 1 }); // prettier-ignore
    expect(reasons(c)).toEqual(['SuccessfulCreate', 'SuccessfulCreate', 'SuccessfulCreate']);
  });
  it('follows nodes that come, change and go', async () => {
    const c = await cluster(1);
    c.runPods();
    await c.client.create(daemonSets, daemonSet({ template: template('v1', { nodeSelector: { on: 'yes' } }) }));
    await c.quiet();
    expect(placed(c)).toEqual({});
    expect(get(c).status).toMatchObject({ desiredNumberScheduled: 0, observedGeneration: 1 });
    await c.client.patch(nodes, 'n1', undefined, 'merge', { metadata: { labels: { on: 'yes' } } });
    await c.client.create(nodes, node('n2', { labels: { on: 'yes' } }));
    await c.quiet();
    expect(placed(c)).toEqual({ n1: 'v1', n2: 'v1' });
    const tainted = { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } };
    await c.client.patch(nodes, 'n1', undefined, 'merge', tainted);
    await c.quiet();
    expect(placed(c)).toEqual({ n1: 'v1', n2: 'v1' });
    expect(get(c).status).toMatchObject({ desiredNumberScheduled: 1, numberMisscheduled: 1 });
    await c.client.patch(nodes, 'n1', undefined, 'merge', { metadata: { labels: { on: 'no' } } });
    await c.client.delete(nodes, 'n2');
    await c.quiet();
    expect(placed(c)).toEqual({ n2: 'v1' });
    expect(get(c).status).toMatchObject({ desiredNumberScheduled: 0, numberMisscheduled: 0 });
  });
  it('ends what was made for a node that vanished before it was bound', async () => {
    const c = await cluster(2);
    await c.client.create(daemonSets, daemonSet());
    await c.quiet();
    expect(placed(c)).toEqual({ n1: 'v1', n2: 'v1' });
    await c.client.delete(nodes, 'n1');
    await c.quiet();
    expect(placed(c)).toEqual({ n2: 'v1' });
  });
  it('adopts a matching pod of its node and ends the younger of two', async () => {
    const c = await cluster(1);
    c.runPods();
    const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a-orphan', namespace: 'd', labels }, spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'v0' }] } }; // prettier-ignore
    await c.client.create(pods, pod);
    await c.client.create(daemonSets, daemonSet({ updateStrategy: { type: 'OnDelete' } }));
    await c.quiet();
    expect(placed(c)).toEqual({ n1: 'v0' });
    expect(live(c)[0]!.metadata.ownerReferences).toMatchObject([{ kind: 'DaemonSet' }]);
    await c.world.advance(1_000);
    await c.client.create(pods, { ...pod, metadata: { ...pod.metadata, name: 'second' } });
    await c.quiet();
    expect(live(c).map((p) => p.metadata.name)).toEqual(['a-orphan']);
    await c.client.patch(pods, 'a-orphan', 'd', 'merge', { metadata: { labels: { app: 'else' } } });
    await c.quiet();
    expect(c.list<Pod>(pods).find((p) => p.metadata.name === 'a-orphan')!.metadata.ownerReferences ?? []).toEqual([]);
    expect(placed(c)['n1']).toBe('v0+v1');
  });
  it('replaces failed and succeeded pods, ever more slowly where they keep failing', async () => {
    const c = await cluster(1);
    await c.client.create(daemonSets, daemonSet());
    await c.quiet();
    await fail(c, live(c)[0]!, 'Succeeded');
    await c.quiet();
    expect(live(c)[0]!.status?.phase).toBe('Pending');
    expect(reasons(c)).toContain('SucceededDaemonPod');
    const made: number[] = [];
    for (let i = 0; i < 5; i++) {
      const [victim] = live(c);
      await fail(c, victim!);
      const before = c.world.clock.now();
      await c.world.until(() => live(c)[0] !== undefined && live(c)[0]!.metadata.uid !== victim!.metadata.uid);
      made.push(Math.round((c.world.clock.now() - before) / 500) / 2);
    }
    expect(made).toEqual([0, 1, 2, 4, 8]);
    expect(reasons(c)).toContain('FailedDaemonPod');
  });
  it('asks little of an API that refuses its pods', async () => {
    const c = await cluster(20);
    c.api.intercept = (call) => {
      if (call.verb === 'create' && call.resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    await c.client.create(daemonSets, daemonSet());
    await c.world.advance(60_000);
    expect(c.api.calls.filter((x) => x.verb === 'create' && x.resource === 'pods').length).toBeLessThan(16);
    expect(c.api.calls.filter((x) => x.resource === 'daemonsets/status')).toHaveLength(1);
    expect(get(c).status).toMatchObject({ desiredNumberScheduled: 20, numberUnavailable: 20, observedGeneration: 1 });
    c.api.intercept = undefined;
    await c.world.advance(60_000);
    expect(live(c)).toHaveLength(20);
  });
  it('selects all pods never', async () => {
    const c = await cluster(1);
    await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'other', namespace: 'd' } });
    await c.client.create(daemonSets, daemonSet({ selector: {} }));
    await c.quiet();
    expect(reasons(c)).toEqual(['SelectingAll']);
    expect(c.list<Pod>(pods)[0]!.metadata.ownerReferences).toBeUndefined();
  });
});

describe('updates', () => {
  const start = async (spec: object, count = 4, o: Parameters<TestCluster['runPods']>[0] = { delayMs: 20 }) => {
    const c = await cluster(count);
    c.runPods(o);
    await c.client.create(daemonSets, daemonSet(spec));
    await c.world.until(() => get(c).status?.numberAvailable === count);
    return c;
  };
  /** Fewest nodes with a running pod, and most pods in all, until all are updated. */
  const watch = async (c: TestCluster, count: number): Promise<[fewest: number, most: number]> => {
    let [fewest, most] = [99, 0];
    await c.world.until(() => {
      fewest = Math.min(fewest, new Set(live(c).filter((p) => p.status?.phase === 'Running').map((p) => p.spec!.nodeName)).size); // prettier-ignore
      most = Math.max(most, live(c).length);
      const status = get(c).status!;
      return status.updatedNumberScheduled === count && status.numberAvailable === count && live(c).length === count;
    });
    return [fewest, most];
  };
  it.each([
    [{ maxUnavailable: 1, maxSurge: 0 }, [3, 4]],
    [{ maxUnavailable: '50%', maxSurge: 0 }, [2, 4]],
    [{ maxUnavailable: 0, maxSurge: 1 }, [4, 5]],
    [{ maxUnavailable: 0, maxSurge: '50%' }, [4, 6]],
    [{ maxUnavailable: 0, maxSurge: 0 }, [3, 4]],
  ])('keeps within %j', async (limits, expected) => {
    const c = await start(rolling(limits));
    await patch(c, { template: template('v2') });
    expect(await watch(c, 4)).toEqual(expected);
    expect(new Set(Object.values(placed(c)))).toEqual(new Set(['v2']));
    expect(revisions(c)).toEqual(['1 v1', '2 v2']);
  });
  it('stops at pods that do not become ready, and goes back to a revision of before', async () => {
    const c = await start({}, 3, { isReady: (pod) => pod.spec!.containers[0]!.image !== 'bad' });
    await patch(c, { template: template('bad') });
    await c.quiet();
    await c.world.advance(60_000);
    expect(Object.values(placed(c)).toSorted()).toEqual(['bad', 'v1', 'v1']);
    const kept = live(c)
      .filter((p) => p.spec!.containers[0]!.image === 'v1')
      .map((p) => p.metadata.uid);
    const [first] = c.list<ControllerRevision>(controllerRevisions).filter((r) => r.revision === 1);
    await c.client.patch(daemonSets, 'log', 'd', 'strategic', first!.data);
    await c.quiet();
    expect(new Set(Object.values(placed(c)))).toEqual(new Set(['v1']));
    expect(live(c).map((p) => p.metadata.uid)).toEqual(expect.arrayContaining(kept));
    expect(revisions(c)).toEqual(['2 bad', '3 v1']);
  });
  it('waits for minReadySeconds', async () => {
    const c = await start({ minReadySeconds: 10 }, 2);
    await patch(c, { template: template('v2') });
    await c.world.advance(5_000);
    expect(Object.values(placed(c)).toSorted()).toEqual(['v1', 'v2']);
    await c.world.advance(20_000);
    expect(get(c).status).toMatchObject({ updatedNumberScheduled: 2, numberAvailable: 2 });
  });
  it('leaves pods to be deleted by hand with OnDelete', async () => {
    const c = await start({ updateStrategy: { type: 'OnDelete' } }, 2);
    await patch(c, { template: template('v2') });
    await c.quiet();
    expect(Object.values(placed(c))).toEqual(['v1', 'v1']);
    expect(get(c).status).toMatchObject({ numberAvailable: 2, observedGeneration: 2 });
    expect(get(c).status?.updatedNumberScheduled).toBeUndefined();
    await c.client.delete(pods, live(c)[0]!.metadata.name!, 'd');
    await c.world.advance(1_000);
    expect(Object.values(placed(c)).toSorted()).toEqual(['v1', 'v2']);
  });
  it('keeps revisionHistoryLimit revisions, never one that is in use, and makes room for a name that is taken', async () => {
    const c = await start({ revisionHistoryLimit: 1 }, 1);
    for (const image of ['v2', 'v3']) {
      await patch(c, { template: template(image) });
      await c.world.advance(1_000);
    }
    expect(revisions(c)).toEqual(['2 v2', '3 v3']);
    const [{ metadata }] = c.list<ControllerRevision>(controllerRevisions).filter((r) => r.revision === 3) as [ControllerRevision]; // prettier-ignore
    // Somebody else's object has the name of the third template when it is wanted again.
    await c.client.delete(daemonSets, 'log', 'd', { propagationPolicy: 'Background' });
    for (const revision of c.list<ControllerRevision>(controllerRevisions)) await c.client.delete(controllerRevisions, revision.metadata.name!, 'd'); // prettier-ignore
    await c.client.create(controllerRevisions, { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata: { name: metadata.name!, namespace: 'd' }, data: { spec: {} }, revision: 7 } as never); // prettier-ignore
    await c.client.create(daemonSets, daemonSet({ template: template('v3') }));
    await c.world.advance(1_000);
    expect(get(c).status?.collisionCount).toBe(1);
    expect(revisions(c)).toEqual(['1 v3', '7 undefined']);
  });
  it('merges revisions of one template that come back as orphans', async () => {
    const c = await start({}, 1);
    const [revision] = c.list<ControllerRevision>(controllerRevisions);
    await c.client.create(controllerRevisions, { ...revision, metadata: { name: 'log-again', namespace: 'd', labels: { ...labels, [HASH_LABEL]: 'again' } } } as never); // prettier-ignore
    const uid = live(c)[0]!.metadata.uid;
    await c.world.advance(1_000);
    expect(c.list(controllerRevisions)).toHaveLength(1);
    expect(live(c).map((p) => p.metadata.uid)).toEqual([uid]);
  });
});

it('backs off by node, and forgives after half an hour', () => {
  const backoff = failedPodsBackoff();
  const waits: number[] = [];
  for (let i = 0; i < 12; i++) {
    backoff.next('k', 0);
    waits.push(backoff.waitMs('k', 0) / 1_000);
  }
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
  expect(backoff.waitMs('other', 0)).toBe(0);
  expect(backoff.waitMs('k', 1_800_001)).toBe(0);
});

it('ends at the same place from wherever it begins', async () => {
  const taints = fc.constantFrom<Taint[]>([], [{ key: 'k', effect: 'NoSchedule' }], [{ key: 'k', effect: 'NoExecute' }]); // prettier-ignore
  const some = fc.record({ taints, pods: fc.array(fc.constantFrom('Pending', 'Running', 'Failed'), { maxLength: 3 }) });
  const strategies = fc.constantFrom(rolling({ maxUnavailable: 1, maxSurge: 0 }), rolling({ maxUnavailable: 0, maxSurge: 1 })); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(fc.array(some, { maxLength: 4 }), strategies, async (all, strategy) => {
      const c = testCluster();
      const want: Record<string, string> = {};
      for (const [i, x] of all.entries()) {
        await c.client.create(nodes, node(`n${i}`, { taints: x.taints }));
        for (const [j, phase] of x.pods.entries())
          await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${i}-${j}`, namespace: 'd', labels }, spec: { nodeName: `n${i}`, containers: [{ name: 'c', image: 'v0' }] }, status: { phase } }); // prettier-ignore
        const effect = x.taints[0]?.effect;
        if (effect === undefined) want[`n${i}`] = 'v1';
      }
      c.runPods();
      c.start(startDaemonSetController);
      await c.client.create(daemonSets, daemonSet(strategy));
      await c.world.advance(30_000);
      const calls = c.api.calls.length;
      await c.world.advance(60_000);
      expect(c.api.calls.length).toBe(calls);
      const { status } = get(c);
      const desired = Object.keys(want).length;
      expect(status).toMatchObject({ desiredNumberScheduled: desired, currentNumberScheduled: desired, numberReady: desired }); // prettier-ignore
      expect(placed(c)).toMatchObject(want);
      for (const [name, image] of Object.entries(placed(c))) if (want[name] === undefined) expect(['v0', 'v1']).toContain(image); // prettier-ignore
    }),
    { numRuns: 12 },
  );
});

it.each([1, 2, 3])('gets there whatever fails on the way (seed %i)', async (seed) => {
  const c = testCluster(seed);
  c.runPods({ delayMs: 50 });
  for (let i = 1; i <= 6; i++) await c.client.create(nodes, node(`n${i}`));
  const controllers = c.start(startDaemonSetController);
  const limits = seed % 2 ? { maxUnavailable: 2, maxSurge: 0 } : { maxUnavailable: 0, maxSurge: 2 };
  await badDay(c, controllers, [
    () => c.client.create(daemonSets, daemonSet(rolling(limits))),
    () => patch(c, { template: template('v2') }),
    () => c.client.delete(nodes, 'n6').then(() => Promise.all(live(c).filter((p) => targetNode(p) === 'n6').map((p) => c.client.delete(pods, p.metadata.name!, 'd', { gracePeriodSeconds: 0 })))),
    () => patch(c, { template: template('v1') }),
    () => patch(c, { template: template('v3') }),
  ]); // prettier-ignore
  expect(placed(c)).toEqual({ n1: 'v3', n2: 'v3', n3: 'v3', n4: 'v3', n5: 'v3' });
  expect(get(c).status).toMatchObject({ numberAvailable: 5, updatedNumberScheduled: 5, observedGeneration: 4 });
  expect(revisions(c).filter((r) => r.endsWith('v3'))).toHaveLength(1);
});
