import { describe, expect, it } from 'vitest';
import type { CronJob, Job } from '../../../schemas/generated/batch-v1.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { parseSchedule } from '../../../schemas/batch/schedule.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { cronJobs, events, jobs, pods } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startJobController } from '../job/actor.ts';
import { startCronJobController } from './actor.ts';
import { plan } from './reconcile.ts';
import { missed, untilNextMs } from './times.ts';

const at = (text: string): number => Date.parse(`2026-01-01T${text}Z`);
const make = (spec: object = {}, status: object = {}, created = '00:00:00'): CronJob => ({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'tick', namespace: 'd', uid: 'c', creationTimestamp: `2026-01-01T${created}Z` },
    spec: {
      schedule: '*/5 * * * *', concurrencyPolicy: 'Allow', suspend: false,
      jobTemplate: { metadata: { labels: { a: 'b' } }, spec: { completions: 1, parallelism: 1, backoffLimit: 6, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c' }], restartPolicy: 'Never' } } } },
      ...spec,
    },
    status,
  }); // prettier-ignore
const job = (name: string, o: { finish?: string; started?: string; completed?: string } = {}): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: 'd', uid: name },
  status: {
    ...(o.started && { startTime: `2026-01-01T${o.started}Z` }),
    ...(o.completed && { completionTime: `2026-01-01T${o.completed}Z` }),
    conditions: o.finish ? [{ type: o.finish, status: 'True' }] : [],
  },
});
const active = (...names: string[]) => ({ active: names.map((name) => ({ name, namespace: 'd', uid: name })) });
const reasons = (of: ReturnType<typeof plan>): string[] => of.events.map(({ reason }) => reason);
const look = (cronJob: CronJob, now: string, own: Job[] = [], gone: string[] = []) =>
  plan({ cronJob, jobs: own, gone: new Set(gone) }, at(now));

describe('what was missed', () => {
  it.each<[string, object, object, string, string | undefined, number]>([
    ['nothing yet', {}, {}, '00:04:59', undefined, 0],
    ['the first', {}, {}, '00:05:00', '00:05:00', 0],
    ['the last of some', {}, {}, '00:16:00', '00:15:00', 3],
    ['nothing since the last', {}, { lastScheduleTime: '2026-01-01T00:15:00Z' }, '00:16:00', undefined, 0],
    ['many', { schedule: '* * * * *' }, {}, '05:00:30', '05:00:00', 300],
    ['only what is not too late', { startingDeadlineSeconds: 90 }, {}, '00:16:00', '00:15:00', 0],
    ['times apart differently', { schedule: '0,1,50 * * * *' }, {}, '02:10:00', '02:01:00', 3],
  ])('%s', (_, spec, status, now, latest, count) => {
    const cronJob = make(spec, status);
    const found = missed(cronJob, parseSchedule(cronJob.spec.schedule), at(now), true);
    expect(found).toMatchObject({ latest: latest && at(latest), count });
  });
  it('is looked for again a little after the next time', () => {
    const cronJob = make({}, { lastScheduleTime: '2026-01-01T00:15:00Z' });
    expect(untilNextMs(cronJob, parseSchedule('*/5 * * * *'), at('00:16:00'))).toBe(240_100);
  });
});

