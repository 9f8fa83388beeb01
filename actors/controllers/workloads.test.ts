import { describe, expect, it } from 'vitest';
import type { Deployment, ReplicaSet } from '../../schemas/generated/apps-v1.ts';
import type { CronJob, Job } from '../../schemas/generated/batch-v1.ts';
import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import type { PodDisruptionBudget } from '../../schemas/generated/policy-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { controllerOf } from '../runtime/owners.ts';
import { cronJobs, daemonSets, deployments, jobs, nodes, podDisruptionBudgets, pods, replicaSets, replicationControllers, statefulSets } from '../runtime/resources.ts'; // prettier-ignore
import { testCluster, type TestCluster } from '../runtime/testing/cluster.ts';
import { badDay } from '../runtime/testing/faults.ts';
import { startCronJobController } from './cronjob/actor.ts';
import { startDaemonSetController } from './daemonset/actor.ts';
import { startDeploymentController } from './deployment/actor.ts';
import { startDisruptionController } from './disruption/actor.ts';
import { startJobController } from './job/actor.ts';
import { countOf, parseIndexes } from './job/indexes.ts';
import { startReplicaSetController } from './replicaset/actor.ts';
import { startReplicationController } from './replicationcontroller/actor.ts';
import { startStatefulSetController } from './statefulset/actor.ts';
import { startTtlAfterFinishedController } from './ttl-after-finished/actor.ts';

const ALL = [
  startCronJobController, startDaemonSetController, startDeploymentController, startDisruptionController, startJobController,
  startReplicaSetController, startReplicationController, startStatefulSetController, startTtlAfterFinishedController,
]; // prettier-ignore
const labels = { app: 'web' };
const template = (image = 'v1', more: object = {}) => ({ metadata: { labels }, spec: { containers: [{ name: 'c', image }], ...more } }); // prettier-ignore
const selector = { matchLabels: labels };
const workload = (apiVersion: string, kind: string, spec: object, name = 'web') =>
  ({ apiVersion, kind, metadata: { name, namespace: 'd' }, spec: { template: template(), ...spec } }) as KubeObject;
const set = (name: string, replicas: number) => workload('apps/v1', 'ReplicaSet', { replicas, selector }, name);
const WORKLOADS = [
  ['Deployment', deployments, workload('apps/v1', 'Deployment', { replicas: 50, selector, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } }, progressDeadlineSeconds: 600 })],
  ['ReplicaSet', replicaSets, set('web', 50)],
  ['ReplicationController', replicationControllers, workload('v1', 'ReplicationController', { replicas: 50, selector: labels })],
  ['StatefulSet', statefulSets, workload('apps/v1', 'StatefulSet', { replicas: 50, selector, serviceName: 'web', podManagementPolicy: 'Parallel', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } } })],
  ['DaemonSet', daemonSets, workload('apps/v1', 'DaemonSet', { selector, updateStrategy: { type: 'OnDelete' } })],
  ['Job', jobs, workload('batch/v1', 'Job', { completions: 50, parallelism: 50, backoffLimit: 6, selector, template: template('v1', { restartPolicy: 'Never' }) })],
] as const; // prettier-ignore

async function cluster(seed = 1): Promise<TestCluster> {
  const c = testCluster(seed);
  for (const name of ['n1', 'n2', 'n3'])
    await c.client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name } });
  return c;
}
/** Calls of controllers but for lists and watches. */
const work = (c: TestCluster): number =>
  c.api.calls.filter(({ caller, verb }) => caller.startsWith('controller:') && !['list', 'watch'].includes(verb)).length; // prettier-ignore
const owned = (c: TestCluster, owner: string): Pod[] => c.list<Pod>(pods).filter((pod) => controllerOf(pod)?.name === owner); // prettier-ignore

