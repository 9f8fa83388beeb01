import type { PodSpec } from '../../../schemas/generated/core-v1.ts';
import { isRunning, type ContainerRecord } from '../container/record.ts';
import { isLast } from '../container/restart.ts';

/** What a pod's containers ask for next. */
export interface Plan {
  /** Not started in the pod's sandbox so far and due now. */
  readonly start: readonly ContainerRecord[];
  readonly stage: 'initializing' | 'running' | 'completed';
}

/**
 * Init containers one after the other, sidecars among them as soon as those before are done, then all the others at
 * once; ephemeral ones at any time; completed when no main container runs or will run again, or an init container has
 * failed for good. A new sandbox begins from the first. Pure. Restarts are each container's own affair.
 * Source: kubelet computePodActions.
 */
export function plan(spec: PodSpec, records: readonly ContainerRecord[]): Plan {
  const mains = records.filter((c) => c.role === 'main');
  const isOver = (c: ContainerRecord): boolean =>
    c.state.terminated !== undefined && isLast(c, spec, c.state.terminated);
  if (mains.every((c) => c.runs > 0 && isOver(c))) return { start: [], stage: 'completed' };
  const begun = mains.some((c) => c.inSandbox);
  const start = records.filter((c) => c.role === 'ephemeral' && c.runs === 0);
  for (const c of records) {
    if (c.role === 'main') break;
    if (c.role === 'sidecar') {
      if (!c.inSandbox) start.push(c);
      if (!begun && !(isRunning(c) && c.started)) return { start, stage: 'initializing' };
      continue;
    }
    if (begun || (c.inSandbox && c.state.terminated?.exitCode === 0)) continue;
    if (c.state.terminated !== undefined && c.state.terminated.exitCode !== 0 && isOver(c))
      return { start: [], stage: 'completed' };
    if (!c.inSandbox) start.push(c);
    return { start, stage: 'initializing' };
  }
  for (const c of mains) if (!c.inSandbox && !isOver(c)) start.push(c);
  return { start, stage: 'running' };
}
