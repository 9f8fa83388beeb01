import { defineResource, type Errors } from '../define.ts';
import type {
  CounterSet,
  Device,
  DeviceAttribute,
  ResourceSlice,
  ResourceSliceSpec,
} from '../generated/resource-v1.ts';
import { validateNodeSelector } from '../core/node-affinity-validation.ts';
import { problems } from '../helpers/checks.ts';
import { immutable } from '../meta/field-checks.ts';
import { invalid, required, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts';
import { age } from '../meta/time.ts';
import { attributeName, driverName, poolName, requiredLabel, setOf } from './checks.ts';

const MAX_DEVICES = 128;
const MAX_ADVANCED_DEVICES = 64;
const MAX_COUNTER_SETS = 8;
const MAX_ATTRIBUTES = 32;
const MAX_VALUE_BYTES = 64;
const MAX_TAINTS = 16;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
const PLACES = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

export const resourceSlice = defineResource<ResourceSlice>({
  group: 'resource.k8s.io', version: 'v1', resource: 'resourceslices',
  deleteReturnsObject: true,
  tracksGeneration: true,

  *validate({ spec }, at) {
    yield* validateSpec(spec ?? ({} as ResourceSliceSpec), at('spec'));
  },
  *validateUpdate({ spec }, old, path) {
    const at = path('spec');
    yield* immutable(spec?.pool?.name, old.spec?.pool?.name, at('pool')('name'));
    yield* immutable(spec?.driver, old.spec?.driver, at('driver'));
    yield* immutable(spec?.nodeName, old.spec?.nodeName, at('nodeName'));
  },
  selectableFields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
  cells: ({ metadata, spec }, now) => [metadata.name ?? '', spec?.nodeName ?? '', spec?.driver ?? '', spec?.pool?.name ?? '', age(metadata.creationTimestamp, now)],
}); // prettier-ignore

/** Source: pkg/apis/resource/validation validateResourceSliceSpec. */
function* validateSpec(spec: ResourceSliceSpec, at: FieldPath): Errors {
  yield* driverName(spec.driver, at('driver'));
  yield* poolName(spec.pool?.name, at('pool')('name'));
  const { resourceSliceCount: count = 0, generation = 0 } = spec.pool ?? {};
  if (count <= 0) yield invalid(at('pool')('resourceSliceCount'), count, 'must be greater than zero');
  if (generation < 0) yield invalid(at('pool')('generation'), generation, 'must be greater than or equal to zero');
  yield* validatePlace(spec, at);
  if (spec.sharedCounters !== undefined && spec.devices !== undefined)
    yield invalid(at, '', 'only one of `sharedCounters` or `devices` is allowed');
  const devices = spec.devices ?? [];
  const max = devices.some((d) => d.taints?.length || d.consumesCounters?.length) ? MAX_ADVANCED_DEVICES : MAX_DEVICES;
  yield* setOf(devices, max, validateDevice, ({ name }) => name, at('devices'));
  yield* setOf(spec.sharedCounters ?? [], MAX_COUNTER_SETS, validateCounterSet, ({ name }) => name, at('sharedCounters')); // prettier-ignore
}
function* validatePlace(spec: ResourceSliceSpec, at: FieldPath): Errors {
  const set: string[] = [];
  if (spec.nodeName !== undefined) {
    if (spec.nodeName === '') yield invalid(at('nodeName'), '', 'must be either unset or set to a non-empty string');
    else {
      set.push('`nodeName`');
      yield* problems(dnsSubdomain(spec.nodeName), spec.nodeName, at('nodeName'));
    }
  }
  if (spec.nodeSelector) {
    set.push('`nodeSelector`');
    yield* validateNodeSelector(spec.nodeSelector, at('nodeSelector'));
    if (spec.nodeSelector.nodeSelectorTerms?.length !== 1)
      yield invalid(at('nodeSelector')('nodeSelectorTerms'), spec.nodeSelector.nodeSelectorTerms, 'must have exactly one node selector term');
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const)
    if (spec[field] === true) set.push(`\`${field}\``);
    else if (spec[field] === false) yield invalid(at(field), false, 'must be either unset or set to true');
  if (set.length === 0) yield required(at, PLACES);
  else if (set.length > 1) yield invalid(at, `{${set.join(', ')}}`, `${PLACES}, but multiple fields are set`);
} // prettier-ignore
function* validateDevice(device: Device, at: FieldPath): Errors {
  yield* requiredLabel(device.name, at('name'));
  const total = Object.keys(device.attributes ?? {}).length + Object.keys(device.capacity ?? {}).length;
  if (total > MAX_ATTRIBUTES)
    yield invalid(at, total, `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`);
  for (const [name, attribute] of Object.entries(device.attributes ?? {})) {
    yield* attributeName(name, at('attributes').key(name));
    yield* validateAttribute(attribute, at('attributes').key(name));
  }
  for (const name of Object.keys(device.capacity ?? {})) yield* attributeName(name, at('capacity').key(name));
  for (const [i, { key, value, effect }] of (device.taints ?? []).slice(0, MAX_TAINTS).entries()) {
    const here = at('taints')(i);
    yield* problems(qualifiedName(key ?? ''), key ?? '', here('key'));
    if (value) yield* problems(labelValue(value), value, here('value'));
    if (!effect) yield required(here('effect'));
    else if (!EFFECTS.includes(effect)) yield invalid(here('effect'), effect, 'not a valid effect');
  }
}
function* validateAttribute(attribute: DeviceAttribute, at: FieldPath): Errors {
  const set = (['bool', 'int', 'string', 'version'] as const).filter((kind) => attribute[kind] !== undefined);
  if (set.length === 0) yield required(at, 'exactly one value must be specified');
  else if (set.length > 1) yield invalid(at, attribute, 'exactly one value must be specified');
  for (const kind of ['string', 'version'] as const)
    if (byteLength(attribute[kind] ?? '') > MAX_VALUE_BYTES) yield tooLong(at(kind), MAX_VALUE_BYTES);
}
function* validateCounterSet({ name, counters }: CounterSet, at: FieldPath): Errors {
  yield* requiredLabel(name, at('name'));
  if (Object.keys(counters ?? {}).length === 0) yield required(at('counters'));
  for (const counter of Object.keys(counters ?? {})) yield* requiredLabel(counter, at('counters').key(counter));
}
