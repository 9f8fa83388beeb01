import { defineResource, type Errors } from '../define.ts';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  ResourceClaim,
  ResourceClaimStatus,
} from '../generated/resource-v1.ts';
import { validateNodeSelector } from '../core/node-affinity-validation.ts';
import { notOneOf } from '../helpers/checks.ts';
import { validateConditions } from '../helpers/conditions.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, required, tooMany, type FieldPath } from '../meta/field.ts';
import { age } from '../meta/time.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import {
  driverName,
  eachOf,
  labelName,
  MAX_CONFIGS,
  poolName,
  setOf,
  shareId,
  validateBinding,
  validateConfig,
  validateRaw,
} from './checks.ts';
import { validateNetworkData } from './network-data.ts';
import {
  defaultDeviceClaim,
  references,
  requestNames,
  requestReference,
  validateDeviceClaim,
  type RequestNames,
} from './device-claim.ts';
import { loadForClaim } from './expression-loading.ts';

const SPEC = 'io.k8s.api.resource.v1.ResourceClaimSpec';
const ALLOCATION = 'io.k8s.api.resource.v1.AllocationResult';
const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
const MAX_CONDITIONS = 8;

export const resourceClaim = defineResource<ResourceClaim>({
  group: 'resource.k8s.io', version: 'v1', resource: 'resourceclaims',
  beforeValidation: ({ spec }) => loadForClaim(spec?.devices?.requests),
  metadataChecks: ['changes', 'whole'],
  deleteReturnsObject: true,
  tracksGeneration: false,

  defaults(draft) {
    defaultDeviceClaim(draft.spec?.devices);
    return draft;
  },
  prepareForCreate(draft) {
    draft.status = {};
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? {};
    return draft;
  },
  /** A device that is no longer allocated has no status. Source: dropDeallocatedStatusDevices. */
  prepareForStatusUpdate(draft, old) {
    const { status } = draft;
    if (!status?.devices?.length) return draft;
    const allocated = new Set(resultsOf(status).map(deviceId));
    const former = new Set(resultsOf(old.status).map(deviceId));
    const devices = status.devices.filter((device) => allocated.has(deviceId(device)) || !former.has(deviceId(device)));
    const { devices: _, ...rest } = status;
    draft.status = { ...rest, ...(devices.length > 0 && { devices }) };
    return draft;
  },

  *validate({ spec }, at, old) {
    // On update the spec is compared, not checked again.
    if (old === undefined) yield* validateDeviceClaim(spec?.devices ?? {}, at('spec')('devices'));
  },
  *validateUpdate({ spec }, old, at) {
    if (!sameStruct(spec, old.spec, SPEC)) yield invalid(at('spec'), goStruct(spec, SPEC), 'field is immutable');
  },
  *validateStatusUpdate(object, old, at) {
    yield* validateStatus(object, old, at('status'));
  },

  cells({ metadata, status }, now) {
    const states = metadata.deletionTimestamp ? ['deleted'] : [];
    if (status?.allocation) states.push('allocated', ...(status.reservedFor?.length ? ['reserved'] : []));
    else if (!metadata.deletionTimestamp) states.push('pending');
    return [metadata.name ?? '', states.join(), age(metadata.creationTimestamp, now)];
  },
}); // prettier-ignore

interface DeviceId {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string | undefined;
}
const deviceId = ({ driver, pool, device, shareID }: DeviceId): string => JSON.stringify([driver, pool, device, shareID ?? null]); // prettier-ignore
const resultsOf = (status: ResourceClaimStatus | undefined): readonly DeviceId[] => status?.allocation?.devices?.results ?? []; // prettier-ignore

/** Source: pkg/apis/resource/validation validateResourceClaimStatusUpdate. */
function* validateStatus(object: ResourceClaim, old: ResourceClaim, at: FieldPath): Errors {
  const status = object.status ?? {};
  const consumers = status.reservedFor ?? [];
  yield* setOf(consumers, MAX_CONSUMERS, function* (consumer, here) {
    for (const field of ['resource', 'name', 'uid'] as const) if (!consumer[field]) yield required(here(field));
  }, ({ uid }) => uid, at('reservedFor'));
  const allocated = new Set(resultsOf(status).map(deviceId));
  yield* setOf(status.devices ?? [], Infinity, (device, here) => validateDevice(device, allocated, here), deviceId, at('devices'));
  if (consumers.length > 0) {
    if (!status.allocation) yield forbidden(at('reservedFor'), 'may not be specified when `allocated` is not set');
    else if (object.metadata.deletionTimestamp && consumers.some((c) => !old.status?.reservedFor?.some((o) => equal(c, o))))
      yield forbidden(at('reservedFor'), 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set');
  }
  if (old.status?.allocation && status.allocation) {
    if (!sameStruct(status.allocation, old.status.allocation, ALLOCATION))
      yield invalid(at('allocation'), goStruct(status.allocation, ALLOCATION), 'field is immutable');
  } else if (status.allocation) yield* validateAllocation(status.allocation, requestNames(object.spec?.devices), at('allocation'));
} // prettier-ignore
function* validateAllocation({ devices, nodeSelector }: AllocationResult, known: RequestNames, at: FieldPath): Errors {
  yield* eachOf(devices?.results ?? [], MAX_RESULTS, function* (result, here) {
    yield* requestReference(result.request, known, here('request'));
    yield* driverName(result.driver, here('driver'));
    yield* poolName(result.pool, here('pool'));
    yield* labelName(result.device, here('device'));
    yield* validateBinding(result, here);
    yield* shareId(result.shareID, here('shareID'));
  }, at('devices')('results'));
  yield* eachOf(devices?.config ?? [], 2 * MAX_CONFIGS, function* (config, here) {
    if (!config.source) yield required(here('source'));
    else if (!['FromClaim', 'FromClass'].includes(config.source)) yield notOneOf(config.source, ['FromClaim', 'FromClass'], here('source'));
    yield* references(config.requests ?? [], known, here('requests'));
    yield* validateConfig(config, here);
  }, at('devices')('config'));
  if (nodeSelector) yield* validateNodeSelector(nodeSelector, at('nodeSelector'));
} // prettier-ignore
function* validateDevice(device: AllocatedDeviceStatus, allocated: ReadonlySet<string>, at: FieldPath): Errors {
  yield* driverName(device.driver, at('driver'));
  yield* poolName(device.pool, at('pool'));
  yield* labelName(device.device, at('device'));
  yield* shareId(device.shareID, at('shareID'));
  if (!allocated.has(deviceId(device)))
    yield invalid(at, { Driver: device.driver, Pool: device.pool, Device: device.device, ShareID: device.shareID ?? '' }, 'must be an allocated device in the claim'); // prettier-ignore
  const conditions = device.conditions ?? [];
  if (conditions.length > MAX_CONDITIONS) yield tooMany(at('conditions'), conditions.length, MAX_CONDITIONS);
  yield* validateConditions(conditions, at('conditions'));
  if (device.data !== undefined && device.data !== null) yield* validateRaw(device.data, at('data'));
  yield* validateNetworkData(device.networkData, at('networkData'));
}
