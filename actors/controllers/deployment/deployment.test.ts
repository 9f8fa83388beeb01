import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployment, DeploymentStrategy, ReplicaSet } from '../../../schemas/generated/apps-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { deployments, events, pods, replicaSets } from '../../runtime/resources.ts';
import { templateHash } from '../../runtime/template-hash.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { startReplicaSetController } from '../replicaset/actor.ts';
import { startDeploymentController } from './actor.ts';
import { reconcile, type Observed } from './reconcile.ts';
import { HISTORY, newSetAnnotations, REVISION, ROLLBACK_TO } from './revisions.ts';
import { maxSurge, maxUnavailable, replicasOf } from './strategy.ts';

const labels = { app: 'web' };
const ROLLING: DeploymentStrategy = {
  type: 'RollingUpdate',
  rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' },
};
const template = (image: string) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }] } });
const deployment = (replicas: number, spec: object = {}): Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'd' },
  spec: {
    replicas,
    selector: { matchLabels: labels },
    strategy: ROLLING,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    template: template('v1'),
    ...spec,
  },
});
function cluster(): TestCluster {
  const c = testCluster();
  c.start(startReplicaSetController, startDeploymentController);
  return c;
}
const get = (c: TestCluster): Deployment => c.api.object<Deployment>(deployments, 'd/web')!;
const patch = (c: TestCluster, spec: object): Promise<unknown> =>
  c.client.patch(deployments, 'web', 'd', 'merge', { spec });
const sizes = (c: TestCluster): Record<string, number> =>
  Object.fromEntries(c.list<ReplicaSet>(replicaSets).map((s) => [s.spec!.template!.spec!.containers[0]!.image, replicasOf(s)])); // prettier-ignore
const reasons = (c: TestCluster): Record<string, string> =>
  Object.fromEntries(get(c).status?.conditions?.map((x) => [x.type, `${x.status} ${x.reason}`]) ?? []);

