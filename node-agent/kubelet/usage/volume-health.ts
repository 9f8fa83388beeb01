import type { VolumeStats } from '../../../bus/protocol/node.ts';
import { delay, type World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Mounted } from '../../volumes/plugin.ts';
import type { VolumeCounts } from './volumes.ts';

/** A volume that a pod of the node has. */
export interface PodVolumeOnNode {
  readonly pod: Pod;
  /** In the pod. */
  readonly name: string;
  readonly mounted: Pick<Mounted, 'path' | 'count'>;
}
/** What is known of the volumes of claims, each claim once. Source: kubelet metrics/collectors volume_stats.go. */
export async function volumesOfClaims(volumes: readonly PodVolumeOnNode[], counts: VolumeCounts): Promise<readonly VolumeStats[]> {
  const all = await Promise.all(volumes.map(({ pod, name, mounted }) => counts.of(pod, name, mounted)));
  const found = new Map<string, VolumeStats>();
  for (const stats of all) {
    const key = stats?.pvcRef && `${stats.pvcRef.namespace}/${stats.pvcRef.name}`;
    if (key !== undefined && !found.has(key)) found.set(key, stats!);
  }
  return [...found].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, stats]) => stats);
} // prettier-ignore
/** Counts all volumes again and again, whether anybody asks or not: what is not well is told as it is counted. Returns its end. */
export function watchVolumeHealth({ clock }: Pick<World, 'clock'>, periodMs: number, volumes: () => readonly PodVolumeOnNode[], counts: VolumeCounts): () => void {
  const end = new AbortController();
  void (async () => {
    while (!end.signal.aborted) {
      await Promise.all(volumes().map(({ pod, name, mounted }) => counts.of(pod, name, mounted)));
      await delay(clock, periodMs, end.signal).catch(() => undefined);
    }
  })();
  return () => end.abort();
} // prettier-ignore
