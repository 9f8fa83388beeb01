import { containerColumns } from '../core/container-columns.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate, roundUp } from '../core/pod-spec-defaults.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';
import { defineResource } from '../define.ts';
import type { StatefulSet } from '../generated/apps-v1.ts';
import { equal } from '../meta/equal.ts';
import { forbidden } from '../meta/field.ts';
import { nameIsLabel } from '../meta/names.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { OLD_DEFAULTS } from './old-versions.ts';
import { validateStatefulSet } from './stateful-set-validation.ts';
import { neverDecremented, validateCounters } from './workload-validation.ts';

const COUNTERS = ['replicas', 'readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas', 'observedGeneration', 'collisionCount']; // prettier-ignore
const LIMITED = ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'];
const MUTABLE = ['replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy', 'minReadySeconds'] as const; // prettier-ignore

/** Off by default: the feature MaxUnavailableStatefulSet. */
function withoutUnavailable(draft: StatefulSet): StatefulSet {
  delete draft.spec?.updateStrategy?.rollingUpdate?.maxUnavailable;
  return draft;
}
export const statefulSet = defineResource<StatefulSet>({
  group: 'apps', version: 'v1', resource: 'statefulsets',
  oldDefaults: OLD_DEFAULTS,
  validateName: nameIsLabel,

  /** Source: pkg/apis/apps/v1 SetDefaults_StatefulSet. */
  defaults(draft) {
    const spec = draft.spec!;
    defaultPodTemplate(spec.template);
    spec.podManagementPolicy ??= 'OrderedReady';
    const strategy = (spec.updateStrategy ??= {});
    if (strategy.type === undefined) {
      strategy.type = 'RollingUpdate';
      strategy.rollingUpdate ??= {};
    }
    if (strategy.type === 'RollingUpdate' && strategy.rollingUpdate) strategy.rollingUpdate.partition ??= 0;
    const retention = (spec.persistentVolumeClaimRetentionPolicy ??= {});
    retention.whenDeleted ??= 'Retain';
    retention.whenScaled ??= 'Retain';
    spec.replicas ??= 1;
    spec.revisionHistoryLimit ??= 10;
    for (const claim of spec.volumeClaimTemplates ?? []) {
      claim.kind = 'PersistentVolumeClaim';
      claim.apiVersion = 'v1';
      (claim.spec ??= {}).volumeMode ??= 'Filesystem';
      (claim.status ??= {}).phase ??= 'Pending';
      roundUp(claim.spec.resources);
    }
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = { replicas: 0, availableReplicas: 0 };
    return withoutUnavailable(draft);
  },
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = old.status ?? { replicas: 0 };
    return old.spec?.updateStrategy?.rollingUpdate?.maxUnavailable === undefined ? withoutUnavailable(draft) : draft;
  },

  *validate({ spec }, at, old) {
    yield* validateStatefulSet(spec!, old?.spec, at('spec'));
  },
  *validateUpdate({ spec }, old, at) {
    const now = { ...spec, ...Object.fromEntries(MUTABLE.map((field) => [field, old.spec?.[field]])) };
    if (!equal(now, old.spec))
      yield forbidden(at('spec'), "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"); // prettier-ignore
  },
  *validateStatusUpdate({ status }, old, at) {
    yield* validateCounters({ ...status }, COUNTERS, LIMITED, 'status.readyReplicas', at('status'));
    yield* neverDecremented(status?.collisionCount, old.status?.collisionCount, at('status')('collisionCount'));
  },
  warnings({ spec }, old) {
    const limit = spec?.revisionHistoryLimit ?? 0;
    return [
      ...podTemplateWarnings(spec?.template, old?.spec?.template),
      ...(limit < 0 ? ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended'] : []),
    ];
  },

  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: ({ spec }) => formatSelector(spec?.selector) },
  cells: ({ metadata, spec, status }, now) => [
    metadata.name ?? '', `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, age(metadata.creationTimestamp, now), ...containerColumns(spec?.template?.spec),
  ],
}); // prettier-ignore
