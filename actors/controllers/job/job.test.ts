import { describe, expect, it } from 'vitest';
import type { Job } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { events, jobs, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startJobController } from './actor.ts';
import { TRACKING } from './pods.ts';

const labels = { job: 'work' };
const make = (spec: object = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'work', namespace: 'd' },
  spec: {
    completions: 1, parallelism: 1, backoffLimit: 6, completionMode: 'NonIndexed', suspend: false,
    podReplacementPolicy: 'TerminatingOrFailed', selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } },
    ...spec,
  },
}); // prettier-ignore

function setUp(seed = 1) {
  const cluster = testCluster(seed);
  const { api, client, world } = cluster;
  const status = (): Job['status'] => api.object<Job>(jobs, 'd/work')?.status;
  return {
    ...cluster,
    status,
    conditions: () => status()?.conditions?.map((c) => `${c.type}=${c.status} ${c.reason}`) ?? [],
    said: () => cluster.list(events).map((e) => (e as unknown as { reason: string }).reason),
    async end(pod: Pod, phase: 'Succeeded' | 'Failed', exitCode = phase === 'Failed' ? 1 : 0) {
      const finishedAt = new Date(world.clock.now()).toISOString();
      const containerStatuses = [{ name: 'c', restartCount: 0, state: { terminated: { exitCode, finishedAt } } }];
      await client.patch(pods, pod.metadata.name!, 'd', 'merge', { status: { phase, containerStatuses } }, { subresource: 'status' }); // prettier-ignore
    },
    running: () => cluster.list<Pod>(pods).filter((p) => p.status?.phase === 'Running'),
  };
}

