import type { Job, JobCondition } from '../../schemas/generated/batch-v1.ts';

/** How a Job has ended; undefined while it has not. Source: pkg/controller/job/utils.go FinishedCondition. */
export const finishOf = ({ status }: Job): (JobCondition & { readonly type: 'Complete' | 'Failed' }) | undefined =>
  status?.conditions?.find(
    (c): c is JobCondition & { type: 'Complete' | 'Failed' } =>
      (c.type === 'Complete' || c.type === 'Failed') && c.status === 'True',
  );
