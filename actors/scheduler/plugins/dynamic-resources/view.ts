import { isExtended } from '../../../../schemas/core/resource-names.ts';
import type { PodInfo } from '../../snapshot/pod-info.ts';
import type { Preemption } from '../../preemption.ts';
import type { DynamicResourcesArgs } from '../args.ts';
import type { Cycle, Preparation, Scorer } from '../plugin.ts';

export const NAME = 'DynamicResources';
/** Source: resource/v1 ResourceDeviceClassPrefix. */
const CLASS_PREFIX = 'deviceclass.resource.kubernetes.io/';

/** Devices and what claims hold of them. What does the work is loaded with the first pod that asks for any. */
export interface DeviceView {
  prepare(cycle: Cycle, args: DynamicResourcesArgs): Preparation;
  score(cycle: Cycle): Scorer | undefined;
  /** May take a claim's devices back, so that it can get others. */
  postFilter(cycle: Cycle): Preemption;
  /** Nodes that do not have the resource themselves may have it as devices of a class. */
  isBacked(resource: string): boolean;
}
/** The resource may be one that devices stand for. Source: scheduler util IsDRAExtendedResourceName. */
export const mayBeBacked = (resource: string): boolean =>
  resource.includes('/') && (resource.startsWith(CLASS_PREFIX) || isExtended(resource));
/** Whether the pod may have to do with devices. Asked of every pod in every attempt. */
export function mayNeedDevices({ pod, requests }: PodInfo): boolean {
  if ((pod.spec?.resourceClaims?.length ?? 0) > 0) return true;
  for (const [name, amount] of requests) if (amount > 0 && mayBeBacked(name)) return true;
  return false;
}
export const resourceOfClass = (deviceClass: string): string => `${CLASS_PREFIX}${deviceClass}`;