describe('Jobs', () => {
  it('run their pods until as many have succeeded as they ask for', async () => {
    const { client, start, runPods, quiet, list, end, running, status, conditions, said } = setUp();
    start(startJobController);
    runPods();
    await client.create(jobs, make({ completions: 3, parallelism: 2 }));
    await quiet();
    expect(list<Pod>(pods)[0]?.metadata).toMatchObject({ generateName: 'work-', labels, finalizers: [TRACKING], ownerReferences: [{ kind: 'Job', name: 'work', controller: true }] }); // prettier-ignore
    while (running().length > 0) {
      for (const pod of running()) await end(pod, 'Succeeded');
      await quiet();
    }
    expect(status()).toMatchObject({ succeeded: 3, ready: 0, completionTime: expect.any(String) as string });
    expect(status()?.active).toBeUndefined();
    expect(conditions()).toEqual(['SuccessCriteriaMet=True CompletionsReached', 'Complete=True CompletionsReached']);
    expect(list<Pod>(pods).flatMap((p) => p.metadata.finalizers ?? [])).toEqual([]);
    expect(said()).toEqual(expect.arrayContaining(['SuccessfulCreate', 'Completed']));
  });
  it('try again ever later, and fail when they have failed too often', async () => {
    const { client, world, start, runPods, quiet, end, running, status, conditions, list } = setUp();
    start(startJobController);
    runPods();
    await client.create(jobs, make({ backoffLimit: 1 }));
    await quiet();
    await end(running()[0]!, 'Failed');
    await quiet();
    expect(status()).toMatchObject({ failed: 1, ready: 0 });
    expect(running()).toEqual([]);
    await world.advance(9_000);
    expect(running()).toEqual([]);
    await world.advance(1_100);
    expect(running()).toHaveLength(1);
    await end(running()[0]!, 'Failed');
    await quiet();
    expect(conditions()).toEqual(['FailureTarget=True BackoffLimitExceeded', 'Failed=True BackoffLimitExceeded']);
    expect(status()).toMatchObject({ failed: 2 });
    await world.advance(3_600_000);
    expect(list(pods)).toHaveLength(2);
  });
  it('are stopped by their deadline without anything happening', async () => {
    const { client, world, start, runPods, quiet, conditions, status, list } = setUp();
    start(startJobController);
    runPods();
    await client.create(jobs, make({ activeDeadlineSeconds: 30 }));
    await quiet();
    await world.advance(29_000);
    expect(conditions()).toEqual([]);
    await world.advance(1_500);
    expect(conditions()).toEqual(['FailureTarget=True DeadlineExceeded', 'Failed=True DeadlineExceeded']);
    expect(status()).toMatchObject({ failed: 1 });
    expect(list(pods)).toEqual([]);
  });
  it('give their pods up while they are suspended, and do not take that for failures', async () => {
    const { client, start, runPods, quiet, status, conditions, running, said } = setUp();
    start(startJobController);
    runPods();
    await client.create(jobs, make({ parallelism: 2, completions: 4 }));
    await quiet();
    expect(running()).toHaveLength(2);
    await client.patch(jobs, 'work', 'd', 'merge', { spec: { suspend: true } });
    await quiet();
    expect(running()).toEqual([]);
    expect(status()?.failed).toBeUndefined();
    expect(status()?.startTime).toBeUndefined();
    expect(conditions()).toEqual(['Suspended=True JobSuspended']);
    await client.patch(jobs, 'work', 'd', 'merge', { spec: { suspend: false } });
    await quiet();
    expect(running()).toHaveLength(2);
    expect(status()?.startTime).toBeDefined();
    expect(conditions()).toEqual(['Suspended=False JobResumed']);
    expect(said()).toEqual(expect.arrayContaining(['Suspended', 'Resumed']));
  });
  it.each([1, 2, 3, 4, 5])(
    'count each pod once, whatever write fails and however the caches lag (seed %i)',
    async (seed) => {
      const { api, client, world, start, runPods, end, running, status } = setUp(seed);
      start(startJobController);
      runPods();
      api.intercept = ({ caller, verb }) => {
        if (caller !== 'controller:job' || verb === 'watch' || verb === 'list') return;
        if (world.random() < 0.3) throw new ApiError('InternalError', 'not now');
        if (world.random() < 0.1) api.closeWatches();
      };
      await client.create(jobs, make({ completions: 20, parallelism: 5 }));
      await world.until(() => {
        for (const pod of running()) void end(pod, 'Succeeded').catch(() => undefined);
        return status()?.completionTime !== undefined;
        // Back-off grows to a thousand seconds.
      }, 360_000_000);
      expect(status()).toMatchObject({ succeeded: 20 });
      expect(status()?.failed).toBeUndefined();
    },
  );
  it('adopt pods that match, with the finalizer, and release those that match no more, without it', async () => {
    const { client, start, quiet, list } = setUp();
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace: 'd', labels } });
    start(startJobController);
    await client.create(jobs, make());
    await quiet();
    expect(list<Pod>(pods)).toHaveLength(1);
    expect(list<Pod>(pods)[0]?.metadata).toMatchObject({ finalizers: [TRACKING], ownerReferences: [{ name: 'work' }] });
    await client.patch(pods, 'orphan', 'd', 'merge', { metadata: { labels: { job: 'else' } } });
    await quiet();
    const orphan = list<Pod>(pods).find((p) => p.metadata.name === 'orphan')!;
    expect(orphan.metadata.finalizers ?? []).toEqual([]);
    expect(orphan.metadata.ownerReferences ?? []).toEqual([]);
  });
  it('leave no pod that cannot go: those of a Job that is no more, or of nobody, lose the finalizer', async () => {
    const { client, start, runPods, quiet, list, running } = setUp();
    start(startJobController);
    runPods();
    const lost = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lost', namespace: 'd', finalizers: [TRACKING] } };
    await client.create(pods, lost);
    await client.create(jobs, make());
    await quiet();
    expect(running()).toHaveLength(2);
    await client.delete(jobs, 'work', 'd');
    await quiet();
    expect(list<Pod>(pods).flatMap((p) => p.metadata.finalizers ?? [])).toEqual([]);
  });
  it('that somebody else manages are left alone, and so are their pods', async () => {
    const { api, client, start, quiet, list } = setUp();
    start(startJobController);
    const theirs = await client.create(jobs, make({ managedBy: 'example.com/queue' }));
    const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'work', uid: theirs.metadata.uid!, controller: true };
    await client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'd', labels, finalizers: [TRACKING], ownerReferences: [owner] } }); // prettier-ignore
    await quiet();
    expect(list(pods)).toHaveLength(1);
    expect(api.calls.filter((c) => c.caller === 'controller:job' && !['list', 'watch'].includes(c.verb))).toEqual([]);
  });
  it('ask little of an API that refuses their pods', async () => {
    const { api, client, world, start } = setUp();
    api.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'pods') throw new ApiError('Forbidden', 'exceeded quota');
    };
    start(startJobController);
    await client.create(jobs, make({ completions: 100, parallelism: 100 }));
    await world.advance(60_000);
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'pods').length).toBeLessThan(16);
    expect(api.calls.filter((c) => c.resource === 'jobs/status').length).toBeLessThan(5);
  });
  it('with indexes retry each index by itself', async () => {
    const { client, world, start, runPods, quiet, end, running, status, conditions } = setUp();
    start(startJobController);
    runPods();
    await client.create(jobs, make({ completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 1 })); // prettier-ignore
    await quiet();
    expect(running()).toHaveLength(3);
    for (let round = 0; round < 40 && status()?.conditions === undefined; round++) {
      for (const pod of running())
        await end(pod, pod.metadata.labels?.['batch.kubernetes.io/job-completion-index'] === '1' ? 'Failed' : 'Succeeded'); // prettier-ignore
      await world.advance(1_000);
    }
    await quiet();
    expect(status()).toMatchObject({ completedIndexes: '0,2', failedIndexes: '1', succeeded: 2, failed: 2 });
    expect(conditions()).toEqual(['FailureTarget=True FailedIndexes', 'Failed=True FailedIndexes']);
  });
});
