import type { ResourceClaim } from '../../../../schemas/generated/resource-v1.ts';

/**
 * Whether a claim's devices are ready for the pod to be bound. A text: they never will be. Devices that name no conditions
 * are always ready. Source: plugins/dynamicresources isClaimReadyForBinding.
 */
export function readiness({ metadata, status }: ResourceClaim): boolean | { readonly failure: string } {
  if (status?.allocation === undefined) return false;
  for (const device of status.allocation.devices?.results ?? []) {
    const wanted = device.bindingConditions ?? [];
    if (wanted.length === 0) continue;
    const told = status.devices?.find((one) => one.driver === device.driver && one.pool === device.pool && one.device === device.device); // prettier-ignore
    if (told === undefined) return false;
    const isTrue = (type: string): boolean => told.conditions?.find((one) => one.type === type)?.status === 'True';
    for (const type of device.bindingFailureConditions ?? []) {
      if (!isTrue(type)) continue;
      const { reason, message } = told.conditions!.find((one) => one.type === type)!;
      return { failure: `device binding failed: claim=${metadata.name}, reason=${reason}, message=${JSON.stringify(message)}` }; // prettier-ignore
    }
    if (!wanted.every(isTrue)) return false;
  }
  return true;
}
export const waitsForDevices = ({ status }: ResourceClaim): boolean =>
  (status?.allocation?.devices?.results ?? []).some(({ bindingConditions = [] }) => bindingConditions.length > 0);
/** When the claim's devices have been waited for long enough: ms since the epoch. */
export function deadlineOf({ status }: ResourceClaim, timeoutMs: number): number | undefined {
  const { allocationTimestamp, devices } = status?.allocation ?? {};
  if (!allocationTimestamp || !devices?.results?.some((one) => one.bindingConditions !== undefined)) return undefined;
  return Date.parse(allocationTimestamp) + timeoutMs;
}
