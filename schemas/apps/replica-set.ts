import { containerColumns } from '../core/container-columns.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';
import { defineResource } from '../define.ts';
import type { ReplicaSet } from '../generated/apps-v1.ts';
import { nonNegative } from '../meta/field-checks.ts';
import { invalid } from '../meta/field.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { OLD_DEFAULTS } from './old-versions.ts';
import { immutableSelector, podNameWarnings, selectorOrNothing, validateCounters, validateReplicaTemplate, validateRequiredSelector } from './workload-validation.ts'; // prettier-ignore

const COUNTERS = ['replicas', 'fullyLabeledReplicas', 'readyReplicas', 'availableReplicas', 'observedGeneration', 'terminatingReplicas']; // prettier-ignore
const LIMITED = ['fullyLabeledReplicas', 'readyReplicas', 'availableReplicas'];

export const replicaSet = defineResource<ReplicaSet>({
  group: 'apps', version: 'v1', resource: 'replicasets',
  oldDefaults: OLD_DEFAULTS,

  defaults(draft) {
    const spec = draft.spec!;
    defaultPodTemplate(spec.template);
    spec.replicas ??= 1;
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

  /** Source: pkg/apis/apps/validation ValidateReplicaSetSpec; the text about an empty selector is the real one. */
  *validate({ spec }, at) {
    const here = at('spec');
    yield* nonNegative(spec?.replicas, here('replicas'));
    yield* nonNegative(spec?.minReadySeconds, here('minReadySeconds'));
    yield* validateRequiredSelector(spec ?? {}, 'deployment', here('selector'));
    const selector = selectorOrNothing(spec?.selector);
    if (selector === undefined) yield invalid(here('selector'), spec?.selector, 'invalid label selector');
    else yield* validateReplicaTemplate(spec?.template, selector, here('template'));
  },
  validateUpdate: immutableSelector,
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateCounters({ ...status }, COUNTERS, LIMITED, 'readyReplicas', at('status'));
  },
  warnings: ({ metadata, spec }, old) => [
    ...(old === undefined ? podNameWarnings(metadata) : []),
    ...podTemplateWarnings(spec?.template, old?.spec?.template),
  ],

  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: ({ spec }) => formatSelector(spec?.selector) },

  cells({ metadata, spec, status }, now) {
    const [containers, images] = containerColumns(spec?.template?.spec);
    return [
      metadata.name ?? '', spec?.replicas ?? 0, status?.replicas ?? 0, status?.readyReplicas ?? 0,
      age(metadata.creationTimestamp, now), containers, images, formatSelector(spec?.selector),
    ];
  },
}); // prettier-ignore
