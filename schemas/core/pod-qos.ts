import type { Container, PodSpec } from '../generated/core-v1.ts';
import { parseQuantity } from '../meta/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';
const COUNTED = ['cpu', 'memory'] as const;

/** Source: pkg/apis/core/helper/qos ComputePodQOS. */
export function qosClass(spec: PodSpec): QosClass {
  const whole = spec.resources;
  if (whole?.limits || whole?.requests) {
    const own: Pick<Container, 'resources'>[] = [{ resources: whole }];
    return classOf(own);
  }
  return classOf([...(spec.containers ?? []), ...(spec.initContainers ?? [])]);
}
function classOf(containers: readonly Pick<Container, 'resources'>[]): QosClass {
  let any = false;
  let guaranteed = true;
  for (const { resources } of containers) {
    for (const name of COUNTED) {
      const request = positive(resources?.requests?.[name]);
      const limit = positive(resources?.limits?.[name]);
      if (request !== undefined || limit !== undefined) any = true;
      if (limit === undefined || (request !== undefined && request !== limit)) guaranteed = false;
    }
  }
  return !any ? 'BestEffort' : guaranteed ? 'Guaranteed' : 'Burstable';
}
const positive = (quantity: string | number | undefined): bigint | undefined => {
  if (quantity === undefined) return undefined;
  const { nano } = parseQuantity(quantity);
  return nano > 0n ? nano : undefined;
};
