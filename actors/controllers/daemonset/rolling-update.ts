import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { availableInMs } from '../../runtime/pods.ts';
import { isUpdated } from './eligibility.ts';
import type { Changes } from './manage.ts';
import type { Pass } from './pass.ts';

/** The pods of a node: at most one of each template, or too many of one (undefined), which manage() prunes. */
function ofNode(pass: Pass, pods: readonly Pod[]): { readonly former?: Pod; readonly updated?: Pod } | undefined {
  let former: Pod | undefined;
  let updated: Pod | undefined;
  for (const pod of pods) {
    if (pod.metadata.deletionTimestamp !== undefined) continue;
    if (isUpdated(pod, pass.hash, pass.generation)) {
      if (updated) return undefined;
      updated = pod;
    } else {
      if (former) return undefined;
      former = pod;
    }
  }
  return { ...(former && { former }), ...(updated && { updated }) };
}
const isAvailable = ({ minReadySeconds, now }: Pass, pod: Pod): boolean =>
  availableInMs(pod, minReadySeconds, now) === 0;

/** Which pods of the old template make room now. Source: daemon/update.go rollingUpdate. */
export function rollingUpdate(pass: Pass): Changes {
  const desired = [...pass.nodes.values()].filter((node) => pass.eligible(node).shouldRun).map((n) => n.metadata.name!);
  const byNode = new Map<string, readonly Pod[]>(pass.byNode);
  for (const name of desired) if (!byNode.has(name)) byNode.set(name, []);
  const { maxSurge, maxUnavailable } = pass.limits(desired.length);
  return maxSurge === 0 ? replace(pass, byNode, maxUnavailable) : surge(pass, byNode, maxSurge, desired.length);
}

/** Old pods go as far as maxUnavailable allows; those that are not available anyway go first. */
function replace(pass: Pass, byNode: ReadonlyMap<string, readonly Pod[]>, maxUnavailable: number): Changes {
  let unavailable = 0;
  const free: Pod[] = [];
  const candidates: Pod[] = [];
  for (const pods of byNode.values()) {
    const at = ofNode(pass, pods);
    if (!at || Boolean(at.former) === Boolean(at.updated)) unavailable++;
    else if (at.updated) {
      if (!isAvailable(pass, at.updated)) unavailable++;
    } else if (isAvailable(pass, at.former!)) candidates.push(at.former!);
    else {
      free.push(at.former!);
      unavailable++;
    }
  }
  const room = Math.max(0, maxUnavailable - unavailable);
  return { create: [], remove: [...free, ...candidates.slice(0, room)] };
}

/** New pods come beside old ones, maxSurge at a time; an old one goes when its successor is available. */
function surge(pass: Pass, byNode: ReadonlyMap<string, readonly Pod[]>, maxSurge: number, desired: number): Changes {
  const remove: Pod[] = [];
  const misplaced: Pod[] = [];
  const free: string[] = [];
  const candidates: string[] = [];
  let [surging, available] = [0, 0];
  for (const [name, pods] of byNode) {
    const at = ofNode(pass, pods);
    if (!at) {
      surging++;
      continue;
    }
    const { former, updated } = at;
    const first = former ?? updated;
    if (first && isAvailable(pass, first)) available++;
    if (!former) continue;
    if (updated) {
      if (isAvailable(pass, updated)) remove.push(former);
      else surging++;
      continue;
    }
    const node = pass.nodes.get(name);
    const shouldRun = node !== undefined && pass.eligible(node).shouldRun;
    const isNeeded = isAvailable(pass, former);
    if (shouldRun) (isNeeded ? candidates : free).push(name);
    else (isNeeded ? misplaced : remove).push(former);
  }
  // Where the set moves to other nodes, a pod goes only when one elsewhere has taken its place.
  remove.push(...misplaced.slice(0, Math.max(0, available - desired)));
  return { create: [...free, ...candidates.slice(0, Math.max(0, maxSurge - surging))], remove };
}
