import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type {
  Device,
  DeviceRequestAllocationResult,
  DeviceTaint,
  ResourceClaim,
  ResourceSlice,
} from '../../../schemas/generated/resource-v1.ts';
import { tolerates } from '../../../schemas/helpers/tolerations.ts';
import type { Decision, Intent } from '../../runtime/intent.ts';
import { claimNameOf, isFor, isReservedFor } from '../../runtime/pod-claims.ts';
import { disrupt } from '../../runtime/pod-disruption.ts';
import { timeOf } from '../../runtime/time.ts';

/** How a pool of devices is named, as an index of slices and of allocated claims. */
export const poolOf = (driver: string, pool: string): string => `${driver}/${pool}`;

/** The device as its pool's newest slices have it. Source: devicetainteviction pool.getDevice. */
export function deviceOf(slices: Iterable<ResourceSlice>, name: string): Device | undefined {
  let newest = -Infinity;
  let device: Device | undefined;
  for (const { spec } of slices) {
    const { generation } = spec.pool;
    if (generation < newest) continue;
    if (generation > newest) [newest, device] = [generation, undefined];
    device ??= spec.devices?.find((d) => d.name === name);
  }
  return device;
}
export const evicts = ({ effect }: DeviceTaint): boolean => effect === 'NoExecute';

export interface Observed {
  readonly pod: Pod;
  /** In the pod's namespace. */
  readonly claim: (name: string) => ResourceClaim | undefined;
  readonly device: (result: DeviceRequestAllocationResult) => Device | undefined;
  /** Users were told that this pod is to be evicted. */
  readonly isPending: boolean;
}
export interface Plan extends Decision {
  /** When it is evicted, ms. */
  readonly due?: number;
  readonly isPending: boolean;
}
/**
 * Evicts a pod that uses a device with a NoExecute taint that its claim does not tolerate, or no longer. Rules that taint
 * devices (DeviceTaintRule) are off by default and not looked at. Source: pkg/controller/devicetainteviction.
 */
export function reconcile(observed: Observed, now: number): Plan {
  const { pod, isPending } = observed;
  const due = pod.metadata.deletionTimestamp ? undefined : dueOf(observed, now);
  if (due === undefined) return { intents: isPending ? [told(pod, 'Cancelling deletion')] : [], isPending: false };
  if (due > now) return { intents: [], requeueAfterMs: due - now, isPending: true };
  const because = { reason: 'DeletionByDeviceTaintManager', message: 'Device Taint manager: deleting due to NoExecute taint' }; // prettier-ignore
  return { intents: [told(pod, 'Marking for deletion'), ...disrupt(pod, { because }, now)], isPending: true, due };
}
const told = (pod: Pod, message: 'Marking for deletion' | 'Cancelling deletion'): Intent =>
  ({ op: 'event', type: 'Normal', regarding: pod, reason: 'DeviceTaintManagerEviction', message }); // prettier-ignore

/** Of the devices of all claims of the pod, when the first is to be given up, ms. Source: podEvictionTime. */
function dueOf({ pod, claim, device }: Observed, now: number): number | undefined {
  if (!pod.spec?.nodeName) return undefined;
  const dues = (pod.spec.resourceClaims ?? []).flatMap((podClaim) => {
    const known = claimNameOf(pod, podClaim);
    if (typeof known === 'string') return [];
    const object = claim(known.name);
    // It may be that of another pod of the same name.
    if (!object || !isReservedFor(pod, object) || (known.isGenerated && !isFor(pod, object))) return [];
    return (object.status?.allocation?.devices?.results ?? []).flatMap((result) =>
      (device(result)?.taints ?? []).filter(evicts).flatMap((taint) => {
        const seconds = patience(taint, result);
        return seconds === Infinity ? [] : [(timeOf(taint.timeAdded) ?? now) + seconds * 1_000];
      }),
    );
  });
  return dues.length === 0 ? undefined : Math.min(...dues);
}
/** Seconds for which the taint is tolerated: the least of all that match; Infinity: one matches without a limit. */
function patience(taint: DeviceTaint, { tolerations = [] }: DeviceRequestAllocationResult): number {
  // Unlike those of pods, tolerations without an effect are not asked.
  const matching = tolerations.filter((t) => t.effect === 'NoExecute' && tolerates(t, taint));
  if (matching.length === 0) return 0;
  if (matching.some(({ tolerationSeconds }) => tolerationSeconds === undefined)) return Infinity;
  return Math.min(...matching.map(({ tolerationSeconds = 0 }) => Math.max(0, tolerationSeconds)));
}
