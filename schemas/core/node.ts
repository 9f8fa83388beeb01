import { defineResource, type Errors } from '../define.ts';
import type { Node, NodeStatus, Taint } from '../generated/core-v1.ts';
import { duplicate, forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { validateCidr } from '../meta/ip.ts';
import { labelValue, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { validateResourceQuantity } from './resource-names.ts';

export const node = defineResource<Node>({
  group: '', version: 'v1', resource: 'nodes',
  tracksGeneration: false,

  /** Source: pkg/apis/core/v1 SetDefaults_NodeStatus, Convert_v1_NodeSpec_To_core_NodeSpec. */
  defaults(draft) {
    const { status, spec } = draft;
    if (status?.capacity) status.allocatable ??= { ...status.capacity };
    if (spec?.podCIDR && !spec.podCIDRs) spec.podCIDRs = [spec.podCIDR];
    return draft;
  },
  prepareForUpdate(draft, old) {
    if (old.status) draft.status = old.status;
    return draft;
  },

  *validate({ spec, status }, at) {
    yield* validateTaints(spec?.taints ?? [], at('metadata')('taints'));
    yield* validateAmounts(status, at('status'));
    const cidrs = spec?.podCIDRs ?? [];
    const here = at('spec')('podCIDRs');
    for (const [i, cidr] of cidrs.entries()) yield* validateCidr(cidr, here(i));
    if (cidrs.length > 2 || (cidrs.length === 2 && cidrs[0]!.includes(':') === cidrs[1]!.includes(':')))
      yield invalid(here, cidrs, 'may specify no more than one CIDR for each IP family');
  },
  *validateUpdate({ spec, status }, old, at) {
    const addresses = new Set<string>();
    for (const [i, address] of (status?.addresses ?? []).entries()) {
      const key = `${address.type} ${address.address}`;
      if (addresses.has(key)) yield duplicate(at('status')('addresses')(i), address);
      addresses.add(key);
    }
    const before = old.spec?.podCIDRs ?? [];
    if (before.length > 0 && before.join() !== (spec?.podCIDRs ?? []).join())
      yield forbidden(at('spec')('podCIDRs'), 'node updates may not change podCIDR except from "" to valid');
    if (old.spec?.providerID && old.spec.providerID !== spec?.providerID)
      yield forbidden(at('spec')('providerID'), 'node updates may not change providerID except from "" to valid');
    if ((spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) yield forbidden(at('spec')('externalID'), 'may not be updated');
  },
  *validateStatusUpdate({ status }, _old, at) {
    yield* validateAmounts(status, at('status'));
  },

  selectableFields: { 'spec.unschedulable': ({ spec }) => String(spec?.unschedulable ?? false) },

  cells({ metadata, spec, status }, now) {
    const ready = status?.conditions?.find((c) => c.type === 'Ready');
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
function* validateAmounts(status: NodeStatus | undefined, at: FieldPath): Errors {
  for (const list of ['capacity', 'allocatable'] as const)
    for (const [name, quantity] of Object.entries(status?.[list] ?? {}))
      yield* validateResourceQuantity(name, quantity, at(list)(name));
}
const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
/** The path `metadata.taints` is the real one. Source: pkg/apis/core/validation validateNodeTaints. */
function* validateTaints(taints: readonly Taint[], at: FieldPath): Errors {
  const seen = new Set<string>();
  for (const [i, taint] of taints.entries()) {
    const here = at(i);
    for (const why of qualifiedName(taint.key)) yield invalid(here('key'), taint.key, why);
    const wrong = labelValue(taint.value ?? '');
    if (wrong.length > 0) yield invalid(here('value'), taint.value, wrong.join(';'));
    if (!taint.effect) yield required(here('effect'));
    else if (!EFFECTS.includes(taint.effect)) yield notSupported(here('effect'), taint.effect, EFFECTS);
    const key = `${taint.effect} ${taint.key}`;
    if (seen.has(key)) {
      const error = duplicate(here, taint);
      yield { ...error, message: `${error.message}: taints must be unique by key and effect pair` };
    }
    seen.add(key);
  }
}
