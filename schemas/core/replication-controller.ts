import { podNameWarnings, validateCounters, validateLongRunning } from '../apps/workload-validation.ts';
import { defineResource } from '../define.ts';
import type { ReplicationController } from '../generated/core-v1.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { invalid, required } from '../meta/field.ts';
import { formatLabels, selectorFromLabels } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { containerColumns } from './container-columns.ts';
import { dropDisabledTemplateFields } from './pod-disabled-fields.ts';
import { defaultPodTemplate } from './pod-spec-defaults.ts';
import { validatePodTemplate } from './pod-template-validation.ts';
import { podTemplateWarnings } from './pod-warnings.ts';

const COUNTERS = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration'];
const LIMITED = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

export const replicationController = defineResource<ReplicationController>({
  group: '', version: 'v1', resource: 'replicationcontrollers',
  defaultPropagation: 'Orphan',

  /** Source: pkg/apis/core/v1 SetDefaults_ReplicationController. */
  defaults(draft) {
    const spec = draft.spec!;
    defaultPodTemplate(spec.template);
    spec.replicas ??= 1;
    const labels = spec.template?.metadata?.labels;
    if (labels) {
      if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (Object.keys(draft.metadata.labels ?? {}).length === 0) draft.metadata.labels = { ...labels };
    }
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = { replicas: 0 };
    return draft;
  },
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = old.status ?? { replicas: 0 };
    return draft;
  },

  *validate({ spec }, at, old) {
    const here = at('spec');
    const selector = selectorFromLabels(spec?.selector);
    const template = spec?.template;
    yield* nonNegative(spec?.minReadySeconds, here('minReadySeconds'));
    if (selector.empty) yield required(here('selector'));
    yield* nonNegative(spec?.replicas, here('replicas'));
    if (!template) {
      yield required(here('template'));
      return;
    }
    const labels = template.metadata?.labels;
    if (!selector.empty && !selector.matches(labels))
      yield invalid(here('template')('metadata')('labels'), labels, '`selector` does not match template `labels`');
    yield* validatePodTemplate(template, here('template'), old?.spec?.template);
    yield* validateLongRunning(template, 'ReplicationController', here('template'));
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateCounters({ ...status }, COUNTERS, LIMITED, 'readyReplicas', at('status'));
  },
  /** Of an update the old template is looked at, not the new one. Source: rcStrategy WarningsOnUpdate. */
  warnings({ metadata, spec }, old) {
    if (old === undefined) return [...podNameWarnings(metadata), ...podTemplateWarnings(spec?.template)];
    return metadata.generation === old.metadata.generation ? [] : podTemplateWarnings(old.spec?.template);
  },

  selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: ({ spec }) => selectorFromLabels(spec?.selector).toString() },

  cells({ metadata, spec, status }, now) {
    return [
      metadata.name ?? '', spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0, age(metadata.creationTimestamp, now),
      ...containerColumns(spec?.template?.spec), formatLabels(spec?.selector),
    ];
  },
}); // prettier-ignore