describe('what makes no sense costs little', () => {
  it.each(WORKLOADS)('pods that nobody lets a %s make', async (_, gvr, object) => {
    const c = await cluster();
    c.api.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota: none');
    };
    c.start(...ALL);
    await c.client.create(gvr, object);
    await c.world.advance(60_000);
    const first = work(c);
    expect(first).toBeLessThan(80);
    await c.world.advance(540_000);
    // Ever longer between two tries.
    expect((work(c) - first) / 9).toBeLessThan(12);
  });
  it('several that select the same pods: each has its own, and a pod of nobody comes to one of them', async () => {
    const c = await cluster();
    c.runPods();
    c.start(...ALL);
    await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lone', namespace: 'd', labels }, spec: { containers: [] } }); // prettier-ignore
    await c.client.create(replicaSets, set('a', 2));
    await c.client.create(replicaSets, set('b', 2));
    await c.client.create(replicationControllers, workload('v1', 'ReplicationController', { replicas: 2, selector: labels }, 'c')); // prettier-ignore
    await c.client.create(statefulSets, workload('apps/v1', 'StatefulSet', { replicas: 2, selector, serviceName: 'x', updateStrategy: { type: 'OnDelete' } }, 'd')); // prettier-ignore
    await c.world.advance(10_000);
    for (const owner of ['a', 'b', 'c', 'd']) expect(owned(c, owner)).toHaveLength(2);
    expect(c.list(pods)).toHaveLength(8);
    const before = work(c);
    await c.world.advance(600_000);
    expect(work(c)).toBe(before);
  });
  it('an owner that is not there, and one of another kind: nobody touches their pods', async () => {
    const c = await cluster();
    c.start(...ALL);
    const owners = [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'gone', controller: true },
      { apiVersion: 'example.com/v1', kind: 'Job', name: 'web', uid: 'else', controller: true },
      { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'odd', controller: true },
    ];
    for (const owner of owners) await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: owner.uid, namespace: 'd', labels, ownerReferences: [owner] }, spec: { containers: [] } }); // prettier-ignore
    await c.client.create(replicaSets, set('web', 1));
    await c.world.advance(60_000);
    for (const { uid } of owners) expect(c.api.object<Pod>(pods, `d/${uid}`)?.metadata).toMatchObject({ ownerReferences: [{ uid }] }); // prettier-ignore
    expect(work(c)).toBeLessThan(8);
  });
  it('a budget for pods of an owner that has no scale', async () => {
    const c = await cluster();
    c.start(startDisruptionController);
    const owner = { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'none', uid: 'u', controller: true };
    await c.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', labels, ownerReferences: [owner] }, spec: { containers: [] } }); // prettier-ignore
    await c.client.create<PodDisruptionBudget>(podDisruptionBudgets, { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget', metadata: { name: 'b', namespace: 'd' }, spec: { maxUnavailable: 1, selector } }); // prettier-ignore
    await c.world.advance(600_000);
    expect(work(c)).toBeLessThan(12);
  });
});

