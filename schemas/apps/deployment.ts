import { defineResource } from '../define.ts';
import { dropDisabledTemplateFields } from '../core/pod-disabled-fields.ts';
import { defaultPodTemplate } from '../core/pod-spec-defaults.ts';
import type { Deployment } from '../generated/apps-v1.ts';
import { equal } from '../meta/equal.ts';
import { formatSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';
import { containerColumns } from '../core/container-columns.ts';
import { OLD_DEFAULTS } from './old-versions.ts';
import { validateDeployment, validateDeploymentStatus } from './deployment-validation.ts';
import { immutableSelector, podNameWarnings } from './workload-validation.ts';
import { podTemplateWarnings } from '../core/pod-warnings.ts';

export const deployment = defineResource<Deployment>({
  group: 'apps', version: 'v1', resource: 'deployments',
  oldDefaults: OLD_DEFAULTS,

  /** Source: pkg/apis/apps/v1 SetDefaults_Deployment. */
  defaults(draft) {
    const spec = draft.spec!;
    defaultPodTemplate(spec.template);
    spec.replicas ??= 1;
    const strategy = (spec.strategy ??= {});
    strategy.type ??= 'RollingUpdate';
    if (strategy.type === 'RollingUpdate') {
      strategy.rollingUpdate ??= {};
      strategy.rollingUpdate.maxUnavailable ??= '25%';
      strategy.rollingUpdate.maxSurge ??= '25%';
    }
    spec.revisionHistoryLimit ??= 10;
    spec.progressDeadlineSeconds ??= 600;
    return draft;
  },
  prepareForCreate(draft) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    dropDisabledTemplateFields(draft.spec?.template);
    draft.status = old.status ?? {};
    // Other than elsewhere, what rolls out may hang on annotations.
    if (!equal(draft.metadata.annotations ?? {}, old.metadata.annotations ?? {}))
      draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return draft;
  },

  validate: validateDeployment,
  validateUpdate: immutableSelector,
  validateStatusUpdate: validateDeploymentStatus,
  warnings: ({ metadata, spec }, old) => [
    ...(old === undefined ? podNameWarnings(metadata) : []),
    ...podTemplateWarnings(spec?.template, old?.spec?.template),
  ],

  scale: { specReplicas: 'spec.replicas', statusReplicas: 'status.replicas', selector: ({ spec }) => formatSelector(spec?.selector) },

  cells({ metadata, spec, status }, now) {
    const [containers, images] = containerColumns(spec?.template?.spec);
    return [
      metadata.name ?? '', `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`, status?.updatedReplicas ?? 0, status?.availableReplicas ?? 0,
      age(metadata.creationTimestamp, now), containers, images, formatSelector(spec?.selector),
    ];
  },
}); // prettier-ignore
