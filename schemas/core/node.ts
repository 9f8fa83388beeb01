import { defineResource } from '../define.ts';
import type { Node } from '../generated/core-v1.ts';
import { fieldPath } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { cidrWarnings } from '../networking/strict-ip.ts';
import { validateNode, validateNodeUpdate } from './node-validation.ts';
import { roundUpList } from './pod-spec-defaults.ts';

export const node = defineResource<Node>({
  group: '', version: 'v1', resource: 'nodes',
  tracksGeneration: false,

  /** Source: pkg/apis/core/v1 SetDefaults_NodeStatus, Convert_v1_NodeSpec_To_core_NodeSpec. */
  defaults(draft) {
    const { status, spec } = draft;
    if (status?.capacity) {
      status.allocatable ??= { ...status.capacity };
      roundUpList(status.capacity);
    }
    if (status?.allocatable) roundUpList(status.allocatable);
    if (spec?.podCIDR && !spec.podCIDRs) spec.podCIDRs = [spec.podCIDR];
    return draft;
  },
  /** Configuration through the API is gone; what it left in the status of old nodes may stay. */
  prepareForCreate(draft) {
    delete draft.spec?.configSource;
    delete draft.status?.config;
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    if (!old.spec?.configSource) delete draft.spec?.configSource;
    return draft;
  },
  prepareForStatusUpdate(draft, old) {
    if (!old.status?.config) delete draft.status?.config;
    return draft;
  },

  metadataChecks: ['whole', 'changes'],
  validate: validateNode,
  validateUpdate: validateNodeUpdate,
  validateStatusUpdate: validateNodeUpdate,
  warnings: ({ spec }) => [
    ...(spec?.externalID ? ['spec.externalID: this field is deprecated, and is unused by Kubernetes'] : []),
    ...(spec?.podCIDRs ?? []).flatMap((cidr, i) => cidrWarnings(cidr, fieldPath('spec')('podCIDRs')(i))),
  ],

  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },

  cells({ metadata, spec, status }, now) {
    const ready = status?.conditions?.findLast((c) => c.type === 'Ready');
    const state = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
    const info = status?.nodeInfo;
    const kernel = info?.kernelVersion || '<unknown>';
    const address = (type: string): string => status?.addresses?.find((a) => a.type === type)?.address ?? '<none>';
    return [
      metadata.name ?? '', state + (spec?.unschedulable ? ',SchedulingDisabled' : ''), roles(metadata.labels ?? {}),
      age(metadata.creationTimestamp, now), info?.kubeletVersion ?? '', address('InternalIP'), address('ExternalIP'),
      info?.osImage || '<unknown>', info?.architecture ? `${kernel} (${info.architecture})` : kernel, info?.containerRuntimeVersion || '<unknown>',
    ];
  },
}); // prettier-ignore

const ROLE_PREFIX = 'node-role.kubernetes.io/';
function roles(labels: Readonly<Record<string, string>>): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(labels)) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length) found.add(key.slice(ROLE_PREFIX.length));
    else if (key === 'kubernetes.io/role' && value !== '') found.add(value);
  }
  return [...found].sort().join(',') || '<none>';
}
