import type { PodSpec, PodStatus } from '../../../schemas/generated/core-v1.ts';
import type { ContainerRecord } from '../container/record.ts';
import { isLast } from '../container/restart.ts';

/** Where a pod stands, from its containers alone. `ending`: none of them will be started again. Source: kubelet getPhase. */
export function phaseOf(
  spec: PodSpec,
  records: readonly ContainerRecord[],
  ending: boolean,
): NonNullable<PodStatus['phase']> {
  let pendingInits = 0;
  let pendingSidecars = 0;
  let waiting = 0;
  let running = 0;
  let stopped = 0;
  let stoppedForGood = 0;
  let succeeded = 0;
  for (const c of records) {
    if (c.role === 'ephemeral') continue;
    const ended = c.state.terminated ?? (c.state.waiting === undefined ? undefined : c.lastState?.terminated);
    const forGood = ended !== undefined && isLast(c, spec, ended);
    if (c.role === 'init') {
      if (ended === undefined) pendingInits++;
      else if (ended.exitCode !== 0 && forGood) return 'Failed';
      continue;
    }
    if (c.state.running !== undefined) {
      running++;
      if (c.role === 'sidecar' && !c.started) pendingSidecars++;
    } else if (c.role === 'sidecar') {
      if (ended === undefined) {
        pendingSidecars++;
        waiting++;
      }
    } else if (ended === undefined) waiting++;
    else {
      stopped++;
      if (forGood) stoppedForGood++;
      if (c.state.terminated !== undefined && ended.exitCode === 0) succeeded++;
    }
  }
  const begun = records.some((c) => c.role === 'main' && c.inSandbox);
  if (pendingInits > 0 || (pendingSidecars > 0 && !begun) || waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped === 0) return 'Pending';
  if (!ending && stopped !== stoppedForGood) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
}
