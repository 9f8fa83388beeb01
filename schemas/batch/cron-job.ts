import { containerColumns } from '../core/container-columns.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';
import { defineResource, type Errors } from '../define.ts';
import type { CronJob } from '../generated/batch-v1.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { podNameWarnings } from '../apps/workload-validation.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { defaultPatterns } from './job.ts';
import { validateJobTemplateSpec } from './job-spec-validation.ts';
import { scheduleProblem } from './schedule.ts';
import { timeZoneProblem } from './time-zone.ts';

const POLICIES = ['Allow', 'Forbid', 'Replace'];
/** A Job's name is the CronJob's and 11 characters of time. */
const MAX_NAME = 52;

export const cronJob = defineResource<CronJob>({
  group: 'batch', version: 'v1', resource: 'cronjobs',
  statusMetadataChecks: [],

  /** Source: pkg/apis/batch/v1 SetDefaults_CronJob. */
  defaults(draft) {
    const spec = draft.spec;
    const job = spec.jobTemplate?.spec;
    defaultPodTemplate(job?.template);
    if (job) defaultPatterns(job);
    spec.concurrencyPolicy ??= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.spec?.jobTemplate?.spec?.template);
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.jobTemplate?.spec?.template);
    draft.status = old.status ?? {};
    return draft;
  },

  validate: validateCronJob,
  warnings({ metadata, spec }, old) {
    return [
      ...(old === undefined ? podNameWarnings(metadata) : []),
      ...podTemplateWarnings(spec?.jobTemplate?.spec?.template, old?.spec?.jobTemplate?.spec?.template, 'spec.jobTemplate.spec.template'),
    ];
  },

  cells({ metadata, spec, status }, now) {
    const job = spec?.jobTemplate?.spec;
    return [
      metadata.name ?? '', spec?.schedule ?? '', spec?.timeZone ?? '<none>', spec?.suspend === true ? 'True' : 'False', (status?.active ?? []).length,
      status?.lastScheduleTime ? age(status.lastScheduleTime, now) : '<none>', age(metadata.creationTimestamp, now),
      ...containerColumns(job?.template?.spec), formatSelector(job?.selector),
    ];
  },
}); // prettier-ignore

/** Source: pkg/apis/batch/validation ValidateCronJobCreate; an update is checked alike but for the name's length. */
function* validateCronJob({ metadata, spec }: CronJob, at: FieldPath): Errors {
  const here = at('spec');
  const { timeZone, jobTemplate } = spec ?? {};
  const schedule = spec?.schedule ?? '';
  const concurrency: string = spec?.concurrencyPolicy ?? '';
  if (schedule === '') yield required(here('schedule'));
  else {
    const problem = scheduleProblem(schedule);
    if (problem !== undefined) yield invalid(here('schedule'), schedule, problem);
    if (schedule.includes('TZ'))
      yield invalid(here('schedule'), schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  }
  yield* nonNegative(spec?.startingDeadlineSeconds, here('startingDeadlineSeconds'));
  const zoneProblem = timeZone === undefined ? undefined : timeZoneProblem(timeZone);
  if (zoneProblem !== undefined) yield invalid(here('timeZone'), timeZone, zoneProblem);
  if (concurrency === '') yield required(here('concurrencyPolicy'));
  else if (!POLICIES.includes(concurrency)) yield notSupported(here('concurrencyPolicy'), concurrency, POLICIES);
  const job = jobTemplate?.spec ?? { template: {} };
  const inner = here('jobTemplate')('spec');
  yield* validateJobTemplateSpec(job, inner);
  if (job.selector) yield invalid(inner('selector'), job.selector, '`selector` will be auto-generated');
  if (job.manualSelector === true) yield notSupported(inner('manualSelector'), true, ['nil', 'false']);
  yield* nonNegative(spec?.successfulJobsHistoryLimit, here('successfulJobsHistoryLimit'));
  yield* nonNegative(spec?.failedJobsHistoryLimit, here('failedJobsHistoryLimit'));
  if (metadata.name !== undefined && metadata.name.length > MAX_NAME && metadata.resourceVersion === undefined)
    yield invalid(at('metadata')('name'), metadata.name, `must be no more than ${MAX_NAME} characters`);
}
