import type {
  AllocationResult,
  DeviceClass,
  ResourceClaim,
  ResourceSlice,
} from '../../../../../schemas/generated/resource-v1.ts';
import { selectsDevice } from '../../../../../schemas/resource/device-selection.ts';
import { allocator } from '../allocator/allocate.ts';
import type { Surroundings } from '../allocator/devices.ts';
import { Slices } from '../allocator/pools.ts';
import { ClaimTracker } from '../tracker.ts';
import { aClass } from './objects.ts';

export interface Situation {
  readonly slices: readonly ResourceSlice[];
  readonly claims: readonly ResourceClaim[];
  /** Claims that are allocated already. */
  readonly held?: readonly ResourceClaim[];
  /** Default: `gpu`, which selects everything. */
  readonly classes?: readonly DeviceClass[];
  readonly node?: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
}
/** What the claims get, or why they get nothing. */
export function allocate({ slices, claims, held = [], classes = [aClass('gpu')], node = { name: 'n', labels: {} } }: Situation): readonly AllocationResult[] | string {
  const known = new Map(held.map((claim) => [`${claim.metadata.namespace}/${claim.metadata.name}`, claim]));
  const tracker = new ClaimTracker(known);
  for (const claim of held) tracker.seen(claim, false);
  let ids = 0;
  let steps = 0;
  const around: Surroundings = {
    allocated: tracker,
    deviceClass: (name) => classes.find((one) => one.metadata.name === name),
    selects(expression, { driver, device }) {
      const selected = selectsDevice(expression, driver, device);
      if (typeof selected === 'boolean') return selected;
      throw new Error(selected.error);
    },
    newId: () => `share-${ids++}`,
    isOver: () => ++steps > 100_000,
  };
  try {
    const found = allocator(new Slices(slices), around).allocate(node, claims);
    return 'reason' in found ? found.reason : found.allocations;
  } catch (error) {
    return `error: ${(error as Error).message}`;
  }
} // prettier-ignore
/** Each claim's devices as `request=pool/device`. */
export const devicesOf = (allocation: AllocationResult): string =>
  (allocation.devices?.results ?? []).map(({ request, pool, device }) => `${request}=${pool}/${device}`).join(' ');
