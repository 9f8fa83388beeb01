import type { Errors } from '../define.ts';
import type { Job } from '../generated/batch-v1.ts';
import { equal } from '../meta/equal.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { duplicate, invalid, invalidOmitted, required, type FieldPath } from '../meta/field.ts';
import { parseTime } from '../meta/time.ts';
import { indexesProblem, overlap } from './indexes.ts';

const has = ({ status }: Job, type: string): boolean =>
  status?.conditions?.some((c) => c.type === type && c.status === 'True') === true;
const isFinished = (job: Job): boolean => has(job, 'Complete') || has(job, 'Failed');

/**
 * What a status may not become; most rules look only at what the update changed. Source: pkg/apis/batch/validation
 * ValidateJobStatusUpdate, pkg/registry/batch/job getStatusValidationOptions.
 */
export function* validateJobStatusUpdate(job: Job, old: Job, at: FieldPath): Errors {
  const here = at('status');
  yield* validateCounters(job, here);
  yield* validateContradictions(job, old, here('conditions'));
  yield* validateTimes(job, old, here);
  yield* validateReasons(job, old, here('conditions'));
  yield* validateFinished(job, old, here);
  yield* validateIndexes(job, old, here);
  yield* validatePods(job, old, here);
  yield* validateSuccess(job, here('conditions'));
  yield* validateTransition(job, old, here);
}
function* validateCounters({ status = {} }: Job, at: FieldPath): Errors {
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const)
    yield* nonNegative(status[field], at(field));
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const)
    for (const [i, uid] of (status.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const here = at('uncountedTerminatedPods')(list)(i);
      if (uid === '') yield invalid(here, uid, 'must not be empty');
      else if (seen.has(uid)) yield duplicate(here, uid);
      seen.add(uid);
    }
}
const changed = (job: Job, old: Job, ...types: string[]): boolean => types.some((t) => has(job, t) !== has(old, t));
const both = (job: Job, a: string, b: string): boolean => has(job, a) && has(job, b);

