import { containerColumns } from '../core/container-columns.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';
import { defineResource } from '../define.ts';
import type { Job, JobSpec } from '../generated/batch-v1.ts';
import { invalid } from '../meta/field.ts';
import { dnsLabel } from '../meta/names.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age, humanDuration, parseTime } from '../meta/time.ts';
import { podNameWarnings } from '../apps/workload-validation.ts';
import { generateSelector, validateGeneratedSelector } from './job-selector.ts';
import { validateJobSpec } from './job-spec-validation.ts';
import { validateJobStatusUpdate } from './job-status-validation.ts';
import { validateJobUpdate } from './job-update-validation.ts';

export const job = defineResource<Job>({
  group: 'batch', version: 'v1', resource: 'jobs',
  defaultPropagation: 'Orphan',
  warnsOfOrphans: true,

  defaults(draft) {
    defaultJobSpec(draft.spec!);
    inheritLabels(draft);
    return draft;
  },
  /**
   * Labels that a Job has from its template are the same map in Go, which the generated ones are put into. Where there were
   * none they become the Job's when it is read again, so they are set at once.
   */
  prepareForCreate(draft) {
    const { metadata, spec } = draft;
    dropDisabledTemplateFields(spec?.template);
    const isShared = metadata.labels !== undefined && metadata.labels === spec?.template?.metadata?.labels;
    if (spec?.manualSelector !== true) generateSelector(draft);
    if (isShared) metadata.labels = spec.template.metadata!.labels;
    inheritLabels(draft);
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = old.status ?? {};
    return draft;
  },

  /** Source: pkg/apis/batch/validation ValidateJob. */
  *validate(object, at) {
    const { metadata, spec } = object;
    const here = at('spec');
    yield* validateGeneratedSelector(object, at);
    yield* validateJobSpec(spec!, here);
    if (spec?.completionMode !== 'Indexed' || !spec.completions) return;
    const longest = `${metadata.name}-${spec.completions - 1}`;
    if (dnsLabel(longest).length > 0)
      yield invalid(at('metadata')('name'), metadata.name, `will not able to create pod with invalid DNS label: ${longest}`);
  },
  metadataChecks: ['whole', 'changes'],
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings({ metadata, spec }, old) {
    return [
      ...(old === undefined ? podNameWarnings(metadata) : []),
      ...podTemplateWarnings(spec?.template, old?.spec?.template),
    ];
  },

  unknownField: (field) => `field label ${JSON.stringify(field)} not supported for Job`,
  selectableFields: { 'status.successful': ({ status }) => String(status?.succeeded ?? 0) },

  cells(object, now) {
    const { metadata, spec, status } = object;
    const started = parseTime(status?.startTime ?? '');
    const ended = parseTime(status?.completionTime ?? '') ?? now;
    return [
      metadata.name ?? '', state(object), completions(object), started === undefined ? '' : humanDuration(ended - started),
      age(metadata.creationTimestamp, now), ...containerColumns(spec?.template?.spec), formatSelector(spec?.selector),
    ];
  },
}); // prettier-ignore

function inheritLabels({ metadata, spec }: Job): void {
  const labels = spec?.template?.metadata?.labels;
  if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = labels;
}
/** Source: pkg/apis/batch/v1 SetDefaults_Job. */
function defaultJobSpec(spec: JobSpec): void {
  defaultPodTemplate(spec.template);
  defaultPatterns(spec);
  if (spec.completions === undefined && spec.parallelism === undefined) spec.completions = 1;
  spec.parallelism ??= 1;
  spec.backoffLimit ??= spec.backoffLimitPerIndex === undefined ? 6 : 2 ** 31 - 1;
  spec.completionMode ??= 'NonIndexed';
  spec.suspend ??= false;
  spec.podReplacementPolicy ??= spec.podFailurePolicy ? 'Failed' : 'TerminatingOrFailed';
  spec.manualSelector ??= false;
}
export function defaultPatterns(spec: JobSpec): void {
  for (const { onPodConditions } of spec.podFailurePolicy?.rules ?? [])
    for (const p of onPodConditions ?? []) p.status ||= 'True';
}
/** In the order in which they are looked at. */
const ENDED = ['Complete', 'Failed'];
const UNDERWAY = ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'];
function state({ metadata, status }: Job): string {
  const holds = (type: string): boolean => status?.conditions?.find((c) => c.type === type)?.status === 'True';
  return ENDED.find(holds) ?? (metadata.deletionTimestamp ? 'Terminating' : (UNDERWAY.find(holds) ?? 'Running'));
}
function completions({ spec, status }: Job): string {
  const done = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${done}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${done}/1 of ${parallelism}` : `${done}/1`;
}