describe('rolling update', () => {
  it('makes a set named by the template, and says when it is complete', async () => {
    const c = cluster();
    c.runPods();
    await c.client.create(deployments, deployment(4));
    await c.quiet();
    const [set] = c.list<ReplicaSet>(replicaSets);
    const hash = set!.metadata.labels!['pod-template-hash']!;
    expect(set!.metadata.name).toBe(`web-${hash}`);
    expect(set!.spec!.selector.matchLabels).toEqual({ ...labels, 'pod-template-hash': hash });
    expect(c.list<Pod>(pods).every((p) => p.metadata.labels!['pod-template-hash'] === hash)).toBe(true);
    expect(set!.metadata.annotations).toEqual({ [REVISION]: '1', 'deployment.kubernetes.io/desired-replicas': '4', 'deployment.kubernetes.io/max-replicas': '5' }); // prettier-ignore
    expect(get(c).metadata.annotations).toEqual({ [REVISION]: '1' });
    expect(get(c).status).toMatchObject({ observedGeneration: 1, replicas: 4, updatedReplicas: 4, readyReplicas: 4, availableReplicas: 4 }); // prettier-ignore
    expect(reasons(c)).toEqual({ Available: 'True MinimumReplicasAvailable', Progressing: 'True NewReplicaSetAvailable' }); // prettier-ignore
    expect(c.list(events)).toContainEqual(expect.objectContaining({ reason: 'ScalingReplicaSet', message: `Scaled up replica set web-${hash} from 0 to 4` })); // prettier-ignore
  });

  it('never has fewer available or more in all than it may', async () => {
    const c = cluster();
    c.runPods({ delayMs: 20 });
    await c.client.create(deployments, deployment(8));
    await c.world.until(() => get(c).status?.availableReplicas === 8);
    await patch(c, { template: template('v2') });
    let [fewest, most] = [99, 0];
    await c.world.until(() => {
      const all = c.list<Pod>(pods).filter((p) => !p.metadata.deletionTimestamp);
      most = Math.max(most, all.length);
      fewest = Math.min(fewest, all.filter((p) => p.status?.phase === 'Running').length);
      return get(c).status?.updatedReplicas === 8 && get(c).status?.availableReplicas === 8 && all.length === 8;
    });
    await c.quiet();
    expect([fewest, most]).toEqual([6, 10]);
    expect(sizes(c)).toEqual({ v1: 0, v2: 8 });
    expect(get(c).metadata.annotations![REVISION]).toBe('2');
  });

  it('stops at broken pods, times out, and goes back by undoing the template', async () => {
    const c = cluster();
    c.runPods({ isReady: (pod) => pod.spec!.containers[0]!.image !== 'broken' });
    await c.client.create(deployments, deployment(4));
    await c.quiet();
    await patch(c, { template: template('broken') });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 3, broken: 2 });
    expect(reasons(c)['Progressing']).toBe('True ReplicaSetUpdated');
    await c.world.advance(602_000);
    expect(reasons(c)['Progressing']).toBe('False ProgressDeadlineExceeded');
    await patch(c, { template: template('v1') });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 4, broken: 0 });
    const v1 = c.list<ReplicaSet>(replicaSets).find((s) => replicasOf(s) === 4)!;
    expect(v1.metadata.annotations).toMatchObject({ [REVISION]: '3', [HISTORY]: '1' });
    expect(get(c).metadata.annotations![REVISION]).toBe('3');
    expect(reasons(c)['Progressing']).toBe('True NewReplicaSetAvailable');
  });

  it('shares a change of size among the sets of a rollout under way', async () => {
    const c = cluster();
    c.runPods({ isReady: (pod) => pod.spec!.containers[0]!.image !== 'v2' });
    await c.client.create(deployments, deployment(10, { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } })); // prettier-ignore
    await c.quiet();
    await patch(c, { template: template('v2') });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 8, v2: 5 });
    await patch(c, { replicas: 15 });
    await c.quiet();
    // Source: the worked example of Kubernetes' documentation on proportional scaling.
    expect(sizes(c)).toEqual({ v1: 11, v2: 7 });
  });

  it('waits while it is paused, but scales', async () => {
    const c = cluster();
    c.runPods();
    await c.client.create(deployments, deployment(2));
    await c.quiet();
    await patch(c, { paused: true, template: template('v2') });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 2 });
    expect(reasons(c)['Progressing']).toBe('Unknown DeploymentPaused');
    await patch(c, { replicas: 5 });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 5 });
    await patch(c, { paused: false });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 0, v2: 5 });
  });

  it('keeps revisionHistoryLimit old sets', async () => {
    const c = cluster();
    c.runPods();
    await c.client.create(deployments, deployment(1, { revisionHistoryLimit: 2 }));
    for (const image of ['v2', 'v3', 'v4', 'v5']) {
      await c.quiet();
      await patch(c, { template: template(image) });
    }
    await c.quiet();
    expect(Object.keys(sizes(c)).sort()).toEqual(['v3', 'v4', 'v5']);
  });

  it('takes another name when its own is taken', async () => {
    const c = cluster();
    const name = `web-${templateHash(template('v1'), undefined)}`;
    await c.client.create(replicaSets, { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name, namespace: 'd' }, spec: { replicas: 0, selector: { matchLabels: { other: 'x' } } } }); // prettier-ignore
    await c.client.create(deployments, deployment(1));
    await c.quiet();
    expect(get(c).status?.collisionCount).toBe(1);
    expect(c.list<ReplicaSet>(replicaSets)).toHaveLength(2);
    expect(c.list(pods)).toHaveLength(1);
  });

  it('says why it cannot make its set', async () => {
    const c = cluster();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'replicasets') throw new ApiError('Forbidden', 'quota');
    };
    await c.client.create(deployments, deployment(1));
    await c.quiet();
    expect(reasons(c)['Progressing']).toBe('False ReplicaSetCreateError');
    c.api.intercept = undefined;
    await c.world.advance(10_000);
    expect(c.list(pods)).toHaveLength(1);
  });

  it('goes back because of the old rollback annotation', async () => {
    const c = cluster();
    c.runPods();
    await c.client.create(deployments, deployment(1));
    await c.quiet();
    await patch(c, { template: template('v2') });
    await c.quiet();
    await c.client.patch(deployments, 'web', 'd', 'merge', { metadata: { annotations: { [ROLLBACK_TO]: '0' } } });
    await c.quiet();
    expect(sizes(c)).toEqual({ v1: 1, v2: 0 });
    expect(get(c).metadata.annotations).not.toHaveProperty([ROLLBACK_TO]);
  });
});

