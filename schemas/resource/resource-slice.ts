import { defineResource, type Errors } from '../define.ts';
import type { CounterSet, ResourceSlice, ResourceSliceSpec } from '../generated/resource-v1.ts';
import { validateNodeSelector } from '../core/node-affinity-validation.ts';
import { problems } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { driverName, labelName, mapOf, poolName, setOf } from './checks.ts';
import { MAX_LABEL, validateDevice } from './device.ts';

const MAX_DEVICES = 128;
const MAX_ADVANCED_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const PLACES = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

export const resourceSlice = defineResource<ResourceSlice>({
  group: 'resource.k8s.io', version: 'v1', resource: 'resourceslices',
  deleteReturnsObject: true,
  tracksGeneration: true,

  /** Taints begin now, unless they say when they did. */
  defaults(draft, now) {
    for (const { taints } of draft.spec?.devices ?? []) for (const taint of taints ?? []) if (now) taint.timeAdded ??= now();
    return draft;
  },
  prepareForCreate: (draft) => dropDisabled(draft),
  /** What is dropped counts as a change. */
  prepareForUpdate(draft, old) {
    if (!equal(draft.spec, old.spec)) draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
    return dropDisabled(draft);
  },

  *validate({ spec }, at, old) {
    yield* validateSpec(spec ?? ({} as ResourceSliceSpec), old?.spec, at('spec'));
  },
  warnings: ({ spec }) =>
    spec && spec.driver !== spec.driver.toLowerCase()
      ? [`spec.driver: driver names should be lowercase; ${JSON.stringify(spec.driver)} contains uppercase characters`]
      : [],
  unknownField: (field) => `field label not supported for resource.k8s.io/v1, Kind=ResourceSlice: ${field}`,
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.nodeName ?? '', spec?.driver ?? '', spec?.pool?.name ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore

/** What is not on by default. Source: pkg/registry/resource/resourceslice strategy dropDisabledFields. */
function dropDisabled(draft: ResourceSlice): ResourceSlice {
  for (const device of draft.spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {}))
      for (const list of ['bools', 'ints', 'strings', 'versions'] as const) delete attribute[list];
  }
  return draft;
}
/** Source: pkg/apis/resource/validation validateResourceSliceSpec. */
function* validateSpec(spec: ResourceSliceSpec, old: ResourceSliceSpec | undefined, at: FieldPath): Errors {
  yield* driverName(spec.driver, at('driver'));
  yield* poolName(spec.pool?.name, at('pool')('name'));
  const { resourceSliceCount: count = 0, generation = 0 } = spec.pool ?? {};
  if (count <= 0) yield invalid(at('pool')('resourceSliceCount'), count, 'must be greater than zero');
  if (generation < 0) yield invalid(at('pool')('generation'), generation, 'must be greater than or equal to zero');
  if (old) {
    yield* immutable(spec.pool?.name, old.pool?.name, at('pool')('name'));
    yield* immutable(spec.driver, old.driver, at('driver'));
    yield* immutable(spec.nodeName, old.nodeName, at('nodeName'));
  }
  yield* validatePlace(spec, at);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined)
    yield invalid(at, '', 'only one of `sharedCounters` or `devices` is allowed');
  const devices = spec.devices ?? [];
  const max = devices.some((d) => d.taints?.length || d.consumesCounters?.length) ? MAX_ADVANCED_DEVICES : MAX_DEVICES;
  yield* setOf(devices, max, (device, here) => validateDevice(device, old?.devices?.find(({ name }) => name === device.name), spec.perDeviceNodeSelection === true, here), ({ name }) => name, at('devices')); // prettier-ignore
  yield* setOf(spec.sharedCounters ?? [], MAX_COUNTER_SETS, validateCounterSet, ({ name }) => name, at('sharedCounters')); // prettier-ignore
}
function* validatePlace(spec: ResourceSliceSpec, at: FieldPath): Errors {
  const set: string[] = [];
  if (spec.nodeName === '') yield invalid(at('nodeName'), '', 'must be either unset or set to a non-empty string');
  else if (spec.nodeName !== undefined) {
    set.push('`nodeName`');
    yield* problems(dnsSubdomain(spec.nodeName), spec.nodeName, at('nodeName'));
  }
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    yield* validateNodeSelector(spec.nodeSelector, at('nodeSelector'));
    const terms = spec.nodeSelector.nodeSelectorTerms;
    if (terms?.length !== 1) {
      const shown = (goStruct(spec.nodeSelector, 'io.k8s.api.core.v1.NodeSelector') as { NodeSelectorTerms: unknown }).NodeSelectorTerms;
      yield invalid(at('nodeSelector')('nodeSelectorTerms'), shown, 'must have exactly one node selector term');
    }
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const)
    if (spec[field] === true) set.push(`\`${field}\``);
    else if (spec[field] === false) yield invalid(at(field), false, 'must be either unset or set to true');
  if (set.length === 0) yield required(at, PLACES);
  else if (set.length > 1) yield invalid(at, `{${set.join(', ')}}`, `${PLACES}, but multiple fields are set`);
} // prettier-ignore
function* validateCounterSet({ name, counters }: CounterSet, at: FieldPath): Errors {
  if (!name) yield required(at('name'));
  else yield* labelName(name, at('name'));
  if (Object.keys(counters ?? {}).length === 0) yield required(at('counters'));
  else yield* mapOf(counters, MAX_COUNTERS, labelName, nothing, at('counters'), MAX_LABEL);
}
function* nothing(): Errors {
  // Any amount is good.
}