describe.each([1, 2, 3])('gets there whatever fails on the way (seed %i)', (seed) => {
  it('a Deployment', async () => {
    const c = await cluster(seed);
    c.runPods({ delayMs: 50 });
    const controllers = c.start(startDeploymentController, startReplicaSetController);
    const patch = (spec: object) => () => c.client.patch(deployments, 'web', 'd', 'merge', { spec });
    await badDay(c, controllers, [
      () => c.client.create(deployments, WORKLOADS[0][2]),
      patch({ replicas: 4, template: template('v2') }),
      patch({ template: template('v3') }),
      patch({ paused: true, replicas: 7 }),
      patch({ paused: false, strategy: { type: 'Recreate', rollingUpdate: null }, template: template('v4') }),
      patch({ template: template('v2'), replicas: 3, revisionHistoryLimit: 1 }),
    ]);
    // Many refusals in a row make for the longest of back-offs.
    await c.world.advance(1_000_000);
    expect(c.list<Pod>(pods).map((pod) => pod.spec?.containers[0]?.image)).toEqual(['v2', 'v2', 'v2']);
    const status = c.api.object<Deployment>(deployments, 'd/web')?.status;
    expect(status).toMatchObject({ replicas: 3, updatedReplicas: 3, availableReplicas: 3 });
    expect(c.list<ReplicaSet>(replicaSets).length).toBeLessThanOrEqual(2);
  });
  it('a Job, each of whose pods counts once', async () => {
    const c = await cluster(seed);
    c.runPods();
    const controllers = c.start(startJobController);
    const ends = new Map<string, string>();
    // A third of the pods fail. They end as the day goes on.
    const end = async (): Promise<void> => {
      for (const { metadata, status } of c.list<Pod>(pods)) {
        if (status?.phase !== 'Running') continue;
        const phase = c.world.random() < 0.33 ? 'Failed' : 'Succeeded';
        ends.set(metadata.uid!, phase);
        await c.client.patch(pods, metadata.name!, 'd', 'merge', { status: { phase } }, { subresource: 'status' });
      }
    };
    const job = workload('batch/v1', 'Job', { completions: 30, parallelism: 6, backoffLimit: 1_000, selector, template: template('v1', { restartPolicy: 'Never' }) }); // prettier-ignore
    await badDay(c, controllers, [() => c.client.create(jobs, job), end, end, end, end, end]);
    const status = (): Job['status'] => c.api.object<Job>(jobs, 'd/web')?.status;
    for (let i = 0; i < 60 && !status()?.completionTime; i++) {
      await end();
      await c.world.advance(60_000);
    }
    const count = (phase: string): number => [...ends.values()].filter((other) => other === phase).length;
    expect(status()).toMatchObject({ succeeded: 30, conditions: [{}, { type: 'Complete', status: 'True' }] });
    expect([status()?.succeeded, status()?.failed ?? 0]).toEqual([count('Succeeded'), count('Failed')]);
    expect(c.list<Pod>(pods).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
  });
  it('an Indexed Job, each of whose indexes ends once', async () => {
    const c = await cluster(seed);
    c.runPods();
    const controllers = c.start(startJobController);
    const ends = new Map<string, string>();
    const index = (pod: Pod): string => pod.metadata.labels!['batch.kubernetes.io/job-completion-index']!;
    const end = async (): Promise<void> => {
      for (const pod of c.list<Pod>(pods)) {
        if (pod.status?.phase !== 'Running') continue;
        const phase = c.world.random() < 0.5 ? 'Failed' : 'Succeeded';
        ends.set(pod.metadata.uid!, `${index(pod)} ${phase}`);
        await c.client.patch(pods, pod.metadata.name!, 'd', 'merge', { status: { phase } }, { subresource: 'status' });
      }
    };
    const job = workload('batch/v1', 'Job', { completions: 12, parallelism: 4, completionMode: 'Indexed', backoffLimitPerIndex: 1, maxFailedIndexes: 12, selector, template: template('v1', { restartPolicy: 'Never' }) }); // prettier-ignore
    await badDay(c, controllers, [() => c.client.create(jobs, job), end, end, end, end, end]);
    const status = (): Job['status'] => c.api.object<Job>(jobs, 'd/web')?.status;
    for (
      let i = 0;
      i < 60 && !status()?.conditions?.some(({ type }) => type === 'Complete' || type === 'Failed');
      i++
    ) {
      await end();
      await c.world.advance(60_000);
    }
    const { completedIndexes = '', failedIndexes = '', succeeded = 0, failed = 0 } = status()!;
    const all = [...ends.values()];
    const done = new Set(all.filter((text) => text.endsWith('Succeeded')).map((text) => text.split(' ')[0]));
    const [won, lost] = [completedIndexes, failedIndexes].map((text) => countOf(parseIndexes(text, 12)));
    expect([won, lost, succeeded]).toEqual([done.size, 12 - done.size, done.size]);
    expect(failed).toBe(all.filter((text) => text.endsWith('Failed')).length);
    expect(c.list<Pod>(pods).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
  });
  it('a CronJob, each of whose times counts once', async () => {
    const c = await cluster(seed);
    const controllers = c.start(startCronJobController);
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'tick', namespace: 'd' }, spec: { schedule: '* * * * *', concurrencyPolicy: 'Allow', suspend: false, successfulJobsHistoryLimit: 100, failedJobsHistoryLimit: 100, jobTemplate: { spec: { template: template() } } } } as unknown as CronJob; // prettier-ignore
    const minute = (): Promise<void> => c.world.advance(60_000);
    await badDay(c, controllers, [() => c.client.create(cronJobs, cronJob), minute, minute, minute, minute, minute]);
    const made = c.list<Job>(jobs).map((job) => Number(job.metadata.name!.split('-')[1]));
    const { active, lastScheduleTime } = c.api.object<CronJob>(cronJobs, 'd/tick')!.status!;
    expect(new Set(made).size).toBe(made.length);
    expect(made.at(-1)).toBe(Date.parse(lastScheduleTime!) / 60_000);
    // A Job of which the status could not tell in time is not active for its CronJob, as upstream.
    expect(c.list(jobs).map((job) => job.metadata.name)).toEqual(
      expect.arrayContaining(active!.map(({ name }) => name)),
    );
    // What was missed while nobody led is made up for once, with the latest.
    expect(made.length).toBeGreaterThanOrEqual(4);
  });
});
