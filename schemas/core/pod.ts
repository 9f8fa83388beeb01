import { defineResource } from '../define.ts';
import type { Pod } from '../generated/core-v1.ts';
import { fieldPath } from '../meta/field.ts';
import { dnsLabel } from '../meta/names.ts';
import { ipWarnings } from '../networking/strict-ip.ts';
import { affinityTerms, mergeLabelKeys } from './pod-affinity-validation.ts';
import { podCells } from './pod-cells.ts';
import { defaultPod } from './pod-defaults.ts';
import { dropDisabledFields, dropDisabledStatusFields } from './pod-disabled-fields.ts';
import { ephemeralContainers, resize } from './pod-doors.ts';
import { qosClass } from './pod-qos.ts';
import { validatePodStatusUpdate } from './pod-status-validation.ts';
import { validatePodUpdate } from './pod-update-validation.ts';
import { validatePod } from './pod-validation.ts';
import { podWarnings } from './pod-warnings.ts';
import { appArmorWarnings, copyAppArmor } from './profile-annotations.ts';

/** Printed also when unset. */
const NEVER_PROBED = { lastProbeTime: null } as unknown as { lastProbeTime?: string };

export const pod = defineResource<Pod>({
  group: '', version: 'v1', resource: 'pods',
  deleteReturnsObject: true,

  defaults: defaultPod,

  /** Source: pkg/registry/core/pod strategy.go PrepareForCreate. */
  prepareForCreate(draft) {
    const spec = draft.spec!;
    dropDisabledFields(spec);
    draft.status = { phase: 'Pending', qosClass: qosClass(spec) };
    if ((spec.schedulingGates ?? []).length > 0)
      draft.status.conditions = [
        { type: 'PodScheduled', status: 'False', ...NEVER_PROBED, lastTransitionTime: draft.metadata.creationTimestamp, reason: 'SchedulingGated', message: 'Scheduling is blocked due to non-empty scheduling gates' },
      ];
    const labels = draft.metadata.labels ?? {};
    for (const term of affinityTerms(spec.affinity)) mergeLabelKeys(term, labels);
    for (const constraint of spec.topologySpreadConstraints ?? []) mergeLabelKeys(constraint, labels);
    copyAppArmor(draft);
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.status) draft.status = old.status;
    dropDisabledFields(draft.spec);
    return draft;
  },
  doors: { ephemeralcontainers: ephemeralContainers, resize },
  /** Source: podStatusStrategy: owners are kept, and what a kubelet of another age leaves out. */
  prepareForStatusUpdate(draft, old) {
    if (old.metadata.ownerReferences) draft.metadata.ownerReferences = old.metadata.ownerReferences;
    else delete draft.metadata.ownerReferences;
    const status = (draft.status ??= {});
    if (old.status?.qosClass) status.qosClass ??= old.status.qosClass;
    if (old.status?.observedGeneration) status.observedGeneration ??= old.status.observedGeneration;
    // Several of one type, in their order.
    const before = [...(old.status?.conditions ?? [])];
    for (const condition of status.conditions ?? []) {
      const same = before.findIndex((c) => c.type === condition.type);
      const [known] = same < 0 ? [] : before.splice(same, 1);
      if (known?.observedGeneration) condition.observedGeneration ||= known.observedGeneration;
    }
    dropDisabledStatusFields(draft);
    return draft;
  },

  metadataChecks: ['changes', 'whole'],
  validate: validatePod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  earlyWarnings: appArmorWarnings,
  warnings({ metadata, spec }, old) {
    if (old !== undefined) return [];
    const problems = dnsLabel(metadata.name ?? '');
    return [
      ...(problems.length > 0 ? [`metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(' ')}]`] : []),
      ...podWarnings(spec!, metadata, fieldPath('spec'), fieldPath('metadata.annotations')),
    ];
  },

  statusWarnings: ({ status }) =>
    (['podIPs', 'hostIPs'] as const).flatMap((field) =>
      (status?.[field] ?? []).flatMap(({ ip }, i) => ipWarnings(ip, fieldPath('status')(field)(i)('ip'))),
    ),

  /** Source: pkg/registry/core/pod strategy.go CheckGracefulDelete. */
  gracePeriodSeconds({ spec, status }, requested) {
    let seconds = requested ?? spec?.terminationGracePeriodSeconds ?? 30;
    // Nothing runs: not scheduled yet, or all over.
    if (!spec?.nodeName || status?.phase === 'Failed' || status?.phase === 'Succeeded') seconds = 0;
    return seconds < 0 ? 1 : seconds;
  },

  /** Source: pkg/registry/core/pod strategy.go ToSelectableFields. */
  selectableFields: {
    'spec.nodeName': (p) => p.spec?.nodeName ?? '',
    // What clients of old say.
    'spec.host': (p) => p.spec?.nodeName ?? '',
    'spec.restartPolicy': (p) => p.spec?.restartPolicy ?? '',
    'spec.schedulerName': (p) => p.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (p) => p.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (p) => String(p.spec?.hostNetwork ?? false),
    'status.phase': (p) => p.status?.phase ?? '',
    'status.podIP': (p) => p.status?.podIP ?? '',
    // Known, but of no pod.
    'status.podIPs': () => '',
    'status.nominatedNodeName': (p) => p.status?.nominatedNodeName ?? '',
  },

  cells: podCells,
}); // prettier-ignore
