import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  CapacityRequirements,
  Device,
  DeviceCapacity,
} from '../../../../../schemas/generated/resource-v1.ts';
import { formatQuantity, quantityValue } from '../../../../../schemas/meta/quantity.ts';
import { nanos } from './devices.ts';

type Amounts = ReadonlyMap<string, bigint>;
const NANO = 1_000_000_000n;

/**
 * Whether what is asked of a device's capacities is there beside what others have taken, and is an amount that its policy
 * allows. Source: structured/internal CmpRequestOverCapacity.
 */
export function hasCapacity(device: Device, asked: CapacityRequirements | undefined, ...taken: (Amounts | undefined)[]): boolean {
  const capacities = device.capacity ?? {};
  if (Object.keys(asked?.requests ?? {}).some((name) => !Object.hasOwn(capacities, name))) return false;
  return Object.entries(capacities).every(([name, capacity]) => {
    const amount = consumption(asked?.requests?.[name], capacity);
    if (violates(amount, capacity.requestPolicy)) return false;
    let total = nanos(amount);
    for (const amounts of taken) total += amounts?.get(name) ?? 0n;
    return total <= nanos(capacity.value);
  });
} // prettier-ignore
/** What a share of the device takes of each of its capacities, as quantities. */
export const consumptions = (device: Device, asked: CapacityRequirements | undefined): Record<string, string> =>
  Object.fromEntries(
    Object.entries(device.capacity ?? {}).map(([name, c]) => [name, consumption(asked?.requests?.[name], c)]),
  );
/** Who asks for nothing gets the default, or all there is; other amounts are rounded up to one that is allowed. */
function consumption(asked: string | number | undefined, { value, requestPolicy }: DeviceCapacity): string {
  if (asked === undefined) return String(requestPolicy?.default ?? value);
  if (requestPolicy?.validRange?.min !== undefined) return roundedUp(asked, requestPolicy.validRange);
  const allowed = requestPolicy?.validValues?.find((one) => nanos(asked) <= nanos(one));
  return String(allowed ?? asked);
}
function roundedUp(asked: string | number, { min, step }: CapacityRequestPolicyRange): string {
  if (nanos(asked) < nanos(min)) return String(min);
  if (step === undefined) return String(asked);
  const [from, by] = [BigInt(quantityValue(min)), BigInt(quantityValue(step))];
  const added = BigInt(quantityValue(asked)) - from;
  const steps = added / by + (added % by === 0n ? 0n : 1n);
  return formatQuantity({ nano: (from + by * steps) * NANO, format: 'BinarySI' });
}
function violates(amount: string, policy: CapacityRequestPolicy | undefined): boolean {
  if (policy === undefined) return false;
  if (policy.default !== undefined && nanos(amount) === nanos(policy.default)) return false;
  if (policy.validRange !== undefined) {
    const { min, max, step } = policy.validRange;
    if (max !== undefined && nanos(amount) > nanos(max)) return true;
    return step !== undefined && (quantityValue(amount) - quantityValue(min)) % quantityValue(step) !== 0;
  }
  const values = policy.validValues ?? [];
  return values.length > 0 && values.every((one) => nanos(one) !== nanos(amount));
}