describe('what is done', () => {
  it('makes a Job that is named by its time and told it', () => {
    const zone = { timeZone: 'Asia/Kathmandu' };
    const { start, requeueAfterMs } = look(make(zone), '00:05:00.1');
    expect(start?.job.metadata).toMatchObject({
      name: `tick-${at('00:05:00') / 60_000}`,
      labels: { a: 'b' },
      annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': '2026-01-01T05:50:00+05:45' },
      ownerReferences: [{ kind: 'CronJob', name: 'tick', controller: true, blockOwnerDeletion: true }],
    });
    expect(requeueAfterMs).toBe(300_000);
  });
  it.each<[string, CronJob, string, Job[], string[], boolean]>([
    ['nothing while it is suspended', make({ suspend: true }), '00:05:00', [], [], false],
    ['nothing when it is too late', make({ startingDeadlineSeconds: 10, schedule: '5 * * * *' }, { lastScheduleTime: '2026-01-01T00:04:50Z' }), '00:05:11', [], [], false],
    ['nothing beside another, if that is forbidden', make({ concurrencyPolicy: 'Forbid' }, active('x')), '00:05:00', [job('x')], ['JobAlreadyActive'], false],
    ['one beside another, if that is allowed', make({}, active('x')), '00:05:00', [job('x')], [], true],
    ['one instead of another', make({ concurrencyPolicy: 'Replace' }, active('x')), '00:05:00', [job('x')], [], true],
    ['one for many, with a word on it', make({ schedule: '* * * * *' }), '02:00:00', [], ['TooManyMissedTimes'], true],
    ['nothing in a zone that nobody knows', make({ timeZone: 'Mars/Olympus' }), '00:05:00', [], ['UnknownTimeZone'], false],
    ['nothing by a schedule that is none', make({ schedule: 'often' }), '00:05:00', [], ['UnparseableSchedule'], false],
    ['nothing by a schedule that never comes', make({ schedule: '0 0 31 2 *' }), '00:05:00', [], ['InvalidSchedule'], false],
    ['nothing twice', make({}, active(`tick-${at('00:05:00') / 60_000}`)), '00:05:30', [job(`tick-${at('00:05:00') / 60_000}`)], [], false],
  ])('%s', (_, cronJob, now, own, told, starts) => {
    const found = look(cronJob, now, own.map((j) => ({ ...j, metadata: { ...j.metadata, uid: j.metadata.name! } })));
    expect(reasons(found)).toEqual(told);
    expect(found.start !== undefined).toBe(starts);
  }); // prettier-ignore
  it('keeps the books: who is active, who went missing, who was unexpected, when one succeeded last', () => {
    const cronJob = make({ suspend: true }, { ...active('done', 'runs', 'gone'), lastSuccessfulTime: '2026-01-01T00:01:00Z' }); // prettier-ignore
    const done = job('done', { finish: 'Complete', completed: '00:03:00' });
    const found = look(cronJob, '00:04:00', [done, job('runs'), job('stranger')], ['gone']);
    expect(found.status).toEqual({ ...active('runs'), lastSuccessfulTime: '2026-01-01T00:03:00Z' });
    expect(found.events.map((e) => e.message)).toEqual([
      'Saw completed job: done, condition: Complete',
      'Saw a job that the controller did not create or forgot: stranger',
      'Active job went missing: gone',
    ]);
  });
  it('clears away the oldest that are too many', () => {
    const own = ['03', '01', '02'].map((m) => job(`s${m}`, { finish: 'Complete', started: `00:${m}:00` }));
    const lost = ['05', '04'].map((m) => job(`f${m}`, { finish: 'Failed', started: `00:${m}:00` }));
    const limits = { suspend: true, successfulJobsHistoryLimit: 1, failedJobsHistoryLimit: 1 };
    const { surplus } = look(make(limits), '00:06:00', [...own, ...lost]);
    expect(surplus.map((j) => j.metadata.name)).toEqual(['s01', 's02', 'f04']);
  });
});

describe('CronJobs', () => {
  it('run their Jobs hour after hour, and keep no more of them than they are to', async () => {
    const { api, client, world, start, runPods, list, quiet } = testCluster();
    start(startCronJobController, startJobController);
    runPods();
    await client.create(cronJobs, make({ successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 1 }));
    for (let i = 0; i < 12; i++) {
      await world.advance(300_000);
      for (const pod of list<Pod>(pods).filter((p) => p.status?.phase === 'Running'))
        await client.patch(pods, pod.metadata.name!, 'd', 'merge', { status: { phase: 'Succeeded' } }, { subresource: 'status' }); // prettier-ignore
      await quiet();
    }
    const made = api.calls.filter((c) => c.verb === 'create' && c.resource === 'jobs');
    expect(new Set(made.map((c) => c.name)).size).toBe(made.length);
    expect(made.length).toBeGreaterThanOrEqual(11);
    expect(list(jobs).length).toBeLessThanOrEqual(4);
    const status = api.object<CronJob>(cronJobs, 'd/tick')?.status;
    expect(status?.lastScheduleTime).toBeDefined();
    expect(status?.lastSuccessfulTime).toBeDefined();
  });
  it('find the Job that they made before they could say so', async () => {
    const { api, client, world, start, list } = testCluster();
    let isBroken = true;
    api.intercept = ({ verb, resource }) => {
      if (isBroken && verb === 'update' && resource === 'cronjobs/status')
        throw new ApiError('InternalError', 'not now');
    };
    start(startCronJobController);
    await client.create(cronJobs, make());
    await world.advance(301_000);
    expect(list(jobs)).toHaveLength(1);
    isBroken = false;
    await world.advance(60_000);
    expect(list(jobs)).toHaveLength(1);
    expect(api.object<CronJob>(cronJobs, 'd/tick')?.status?.active).toHaveLength(1);
  });
  it('replace what still runs', async () => {
    const { client, world, start, list } = testCluster();
    start(startCronJobController);
    await client.create(cronJobs, make({ concurrencyPolicy: 'Replace' }));
    await world.advance(301_000);
    const [first] = list(jobs);
    await world.advance(300_000);
    expect(list(jobs)).toHaveLength(1);
    expect(list(jobs)[0]?.metadata.name).not.toBe(first?.metadata.name);
    expect(list(events).map((e) => (e as unknown as { reason: string }).reason)).toContain('SuccessfulDelete');
  });
  it('ask little of an API that refuses their Jobs', async () => {
    const { api, client, world, start } = testCluster();
    api.intercept = ({ verb, resource }) => {
      if (verb === 'create' && resource === 'jobs') throw new ApiError('Forbidden', 'exceeded quota');
    };
    start(startCronJobController);
    await client.create(cronJobs, make());
    await world.advance(360_000);
    expect(api.calls.filter((c) => c.verb === 'create' && c.resource === 'jobs').length).toBeLessThan(16);
  });
});
