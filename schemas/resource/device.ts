import type { Errors } from '../define.ts';
import type {
  Device,
  DeviceAttribute,
  DeviceCapacity,
  DeviceCounterConsumption,
  DeviceTaint,
} from '../generated/resource-v1.ts';
import { validateNodeSelector } from '../core/node-affinity-validation.ts';
import { notOneOf, problems } from '../helpers/checks.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, required, tooLong, type FieldPath } from '../meta/field.ts';
import { byteLength, dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts';
import { attributeName, eachOf, labelName, mapOf, setOf, validateBinding } from './checks.ts';
import { validateRequestPolicy } from './request-policy.ts';

export const MAX_LABEL = 63;
const MAX_ATTRIBUTES = 32;
const MAX_ATTRIBUTE_VALUES = 48;
const MAX_VALUE_BYTES = 64;
const MAX_TAINTS = 16;
const MAX_CONSUMPTIONS = 2;
const MAX_COUNTERS = 32;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];
const OWN_PLACE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
const NO_OWN_PLACE =
  '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

/** `ownPlace`: the slice leaves it to its devices where they are. Source: pkg/apis/resource/validation validateDevice. */
export function* validateDevice(device: Device, old: Device | undefined, ownPlace: boolean, at: FieldPath): Errors {
  yield* labelName(device.name, at('name'));
  const attributes = Object.keys(device.attributes ?? {}).length;
  const total = attributes + Object.keys(device.capacity ?? {}).length;
  if (total > MAX_ATTRIBUTES)
    yield invalid(at, total, `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`);
  if (attributes > MAX_ATTRIBUTE_VALUES)
    yield invalid(at, attributes, `the total number of attribute values must not exceed ${MAX_ATTRIBUTE_VALUES}`);
  yield* mapOf(device.attributes, Infinity, attributeName, validateAttribute, at('attributes'));
  const validateCapacity = device.allowMultipleAllocations === true ? validateSharedCapacity : validateOwnCapacity;
  yield* mapOf(device.capacity, Infinity, attributeName, validateCapacity, at('capacity'));
  if (!old || !equal(old.taints, device.taints))
    yield* eachOf(device.taints ?? [], MAX_TAINTS, validateTaint, at('taints'));
  yield* setOf(device.consumesCounters ?? [], MAX_CONSUMPTIONS, validateConsumption, (c) => c.counterSet, at('consumesCounters')); // prettier-ignore
  yield* validatePlace(device, ownPlace, at);
  yield* validateBinding(device, at);
}
function* validatePlace(device: Device, ownPlace: boolean, at: FieldPath): Errors {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!ownPlace) {
    if (nodeName !== undefined || nodeSelector || allNodes !== undefined) yield invalid(at, null, NO_OWN_PLACE);
    return;
  }
  const set: string[] = [];
  if (nodeName === '') yield invalid(at('nodeName'), '', 'must not be empty');
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    yield* problems(dnsSubdomain(nodeName), nodeName, at('nodeName'));
  }
  if (nodeSelector) {
    set.push('`nodeSelector`');
    yield* validateNodeSelector(nodeSelector, at('nodeSelector'));
  }
  if (allNodes === true) set.push('`allNodes`');
  else if (allNodes === false) yield invalid(at('allNodes'), false, 'must be either unset or set to true');
  if (set.length === 0) yield required(at, OWN_PLACE);
  else if (set.length > 1) yield invalid(at, `{${set.join(', ')}}`, OWN_PLACE);
}
const NUMBER = String.raw`(?:0|[1-9]\d*)`;
const LABEL = String.raw`(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const SEMVER = new RegExp(String.raw`^${NUMBER}\.${NUMBER}\.${NUMBER}(?:-${LABEL}(?:\.${LABEL})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?$`); // prettier-ignore
function* validateAttribute(attribute: DeviceAttribute, at: FieldPath): Errors {
  const { string, version } = attribute;
  if (string !== undefined && byteLength(string) > MAX_VALUE_BYTES) yield tooLong(at('string'), MAX_VALUE_BYTES);
  if (version !== undefined) {
    if (!SEMVER.test(version))
      yield invalid(at('version'), version, 'must be a string compatible with semver.org spec 2.0.0');
    if (byteLength(version) > MAX_VALUE_BYTES) yield tooLong(at('version'), MAX_VALUE_BYTES);
  }
  const set = (['bool', 'int', 'string', 'version'] as const).filter((kind) => attribute[kind] !== undefined);
  if (set.length === 0) yield invalid(at, '', 'exactly one value must be specified');
  else if (set.length > 1)
    yield invalid(at, goStruct(attribute, 'io.k8s.api.resource.v1.DeviceAttribute'), 'exactly one value must be specified'); // prettier-ignore
}
function* validateSharedCapacity({ value, requestPolicy }: DeviceCapacity, at: FieldPath): Errors {
  if (requestPolicy) yield* validateRequestPolicy(String(value), requestPolicy, at('requestPolicy'));
}
function* validateOwnCapacity({ requestPolicy }: DeviceCapacity, at: FieldPath): Errors {
  if (requestPolicy) yield forbidden(at('requestPolicy'), 'allowMultipleAllocations must be true');
}
function* validateTaint({ key = '', value, effect }: DeviceTaint, at: FieldPath): Errors {
  yield* problems(qualifiedName(key), key, at('key'));
  if (value) yield* problems(labelValue(value), value, at('value'));
  if (!effect) yield required(at('effect'));
  else if (!EFFECTS.includes(effect)) yield notOneOf(effect, EFFECTS, at('effect'));
}
function* validateConsumption({ counterSet, counters }: DeviceCounterConsumption, at: FieldPath): Errors {
  if (!counterSet) yield required(at('counterSet'));
  else yield* labelName(counterSet, at('counterSet'));
  if (Object.keys(counters ?? {}).length === 0) yield required(at('counters'));
  else yield* mapOf(counters, MAX_COUNTERS, labelName, nothing, at('counters'), MAX_LABEL);
}
function* nothing(): Errors {
  // Any amount is good.
}
