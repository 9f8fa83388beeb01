import { join } from 'node:path';
import type {
  ContainerStats,
  CpuStats,
  FsStats,
  MemoryStats,
  PodStats,
  StatsSummary,
  VolumeStats,
} from '../../../bus/protocol/node.ts';
import type { World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { amount } from '../../../schemas/helpers/pod-resources.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { Mounted } from '../../volumes/plugin.ts';
import { diskUse, fsStats, partOf, type DiskUse } from './disk.ts';
import { networkOf } from './network.ts';
import type { Sampled, Sampler } from './sampler.ts';
import type { VolumeCounts } from './volumes.ts';

/** One pod as it is on this node. */
export interface PodOnNode {
  readonly pod: Pod;
  /** Of its cgroup. */
  readonly path: string;
  readonly startTime: string;
  /** Those that run. */
  readonly containers: readonly {
    readonly name: string;
    readonly id: string;
    readonly startedAt: number;
    readonly logs: string;
  }[];
  /** A process in its network; undefined: it is in the node's, or nobody knows. */
  readonly networkPid: () => Promise<number | undefined>;
  /** Its volumes that are on this node, by their names in the pod. */
  readonly volumes: () => ReadonlyMap<string, Pick<Mounted, 'path' | 'count'>>;
}
export interface SummaryOptions {
  readonly world: World;
  readonly nodeName: string;
  /** ms since the epoch. */
  readonly since: number;
  readonly sampler: Sampler;
  /** Of the node's own cgroup, and of its pods'. */
  readonly paths: { readonly node: string; readonly pods: string };
  /** Bytes that the node has, and that its pods may have. */
  readonly memory: { readonly capacity: number; readonly allocatable: number };
  /** Folder of pods and logs. */
  readonly disk: string;
  readonly pods: () => readonly PodOnNode[];
  readonly volumes: VolumeCounts;
  /** What containers have written, by id, and the folder of images. */
  readonly layers: () => Promise<{ readonly written: ReadonlyMap<string, DiskUse>; readonly images: string | undefined; readonly imageBytes: number }>;
  readonly processes: () => Promise<{ readonly maxpid: number; readonly curproc: number }>;
} // prettier-ignore
/** Readings of the whole node are good for so long, ms. */
const FRESH_MS = 2_000;
/** Folders are counted so often. Source: KubeletConfiguration volumeStatsAggPeriod. */
const COUNTED_MS = 60_000;

/** What a machine, its pods and their containers use. Source: kubelet pkg/kubelet/stats cri_stats_provider.go. */
export interface NodeUsage {
  /** Several who ask at once are told the same. `fresh`: folders are counted anew. */
  summary(o?: { readonly fresh?: boolean }): Promise<StatsSummary>;
  /** Of these pods, by uid, their folders counted now. */
  of(uids: ReadonlySet<string>): Promise<readonly PodStats[]>;
}
export function createNodeUsage(o: SummaryOptions): NodeUsage {
  const { clock } = o.world;
  let asked: { readonly at: number; readonly fresh: boolean; readonly answer: Promise<StatsSummary> } | undefined;
  const counted = new Map<string, { readonly at: number; readonly use: Promise<DiskUse> }>();

  /** Counting takes reads of each file: it is done once a minute, and for those alone whom somebody asks for. */
  function count(folder: string, fresh: boolean): Promise<DiskUse> {
    const known = counted.get(folder);
    if (known !== undefined && !fresh && clock.now() - known.at < COUNTED_MS) return known.use;
    const use = diskUse(folder);
    counted.set(folder, { at: clock.now(), use });
    return use;
  }
  function forgetOld(): void {
    for (const [folder, { at }] of counted) if (clock.now() - at > 2 * COUNTED_MS) counted.delete(folder);
  }
  async function podStats(on: PodOnNode, all: ReadonlyMap<string, Sampled>, about: About, fresh: boolean): Promise<PodStats | undefined> {
    const { pod, path } = on;
    const own = all.get(path);
    if (own === undefined || on.containers.length === 0) return undefined;
    const { time, fs, imageFs, written } = about;
    const limitOf = (name: string): number =>
      amount('memory', [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])].find((c) => c.name === name)?.resources?.limits?.['memory']);
    const containers = await Promise.all(
      on.containers.map(async ({ name, id, startedAt, logs }): Promise<ContainerStats> => {
        const used = all.get(join(path, id)) ?? NOTHING;
        const layer = written.get(id);
        return {
          name,
          startTime: formatTime(startedAt),
          cpu: cpuOf(used, time),
          memory: memoryOf(used, time, limitOf(name)),
          ...(layer !== undefined && imageFs !== undefined && { rootfs: partOf(imageFs, layer) }),
          logs: partOf(fs, await count(logs, fresh)),
        };
      }),
    );
    let ephemeral: DiskUse = { bytes: 0, inodes: 0 };
    const each = [...on.volumes()].map(async ([name, mounted]): Promise<VolumeStats | undefined> => {
      const { emptyDir } = pod.spec?.volumes?.find((v) => v.name === name) ?? {};
      if (emptyDir === undefined || emptyDir.medium === 'Memory') return o.volumes.of(pod, name, mounted);
      const use = partOf(fs, await count(mounted.path, fresh));
      ephemeral = plus(ephemeral, use);
      return { ...use, name };
    });
    const volume = (await Promise.all(each)).filter((stats) => stats !== undefined);
    for (const { rootfs, logs } of containers) for (const use of [rootfs, logs]) if (use !== undefined) ephemeral = plus(ephemeral, use);
    const pid = await on.networkPid();
    const network = pid === undefined ? undefined : await networkOf(pid, time);
    return {
      podRef: { name: pod.metadata.name ?? '', namespace: pod.metadata.namespace ?? '', uid: pod.metadata.uid ?? '' },
      startTime: on.startTime,
      containers,
      cpu: cpuOf(own, time),
      memory: memoryOf(own, time),
      ...(network !== undefined && { network }),
      ...(volume.length > 0 && { volume }),
      'ephemeral-storage': partOf(fs, ephemeral),
      process_stats: { process_count: own.pids },
    };
  } // prettier-ignore
  async function read(fresh: boolean, wanted: (pod: Pod) => boolean = () => true): Promise<StatsSummary> {
    forgetOld();
    const pods = o.pods().filter(({ pod }) => wanted(pod));
    const { node, pods: together } = o.paths;
    const paths = [node, together, ...pods.flatMap(({ path, containers }) => [path, ...containers.map(({ id }) => join(path, id))])]; // prettier-ignore
    const [all, layers, processes, network] = await Promise.all([
      o.sampler.sample(paths),
      o.layers(),
      o.processes(),
      networkOf('self', formatTime(clock.now())),
    ]);
    const time = formatTime(clock.now());
    const fs = await fsStats(o.disk, time);
    const imageFs = layers.images === undefined ? undefined : await fsStats(layers.images, time).catch(() => undefined);
    const about: About = { time, fs, imageFs: imageFs ?? fs, written: layers.written };
    const of = (path: string): Sampled => all.get(path) ?? NOTHING;
    const sum = [...layers.written.values()].reduce(plus, { bytes: 0, inodes: 0 });
    return {
      node: {
        nodeName: o.nodeName,
        systemContainers: [
          {
            name: 'pods',
            startTime: formatTime(o.since),
            cpu: cpuOf(of(together), time),
            memory: memoryOf(of(together), time, o.memory.allocatable),
          },
        ],
        startTime: formatTime(o.since),
        cpu: cpuOf(of(node), time),
        memory: memoryOf(of(node), time, o.memory.capacity),
        ...(network !== undefined && { network }),
        fs,
        ...(imageFs !== undefined && {
          runtime: {
            imageFs: partOf(imageFs, { bytes: layers.imageBytes, inodes: imageFs.inodesUsed ?? 0 }),
            containerFs: partOf(imageFs, sum),
          },
        }),
        rlimit: { time, ...processes },
      },
      pods: (await Promise.all(pods.map((pod) => podStats(pod, all, about, fresh)))).flatMap((stats) => stats ?? []),
    };
  }
  return {
    summary({ fresh = false } = {}) {
      const now = clock.now();
      if (asked !== undefined && now - asked.at < FRESH_MS && (asked.fresh || !fresh)) return asked.answer;
      const answer = read(fresh);
      const mine = { at: now, fresh, answer };
      asked = mine;
      answer.catch(() => (asked === mine ? (asked = undefined) : undefined));
      return answer;
    },
    of: async (uids) => (await read(true, (pod) => uids.has(pod.metadata.uid ?? ''))).pods,
  };
}
interface About {
  readonly time: string;
  readonly fs: FsStats;
  readonly imageFs: FsStats | undefined;
  readonly written: ReadonlyMap<string, DiskUse>;
}
const plus = (a: DiskUse, b: DiskUse | FsStats): DiskUse =>
  'bytes' in b
    ? { bytes: a.bytes + b.bytes, inodes: a.inodes + b.inodes }
    : { bytes: a.bytes + b.usedBytes, inodes: a.inodes + (b.inodesUsed ?? 0) };
const NOTHING: Sampled = {
  cpuNanos: 0,
  memoryBytes: 0,
  workingSetBytes: 0,
  rssBytes: 0,
  pageFaults: 0,
  majorPageFaults: 0,
  pids: 0,
  nanoCores: 0,
};
const cpuOf = ({ nanoCores, cpuNanos }: Sampled, time: string): CpuStats => ({
  time,
  usageNanoCores: nanoCores,
  usageCoreNanoSeconds: cpuNanos,
});
/** `limit`: 0 is none. */
const memoryOf = (used: Sampled, time: string, limit = 0): MemoryStats => ({
  time,
  ...(limit > 0 && { availableBytes: Math.max(0, limit - used.workingSetBytes) }),
  usageBytes: used.memoryBytes,
  workingSetBytes: used.workingSetBytes,
  rssBytes: used.rssBytes,
  pageFaults: used.pageFaults,
  majorPageFaults: used.majorPageFaults,
});
