import type { PodSpec, ResourceRequirements } from '../generated/core-v1.ts';
import { parseQuantity } from '../meta/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';
const COUNTED = ['cpu', 'memory'] as const;
type Sums = Map<string, bigint>;

/** Of the pod's own resources if it has any, else of all containers together. Source: pkg/apis/core/helper/qos ComputePodQOS. */
export function qosClass(spec: PodSpec): QosClass {
  const groups: readonly (ResourceRequirements | undefined)[] = spec.resources
    ? [spec.resources]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((c) => c.resources);
  const [requests, limits]: [Sums, Sums] = [new Map(), new Map()];
  let limited = true;
  for (const group of groups) {
    add(requests, group?.requests);
    if (add(limits, group?.limits) < COUNTED.length) limited = false;
  }
  if (requests.size + limits.size === 0) return 'BestEffort';
  const equal = requests.size === limits.size && [...requests].every(([name, amount]) => limits.get(name) === amount);
  return limited && equal ? 'Guaranteed' : 'Burstable';
}
/** Returns how many of those that count are there. */
function add(to: Sums, list: ResourceRequirements['limits']): number {
  let found = 0;
  for (const name of COUNTED) {
    const amount = parseQuantity(list?.[name] ?? '0').nano;
    if (amount <= 0n) continue;
    to.set(name, (to.get(name) ?? 0n) + amount);
    found++;
  }
  return found;
}
