import type {
  CapacityRequirements,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ExactDeviceRequest,
} from '../../../../../schemas/generated/resource-v1.ts';
import type { Candidate } from './devices.ts';

/** One request of a claim, or one of the alternatives that a request has. */
export interface Request {
  /** `request`, or `request/alternative`. */
  readonly name: string;
  /** Of the request, also for an alternative. */
  readonly base: string;
  /** Of the alternative, if it is one. */
  readonly own: string;
  readonly deviceClassName: string;
  readonly mode: string;
  readonly count: number;
  /** May have devices that others have, and does not take them from anybody. */
  readonly adminAccess: boolean;
  readonly selectors: readonly DeviceSelector[];
  readonly tolerations: DeviceToleration[] | undefined;
  readonly capacity: CapacityRequirements | undefined;
}
/** A request that was found to be sound, and what it comes to on a node. */
export interface Wanted {
  readonly request: Request;
  readonly deviceClass: DeviceClass;
  /** How many devices. */
  readonly count: number;
  /** Exactly these, if it is to have all. */
  readonly all: readonly Candidate[] | undefined;
}
/** The alternatives in their order; of most requests there is one. */
export function alternatives(request: DeviceRequest): readonly Request[] {
  const { name, exactly, firstAvailable = [] } = request;
  if (firstAvailable.length > 0) return firstAvailable.map((one) => requestOf(name, one.name, one));
  return [requestOf(name, '', exactly ?? { deviceClassName: '' })];
}
const requestOf = (base: string, own: string, of: ExactDeviceRequest): Request => ({
  name: own === '' ? base : `${base}/${own}`,
  base,
  own: own === '' ? base : own,
  deviceClassName: of.deviceClassName,
  mode: of.allocationMode ?? 'ExactCount',
  count: of.count ?? 1,
  adminAccess: own === '' && of.adminAccess === true,
  selectors: of.selectors ?? [],
  tolerations: of.tolerations,
  capacity: of.capacity,
});
/** Whether a taint of the device keeps the request from it. `None` is no effect, and unknown ones are passed over. */
export const isKeptOff = ({ tolerations = [] }: Request, { device }: Candidate): boolean =>
  (device.taints ?? []).some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations.some((one) => tolerates(one, taint)),
  );
/** Source: dynamic-resource-allocation/resourceclaim ToleratesTaint. */
function tolerates({ effect, key, operator = 'Equal', value = '' }: DeviceToleration, taint: DeviceTaint): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (operator === 'Equal' && value === (taint.value ?? ''));
}
