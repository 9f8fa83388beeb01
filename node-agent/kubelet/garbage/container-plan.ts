/** A container as the node has it. */
export interface ContainerRecord {
  readonly id: string;
  readonly podUid: string;
  readonly name: string;
  readonly sandbox: string;
  /** ns since the epoch. */
  readonly createdAt: number;
  readonly isRunning: boolean;
  /** Made and not begun: a kubelet is about to begin it. */
  readonly isNew: boolean;
}
export interface SandboxRecord {
  readonly id: string;
  readonly podUid: string;
  readonly createdAt: number;
  readonly isReady: boolean;
}
/** How a pod is: the API has it, or not any more; nothing of it will ever run again. */
export type PodState = 'alive' | 'over' | 'gone';
/** Ended runs of a container that stay for their logs. Source: kubelet --maximum-dead-containers-per-container. */
const KEPT_RUNS = 1;

/** Ended containers that nobody needs: older runs, and all of pods that are gone. `all`: those of pods that are over too. Pure. Source: kuberuntime_gc.go evictContainers. */
export function containersToRemove(
  containers: readonly ContainerRecord[],
  stateOf: (podUid: string) => PodState,
  all = false,
): readonly string[] {
  const ended = containers.filter(({ isRunning, isNew }) => !isRunning && !isNew);
  const runs = Map.groupBy(ended, ({ podUid, name }) => `${podUid} ${name}`);
  return [...runs.values()].flatMap((of) => {
    const state = stateOf(of[0]!.podUid);
    const kept = state === 'gone' || (all && state === 'over') ? 0 : KEPT_RUNS;
    return of.toSorted((a, b) => b.createdAt - a.createdAt).slice(kept).map(({ id }) => id);
  });
} // prettier-ignore
/** Sandboxes that have ended and hold nothing any more; the newest of a pod that the API has stays. Pure. Source: evictSandboxes. */
export function sandboxesToRemove(
  sandboxes: readonly SandboxRecord[],
  containers: readonly ContainerRecord[],
  stateOf: (podUid: string) => PodState,
): readonly string[] {
  const held = new Set(containers.map(({ sandbox }) => sandbox));
  const newest = new Map<string, SandboxRecord>();
  for (const sandbox of sandboxes)
    if ((newest.get(sandbox.podUid)?.createdAt ?? -1) < sandbox.createdAt) newest.set(sandbox.podUid, sandbox);
  return sandboxes
    .filter(({ id, podUid, isReady }) => !isReady && !held.has(id) && (stateOf(podUid) === 'gone' || newest.get(podUid)?.id !== id))
    .map(({ id }) => id);
} // prettier-ignore
/** Folders of logs of pods that are gone, by their name `<namespace>_<name>_<uid>`. Pure. Source: evictPodLogsDirectories. */
export const logFoldersToRemove = (
  names: readonly string[],
  stateOf: (podUid: string) => PodState,
  hasSandbox: (podUid: string) => boolean,
): readonly string[] =>
  names.filter((name) => {
    const parts = name.split('_');
    const uid = parts.length === 3 ? parts[2]! : '';
    return uid !== '' && stateOf(uid) === 'gone' && !hasSandbox(uid);
  });