it('recreates: no new pod before the last old one is gone', async () => {
  const c = cluster();
  c.runPods({ delayMs: 10 });
  await c.client.create(deployments, deployment(3, { strategy: { type: 'Recreate' } }));
  await c.world.until(() => get(c).status?.availableReplicas === 3);
  await patch(c, { template: template('v2') });
  let mixed = false;
  await c.world.until(() => {
    const images = new Set(c.list<Pod>(pods).map((p) => p.spec!.containers[0]!.image));
    mixed ||= images.size > 1;
    return images.has('v2') && get(c).status?.availableReplicas === 3;
  });
  expect(mixed).toBe(false);
  expect(sizes(c)).toEqual({ v1: 0, v2: 3 });
});

describe('reconcile', () => {
  const NOW = Date.parse('2026-01-01T00:00:00Z');
  it('converges from any sizes, within its limits', () => {
    const arbitrary = fc.record({
      want: fc.nat(20),
      old: fc.array(fc.nat(20), { maxLength: 3 }),
      surge: fc.oneof(fc.nat(5), fc.constantFrom('0%', '25%', '100%')),
      unavailable: fc.oneof(fc.nat(5), fc.constantFrom('0%', '25%', '100%')),
      type: fc.constantFrom('RollingUpdate' as const, 'Recreate' as const),
    });
    fc.assert(
      fc.property(arbitrary, ({ want, old, surge, unavailable, type }) => {
        const strategy: DeploymentStrategy = type === 'Recreate' ? { type } : { type, rollingUpdate: { maxSurge: surge, maxUnavailable: unavailable } }; // prettier-ignore
        let d: Deployment = deployment(want, { strategy });
        d = { ...d, metadata: { ...d.metadata, uid: 'd', generation: 1 } };
        let sets = old.map((replicas, i): ReplicaSet => ({
          apiVersion: 'apps/v1', kind: 'ReplicaSet',
          metadata: { name: `old-${i}`, namespace: 'd', uid: `old-${i}`, generation: 1, creationTimestamp: `2025-01-01T00:00:0${i}Z` },
          spec: { replicas, selector: {}, template: template(`v0.${i}`) },
          status: { replicas, readyReplicas: replicas, availableReplicas: replicas, observedGeneration: 1 },
        })); // prettier-ignore
        let quiet = 0;
        for (let i = 0; i < 200 && quiet < 2; i++) {
          const observed: Observed = {
            deployment: d,
            replicaSets: sets,
            hasOldPods: () => false,
            named: () => undefined,
          };
          const { intents } = reconcile(observed, NOW + i * 1_000);
          quiet = intents.length === 0 ? quiet + 1 : 0;
          for (const x of intents) {
            if (x.op === 'create') sets = [...sets, { ...(x.object as ReplicaSet), metadata: { ...x.object.metadata, uid: `new-${i}`, creationTimestamp: '2026-01-01T00:00:00Z' } }]; // prettier-ignore
            if (x.op === 'delete') sets = sets.filter((s) => s.metadata.uid !== x.uid);
            if (x.op === 'update' && x.subresource === 'status') d = x.object;
            else if (x.op === 'update') sets = sets.map((s) => (s.metadata.uid === x.object.metadata.uid ? (x.object as ReplicaSet) : s)); // prettier-ignore
          }
          // The ReplicaSet controller and the kubelets keep pace.
          const before = sets.reduce((n, s) => n + (s.status?.availableReplicas ?? 0), 0);
          if (type === 'RollingUpdate' && before >= want) {
            const after = sets.reduce((n, s) => n + Math.min(replicasOf(s), s.status?.availableReplicas ?? 0), 0);
            expect(after).toBeGreaterThanOrEqual(want - maxUnavailable(d));
          }
          const totalBefore = old.reduce((a, b) => a + b, 0);
          expect(sets.reduce((n, s) => n + replicasOf(s), 0)).toBeLessThanOrEqual(
            Math.max(totalBefore, want + maxSurge(d)),
          );
          sets = sets.map((s) => ({ ...s, status: { replicas: replicasOf(s), readyReplicas: replicasOf(s), availableReplicas: replicasOf(s), observedGeneration: s.metadata.generation ?? 1 } })); // prettier-ignore
        }
        expect(quiet).toBe(2);
        expect(sets.filter((s) => replicasOf(s) > 0).map((s) => [s.spec!.template!.spec!.containers[0]!.image, replicasOf(s)])).toEqual(want > 0 ? [['v1', want]] : []); // prettier-ignore
        expect(d.status?.conditions?.find((x) => x.type === 'Progressing')?.reason).toBe('NewReplicaSetAvailable');
      }),
      { numRuns: 200 },
    );
  });
  it('keeps a history of revisions of bounded length', () => {
    let annotations: Record<string, string> | undefined;
    for (let revision = 1n; revision < 1_000n; revision++)
      annotations = newSetAnnotations(deployment(1), annotations, revision);
    expect(annotations![HISTORY]!.length).toBeLessThanOrEqual(2_000);
    expect(annotations![HISTORY]).toMatch(/,998$/);
  });
  it.each([
    [undefined, 2],
    ['1', 0],
  ])('keeps old sets that a rollback may need while it is paused: %s', (to, deleted) => {
    const paused = deployment(0, { paused: true, revisionHistoryLimit: 0 });
    const d = { ...paused, metadata: { ...paused.metadata, annotations: to ? { [ROLLBACK_TO]: to } : {} } };
    const replicaSets = ['v2', 'v3'].map((image): ReplicaSet => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: image, uid: image }, spec: { replicas: 0, selector: {}, template: template(image) } })); // prettier-ignore
    const { intents } = reconcile({ deployment: d, replicaSets, hasOldPods: () => false, named: () => undefined }, NOW);
    expect(intents.filter(({ op }) => op === 'delete')).toHaveLength(deleted);
  });
  it.each([
    ['one past what a number keeps', '3546343826724305832', '3546343826724305833'],
    ['none', undefined, '1'],
    ['what is no number', 'first', '1'],
    ['what has more than 64 bits', '9223372036854775808', '1'],
  ])('a new set follows on the revision of an adopted one: %s', (_, revision, next) => {
    const d = deployment(1);
    const adopted: ReplicaSet = {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: { name: 'adopted', namespace: 'd', uid: 'a', annotations: revision ? { [REVISION]: revision } : {} },
      spec: { replicas: 1, selector: {}, template: template('v0') },
    };
    const { intents } = reconcile({ deployment: d, replicaSets: [adopted], hasOldPods: () => true, named: () => undefined }, NOW); // prettier-ignore
    expect(intents[0]).toMatchObject({ op: 'create', object: { metadata: { annotations: { [REVISION]: next } } } });
  });
  it('names templates by what they say, not by the order of their fields', () => {
    const a = { metadata: { labels: { x: '1', y: '2' } }, spec: { containers: [] } };
    const b = { spec: { containers: [] }, metadata: { labels: { y: '2', x: '1' } } };
    expect(templateHash(a, undefined)).toBe(templateHash(b, undefined));
    expect(templateHash(a, 1)).not.toBe(templateHash(a, undefined));
    expect(templateHash(a, undefined)).toMatch(/^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  });
});