function* validateContradictions(job: Job, old: Job, at: FieldPath): Errors {
  if (changed(job, old, 'Complete', 'Failed') && both(job, 'Complete', 'Failed'))
    yield invalidOmitted(at, 'cannot set Complete=True and Failed=true conditions');
  if (changed(job, old, 'Complete', 'FailureTarget') && both(job, 'Complete', 'FailureTarget'))
    yield invalidOmitted(at, 'cannot set Complete=True and FailureTarget=true conditions');
}
function* validateReasons(job: Job, old: Job, at: FieldPath): Errors {
  const failedIndexesChanged = job.status?.failedIndexes !== old.status?.failedIndexes;
  if ((changed(job, old, 'Failed') || failedIndexesChanged) && has(job, 'Failed') && !has(job, 'FailureTarget'))
    yield invalidOmitted(at, 'cannot set Failed=True condition without the FailureTarget=true condition');
  if (changed(job, old, 'Complete', 'SuccessCriteriaMet') && has(job, 'Complete') && !has(job, 'SuccessCriteriaMet'))
    yield invalidOmitted(at, 'cannot set Complete=True condition without the SuccessCriteriaMet=true condition');
}
function* validateSuccess(job: Job, at: FieldPath): Errors {
  if (both(job, 'SuccessCriteriaMet', 'Failed'))
    yield invalidOmitted(at, 'cannot set SuccessCriteriaMet=True and Failed=true conditions');
  if (both(job, 'SuccessCriteriaMet', 'FailureTarget'))
    yield invalidOmitted(at, 'cannot set SuccessCriteriaMet=True and FailureTarget=true conditions');
  if (job.spec?.successPolicy && !has(job, 'SuccessCriteriaMet') && has(job, 'Complete'))
    yield invalidOmitted(at, 'cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True');
}
function* validateTimes(job: Job, old: Job, at: FieldPath): Errors {
  const { startTime, completionTime } = job.status ?? {};
  const completionChanged = completionTime !== old.status?.completionTime;
  if (has(job, 'Complete') !== has(old, 'Complete') || completionChanged) {
    if (completionTime && !has(job, 'Complete'))
      yield invalid(
        at('completionTime'),
        completionTime,
        'cannot set completionTime when there is no Complete=True condition',
      );
    if (!completionTime && has(job, 'Complete'))
      yield required(at('completionTime'), 'completionTime is required for Complete jobs');
  }
  if (
    (completionChanged || startTime !== old.status?.startTime) &&
    startTime &&
    completionTime &&
    parseTime(completionTime)! < parseTime(startTime)!
  )
    yield invalid(at('completionTime'), completionTime, 'must be equal to or after `startTime`');
}
function* validateFinished(job: Job, old: Job, at: FieldPath): Errors {
  const { spec, status = {} } = job;
  const before = old.status ?? {};
  const finished = isFinished(job);
  const turned = finished !== isFinished(old);
  if ((turned || status.active !== before.active) && (status.active ?? 0) > 0 && finished)
    yield invalid(at('active'), status.active, 'active>0 is invalid for finished job');
  const idle = spec?.suspend === true && spec.completions === 0;
  if ((turned || status.startTime !== before.startTime) && !idle && !status.startTime && finished)
    yield required(at('startTime'), 'startTime is required for finished job');
  const uncounted = status.uncountedTerminatedPods;
  const left = (uncounted?.failed ?? []).length + (uncounted?.succeeded ?? []).length;
  if ((turned || !equal(uncounted, before.uncountedTerminatedPods)) && finished && left > 0)
    yield invalid(at('uncountedTerminatedPods'), uncounted, 'must be empty for finished job');
}
function* validatePods(job: Job, old: Job, at: FieldPath): Errors {
  const { status = {} } = job;
  const before = old.status ?? {};
  const finished = isFinished(job);
  if (
    (finished !== isFinished(old) || status.terminating !== before.terminating) &&
    (status.terminating ?? 0) > 0 &&
    finished
  )
    yield invalid(at('terminating'), status.terminating, 'terminating>0 is invalid for finished job');
  if (
    (status.ready !== before.ready || status.active !== before.active) &&
    status.ready !== undefined &&
    status.ready > (status.active ?? 0)
  )
    yield invalid(at('ready'), status.ready, 'cannot set more ready pods than active');
}
function* validateIndexes({ spec, status = {} }: Job, old: Job, at: FieldPath): Errors {
  const { completedIndexes = '', failedIndexes } = status;
  const completions = spec?.completions;
  const completedChanged = completedIndexes !== (old.status?.completedIndexes ?? '');
  const failedChanged = failedIndexes !== old.status?.failedIndexes;
  if (completedChanged && completions !== undefined) {
    const { problem } = indexesProblem(completedIndexes, completions);
    if (problem !== undefined)
      yield invalid(at('completedIndexes'), completedIndexes, `error parsing completedIndexes: ${problem}`);
  }
  if (failedChanged && failedIndexes !== undefined) {
    const { problem } = indexesProblem(failedIndexes, completions ?? 0);
    if (completions !== undefined && spec?.backoffLimitPerIndex !== undefined && problem !== undefined)
      yield invalid(at('failedIndexes'), failedIndexes, `error parsing failedIndexes: ${problem}`);
  }
  if (completedChanged && completedIndexes !== '' && spec?.completionMode !== 'Indexed')
    yield invalid(
      at('completedIndexes'),
      completedIndexes,
      'cannot set non-empty completedIndexes when non-indexed completion mode',
    );
  if (failedChanged && failedIndexes !== undefined && spec?.backoffLimitPerIndex === undefined)
    yield invalid(
      at('failedIndexes'),
      failedIndexes,
      'cannot set non-null failedIndexes when backoffLimitPerIndex is null',
    );
  if ((completedChanged || failedChanged) && completions !== undefined && failedIndexes !== undefined) {
    const index = overlap(completedIndexes, failedIndexes, completions);
    if (index !== undefined)
      yield invalid(
        at('failedIndexes'),
        failedIndexes,
        `failedIndexes and completedIndexes overlap at index: ${index}`,
      );
  }
}
function* validateTransition(job: Job, old: Job, at: FieldPath): Errors {
  const { spec, status = {} } = job;
  const before = old.status ?? {};
  for (const type of ['Failed', 'Complete', 'FailureTarget'])
    if (has(old, type) && !has(job, type))
      yield invalidOmitted(at('conditions'), `cannot disable the terminal ${type}=True condition`);
  if ((status.failed ?? 0) < (before.failed ?? 0))
    yield invalid(at('failed'), status.failed ?? 0, 'cannot decrease the failed counter');
  const scales = spec?.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (!scales && (status.succeeded ?? 0) < (before.succeeded ?? 0))
    yield invalid(at('succeeded'), status.succeeded ?? 0, 'cannot decrease the succeeded counter');
  if (status.completionTime && before.completionTime && status.completionTime !== before.completionTime)
    yield invalid(at('completionTime'), status.completionTime, 'field is immutable');
  const resumes =
    has(old, 'Suspended') && status.conditions?.some((c) => c.type === 'Suspended' && c.status === 'False');
  if (before.startTime && status.startTime !== before.startTime && !resumes && spec?.suspend !== true)
    yield invalid(at('startTime'), status.startTime ?? null, 'field is immutable for unsuspended job once set');
  if (has(old, 'SuccessCriteriaMet') && !has(job, 'SuccessCriteriaMet'))
    yield invalidOmitted(at('conditions'), 'cannot disable the SuccessCriteriaMet=True condition');
  if (has(old, 'Complete') && !has(old, 'SuccessCriteriaMet') && has(job, 'SuccessCriteriaMet'))
    yield invalidOmitted(
      at('conditions'),
      'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions',
    );
}
