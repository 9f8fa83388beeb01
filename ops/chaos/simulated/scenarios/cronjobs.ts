import * as resources from '../../../../actors/runtime/resources.ts';
import type { CronJob, Job } from '../../../../schemas/generated/batch-v1.ts';
import { controllerOf } from '../invariant.ts';
import { completionsCountedOnce, concurrencyKept, countedBeforeGone, parallelismKept } from '../invariants/jobs.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, task } from './workloads.ts';

const POLICIES = ['Allow', 'Forbid', 'Replace'] as const;
const cronJob = (policy: (typeof POLICIES)[number]): CronJob => ({
  apiVersion: 'batch/v1',
  kind: 'CronJob',
  metadata: { name: policy.toLowerCase(), namespace: 'default' },
  spec: {
    schedule: '* * * * *',
    concurrencyPolicy: policy,
    successfulJobsHistoryLimit: 1,
    // Longer than a minute, so that the policies have something to say.
    jobTemplate: { spec: { backoffLimit: 100, template: task(policy.toLowerCase(), 'exitAfterMs: 70000') } },
  },
});

/** CronJobs of each policy start Jobs every minute, then are suspended. */
export const cronJobs: Scenario = {
  name: 'cronjobs',
  nodes: ['n1', 'n2'],
  faultsForMs: 200_000,
  convergeMs: 900_000,
  invariants: [concurrencyKept, completionsCountedOnce, countedBeforeGone, parallelismKept],
  run: async ({ user }) => {
    for (const policy of POLICIES) await user.create(resources.cronJobs, cronJob(policy));
    await user.sleep(200_000);
    for (const policy of POLICIES)
      await user.change<CronJob>(resources.cronJobs, policy.toLowerCase(), 'default', (old) => ({
        ...old,
        spec: { ...old.spec, suspend: true },
      }));
  },
  missing: (history) =>
    first(
      ...POLICIES.map((policy) => {
        const name = policy.toLowerCase();
        const one = history.objects<CronJob>('CronJob', 'default').find(({ metadata }) => metadata.name === name);
        const own = history
          .objects<Job>('Job', 'default')
          .filter((job) => controllerOf(job)?.uid === one?.metadata.uid);
        const open = own.filter(({ status }) => !(status?.conditions ?? []).some((c) => /^(Complete|Failed)$/.test(c.type) && c.status === 'True')); // prettier-ignore
        return first(
          differs(`${name} suspended`, one?.spec?.suspend, true),
          one?.status?.lastScheduleTime === undefined ? `${name} never ran` : undefined,
          differs(
            `Jobs of ${name} that are not over`,
            open.map(({ metadata }) => metadata.name),
            [],
          ),
          differs(`active Jobs of ${name}`, one?.status?.active ?? [], []),
          differs(`Jobs of ${name} that are kept`, own.length, 1),
        );
      }),
    ),
};
