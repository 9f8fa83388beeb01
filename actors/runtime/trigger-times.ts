import type { Pod, Service } from '../../schemas/generated/core-v1.ts';
import { formatTime } from '../../schemas/meta/time.ts';
import { podCondition } from './pods.ts';
import { timeOf } from './time.ts';

/** When what led to an Endpoints object or EndpointSlice happened; who programs the network measures by it. */
export const TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

interface Seen {
  readonly service: number;
  /** By the pod's name. */
  readonly pods: ReadonlyMap<string, number>;
}
/** What each Service's endpoints were last made from. Source: k8s.io/endpointslice/util TriggerTimeTracker. */
export interface TriggerTimes {
  /**
   * The earliest change since the last call for this Service, as an RFC 3339 time: of the Service itself at first, then of
   * the pods whose readiness changed; undefined when nothing that has a time did.
   */
  next(key: string, service: Service, pods: Iterable<Pod>): string | undefined;
  forget(key: string): void;
  clear(): void;
}
export function createTriggerTimes(): TriggerTimes {
  const seen = new Map<string, Seen>();
  return {
    next(key, service, pods) {
      const before = seen.get(key);
      const born = timeOf(service.metadata.creationTimestamp) ?? 0;
      let first = before && born > before.service ? born : Infinity;
      const times = new Map<string, number>();
      for (const pod of pods) {
        const at = timeOf(podCondition(pod, 'Ready')?.lastTransitionTime);
        if (at === undefined) continue;
        times.set(pod.metadata.name!, at);
        if (at > (before?.pods.get(pod.metadata.name!) ?? -Infinity) && at < first) first = at;
      }
      seen.set(key, { service: born, pods: times });
      if (!before) return service.metadata.creationTimestamp ?? undefined;
      return first === Infinity ? undefined : formatTime(first);
    },
    forget: (key) => void seen.delete(key),
    clear: () => seen.clear(),
  };
}
/** The annotations with the time in them, or without when there is none. */
export function withTriggerTime(
  annotations: Readonly<Record<string, string>> | undefined,
  time: string | undefined,
): Record<string, string> {
  const { [TRIGGER_TIME]: _before, ...others } = annotations ?? {};
  return time === undefined ? others : { ...others, [TRIGGER_TIME]: time };
}
