import { delay, type Clock } from '../../../bus/world.ts';
import type { GroupUsage } from '../../cgroups/usage.ts';

export interface Sampled extends GroupUsage {
  /** Averaged since the reading before. */
  readonly nanoCores: number;
}
interface Reading {
  readonly at: number;
  readonly cpuNanos: number;
  readonly nanoCores: number;
}
/** Readings that are older say too little of now. */
const OLDEST_MS = 60_000;
/** Readings that are nearer to each other are one. */
const NEAREST_MS = 900;
const SOON_MS = 1_000;

/** Reads groups when somebody asks, and says from two readings how much of the processors each takes. */
export interface Sampler {
  /** One of each path, those that are there; takes a second where the first has not been read for a minute. */
  sample(paths: readonly string[]): Promise<ReadonlyMap<string, Sampled>>;
}
export function createSampler(clock: Clock, read: (path: string) => Promise<GroupUsage | undefined>): Sampler {
  const known = new Map<string, Reading>();
  const readAll = async (paths: readonly string[]): Promise<(readonly [string, GroupUsage])[]> => {
    const found = await Promise.all(paths.map(async (path) => [path, await read(path)] as const));
    return found.flatMap(([path, usage]) => (usage === undefined ? [] : [[path, usage] as const]));
  };
  return {
    async sample(paths) {
      const first = known.get(paths[0] ?? '');
      if (first === undefined || clock.now() - first.at > OLDEST_MS) {
        for (const [path, { cpuNanos }] of await readAll(paths))
          known.set(path, { at: clock.now(), cpuNanos, nanoCores: 0 });
        await delay(clock, SOON_MS);
      }
      const readings = await readAll(paths);
      const at = clock.now();
      for (const [path, reading] of known) if (at - reading.at > 2 * OLDEST_MS) known.delete(path);
      return new Map(
        readings.map(([path, usage]) => {
          const then = known.get(path);
          if (then !== undefined && at - then.at < NEAREST_MS) return [path, { ...usage, nanoCores: then.nanoCores }];
          const used = then === undefined ? 0 : Math.max(0, usage.cpuNanos - then.cpuNanos);
          const nanoCores = then === undefined ? 0 : Math.round((used * 1_000) / (at - then.at));
          known.set(path, { at, cpuNanos: usage.cpuNanos, nanoCores });
          return [path, { ...usage, nanoCores }];
        }),
      );
    },
  };
}
