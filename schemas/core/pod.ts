import { defineResource } from '../define.ts';
import type { Pod } from '../generated/core-v1.ts';
import { podCells } from './pod-cells.ts';
import { defaultPod } from './pod-defaults.ts';
import { qosClass } from './pod-qos.ts';

export const pod = defineResource<Pod>({
  group: '', version: 'v1', resource: 'pods',
  deleteReturnsObject: true,

  defaults: defaultPod,

  prepareForCreate(draft) {
    const spec = draft.spec!;
    draft.metadata.generation = 1;
    draft.status = { phase: 'Pending', qosClass: qosClass(spec) };
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.status) draft.status = old.status;
    return draft;
  },

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
    'spec.restartPolicy': (p) => p.spec?.restartPolicy ?? '',
    'spec.schedulerName': (p) => p.spec?.schedulerName ?? '',
    'spec.serviceAccountName': (p) => p.spec?.serviceAccountName ?? '',
    'spec.hostNetwork': (p) => String(p.spec?.hostNetwork ?? false),
    'status.phase': (p) => p.status?.phase ?? '',
    'status.podIP': (p) => p.status?.podIP ?? '',
    'status.podIPs': (p) => (p.status?.podIPs ?? []).map((i) => i.ip).join(','),
    'status.nominatedNodeName': (p) => p.status?.nominatedNodeName ?? '',
  },

  cells: podCells,
}); // prettier-ignore
