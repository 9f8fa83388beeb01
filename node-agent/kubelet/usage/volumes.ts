import type { VolumeStats } from '../../../bus/protocol/node.ts';
import { delay, type World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { claimsOfPod } from '../../../schemas/helpers/volume-binding.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Mounted } from '../../volumes/plugin.ts';
import { fsStats, volumeFs } from './disk.ts';

/** ms. Drivers and servers may not answer: nobody waits longer for what else is known. */
const PATIENCE_MS = 2_000;

export interface VolumeCountsOptions {
  readonly world: World;
  /** How old a count may be, ms. */
  readonly periodMs: number;
  /** Whether drivers are heard who say that a volume is not well. Source: feature gate CSIVolumeHealth. */
  readonly tellsHealth: boolean;
  readonly tell: (pod: Pod, reason: string, message: string) => void;
}
/** How full volumes are, counted when somebody asks, and no more often than is said. Source: kubelet server/stats volume_stat_calculator.go. */
export interface VolumeCounts {
  /** As last counted; undefined: that is not known yet, or never. `name`: within the pod. */
  of(pod: Pod, name: string, volume: Pick<Mounted, 'path' | 'count'>): Promise<VolumeStats | undefined>;
}
interface Count {
  stats: VolumeStats | undefined;
  at: number;
  running: Promise<void> | undefined;
}
export function createVolumeCounts({ world, periodMs, tellsHealth, tell }: VolumeCountsOptions): VolumeCounts {
  const { clock, log } = world;
  const counts = new Map<string, Count>();

  async function figures({ path, count = 'folder' }: Pick<Mounted, 'path' | 'count'>, time: string) {
    if (count === 'nothing') return undefined;
    if (count === 'folder') return volumeFs(path, time);
    return count === 'fileSystem' ? fsStats(path, time) : count();
  }
  async function count(to: Count, pod: Pod, name: string, volume: Pick<Mounted, 'path' | 'count'>): Promise<void> {
    const time = formatTime(clock.now());
    try {
      const found = await figures(volume, time);
      if (found === undefined) return void (to.stats = undefined);
      const { condition, ...fs } = { condition: undefined, ...found };
      const claim = claimsOfPod(pod).find((one) => one.volume === name);
      to.stats = {
        time,
        ...fs,
        name,
        ...(claim !== undefined && { pvcRef: { name: claim.name, namespace: pod.metadata.namespace ?? '' } }),
        ...(tellsHealth && condition !== undefined && { volumeHealthStats: { abnormal: condition.abnormal } }),
      };
      if (tellsHealth && condition?.abnormal === true) tell(pod, 'VolumeConditionAbnormal', `Volume ${name}: ${condition.message}`); // prettier-ignore
    } catch (err) {
      // What was counted before is what is known.
      log.debug('volume not counted', { pod: pod.metadata.name, volume: name, err });
    } finally {
      to.at = clock.now();
      to.running = undefined;
    }
  }
  function forgetOld(): void {
    for (const [key, { at, running }] of counts) if (running === undefined && clock.now() - at > 2 * periodMs) counts.delete(key); // prettier-ignore
  }
  return {
    async of(pod, name, volume) {
      // Source: fs_resource_analyzer.go Start.
      if (periodMs <= 0) return undefined;
      const key = `${pod.metadata.uid}/${name}`;
      let known = counts.get(key);
      if (known === undefined) {
        forgetOld();
        counts.set(key, (known = { stats: undefined, at: -Infinity, running: undefined }));
      }
      if (known.running === undefined && clock.now() - known.at >= periodMs) known.running = count(known, pod, name, volume);
      if (known.running === undefined) return known.stats;
      const enough = new AbortController();
      await Promise.race([known.running, delay(clock, PATIENCE_MS, enough.signal).catch(() => undefined)]);
      enough.abort();
      return known.stats;
    },
  };
} // prettier-ignore
