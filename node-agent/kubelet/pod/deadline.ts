import type { TimerId, World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { parseTime } from '../../../schemas/meta/time.ts';

/** Acts when the pod has been active for as long as it may; undefined: it may be for ever. Source: kubelet active_deadline.go. */
export function armDeadline({ clock }: World, pod: Pod, startTime: string, act: () => void): TimerId | undefined {
  const seconds = pod.spec?.activeDeadlineSeconds;
  if (seconds === undefined || isTerminal(pod)) return undefined;
  const since = parseTime(pod.status?.startTime ?? startTime) ?? clock.now();
  return clock.setTimeout(act, Math.max(since + seconds * 1_000 - clock.now(), 0));
}
