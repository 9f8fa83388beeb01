import * as resources from '../../../../actors/runtime/resources.ts';
import type { Job } from '../../../../schemas/generated/batch-v1.ts';
import type { History } from '../history.ts';
import { isActive, podsOf } from '../invariant.ts';
import { completionsCountedOnce, countedBeforeGone, parallelismKept } from '../invariants/jobs.ts';
import type { Scenario } from '../scenario.ts';
import { differs, first, task } from './workloads.ts';

const NAMESPACE = 'default';
const job = (name: string, spec: Partial<NonNullable<Job['spec']>>, script: string): Job => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name, namespace: NAMESPACE },
  // What is taken down by a fault is a failure that is not the Job's.
  spec: { backoffLimit: 100, ...spec, template: task(name, script) },
});
const find = (history: History, name: string): Job | undefined =>
  history.objects<Job>('Job', NAMESPACE).find(({ metadata }) => metadata.name === name);
const condition = (one: Job | undefined): string | undefined =>
  (one?.status?.conditions ?? []).find(({ type, status }) => /^(Complete|Failed)$/.test(type) && status === 'True')?.type; // prettier-ignore

/** Jobs of every sort run to their end. */
export const jobs: Scenario = {
  name: 'jobs',
  nodes: ['n1', 'n2'],
  faultsForMs: 14_000,
  convergeMs: 900_000,
  invariants: [completionsCountedOnce, countedBeforeGone, parallelismKept],
  run: async ({ user, random, history, until }) => {
    await user.create(resources.jobs, job('plain', { completions: 7, parallelism: 3 }, 'exitAfterMs: 900'));
    await user.create(resources.jobs, job('indexed', { completions: 6, parallelism: 2, completionMode: 'Indexed' }, 'exitAfterMs: 700')); // prettier-ignore
    await user.create(resources.jobs, job('failing', { completions: 1, backoffLimit: 1 }, '{ exitAfterMs: 300, exitCode: 3 }')); // prettier-ignore
    await user.create(resources.jobs, job('passing', { completions: 2, parallelism: 2, ttlSecondsAfterFinished: 2 }, 'exitAfterMs: 400')); // prettier-ignore
    await user.create(resources.jobs, job('suspended', { completions: 3, parallelism: 3 }, 'exitAfterMs: 1500'));
    await until(() => find(history, 'suspended') !== undefined, 20_000);
    const suspend = (suspended: boolean): Promise<void> =>
      user.change<Job>(resources.jobs, 'suspended', NAMESPACE, (old) =>
        condition(old) === undefined ? { ...old, spec: { ...old.spec!, suspend: suspended } } : old,
      );
    await user.sleep(random.between(10, 1_500));
    await suspend(true);
    await user.sleep(random.between(10, 4_000));
    await suspend(false);
  },
  missing: (history) => {
    const complete = (name: string, completions: number): string | undefined => {
      const one = find(history, name);
      return first(
        differs(`Job ${name}`, condition(one), 'Complete'),
        differs(`successes of ${name}`, one?.status?.succeeded, completions),
        differs(`uncounted pods of ${name}`, one?.status?.uncountedTerminatedPods, {}),
        differs(`pods at work on ${name}`, podsOf(history, one!).filter(isActive).length + (one?.status?.active ?? 0), 0), // prettier-ignore
      );
    };
    return first(
      complete('plain', 7),
      complete('indexed', 6),
      complete('suspended', 3),
      differs('Job failing', condition(find(history, 'failing')), 'Failed'),
      find(history, 'passing') && 'the Job passing is still there',
    );
  },
};
