import { statfs } from 'node:fs/promises';
import type { GroupUsage } from '../../cgroups/usage.ts';
import { processes } from '../usage/processes.ts';
import type { Observation, Observations, Signal } from './thresholds.ts';

export interface ObserverOptions {
  readonly read: (path: string) => Promise<GroupUsage | undefined>;
  readonly groups: { readonly node: string; readonly pods: string };
  /** Bytes that the node has, and that its pods may have. */
  readonly memory: { readonly capacity: number; readonly allocatable: number };
  /** Bytes of the machine, which others use too. */
  readonly machineBytes: number;
  /** Folder of pods and logs. */
  readonly disk: string;
  readonly imagesFolder: () => Promise<string>;
}
/** What is left of what pods share: a few reads, cheap enough for every ten seconds. Source: kubelet eviction makeSignalObservations. */
export function observer(o: ObserverOptions): {
  all(): Promise<Observations>;
  imageDisk(): Promise<{ readonly capacity: number; readonly available: number }>;
} {
  let images: string | undefined;
  const imagesFolder = async (): Promise<string> => (images ??= await o.imagesFolder());
  return {
    async all() {
      const [machine, node, pods, disk, imageDisk, pids] = await Promise.all([
        o.read('/'),
        o.read(o.groups.node),
        o.read(o.groups.pods),
        statfs(o.disk),
        imagesFolder().then((folder) => statfs(folder)),
        processes(),
      ]);
      const out = new Map<Signal, Observation>();
      const memory = (capacity: number, used: GroupUsage | undefined): Observation | undefined =>
        used && { capacity, available: Math.max(0, capacity - used.workingSetBytes), format: 'BinarySI' };
      // A node that has been given less than its machine has runs out of that first.
      const ofMachine = memory(o.machineBytes, machine);
      const ofNode = o.memory.capacity < o.machineBytes ? memory(o.memory.capacity, node) : undefined;
      const least = ofNode !== undefined && ofMachine !== undefined && ofNode.available < ofMachine.available ? ofNode : ofMachine; // prettier-ignore
      if (least !== undefined) out.set('memory.available', least);
      const allocatable = memory(o.memory.allocatable, pods);
      if (allocatable !== undefined) out.set('allocatableMemory.available', allocatable);
      for (const [name, fs] of Object.entries({ nodefs: disk, imagefs: imageDisk, containerfs: imageDisk })) {
        const bytes = { capacity: fs.blocks * fs.bsize, available: fs.bavail * fs.bsize, format: 'BinarySI' } as const;
        out.set(`${name}.available` as Signal, bytes);
        const inodes = { capacity: fs.files, available: fs.ffree, format: 'DecimalSI' } as const;
        // Some file systems do not count them.
        if (fs.files > 0) out.set(`${name}.inodesFree` as Signal, inodes);
      }
      if (pids.maxpid > 0) out.set('pid.available', { capacity: pids.maxpid, available: pids.maxpid - pids.curproc, format: 'DecimalSI' }); // prettier-ignore
      return out;
    },
    async imageDisk() {
      const fs = await statfs(await imagesFolder());
      return { capacity: fs.blocks * fs.bsize, available: fs.bavail * fs.bsize };
    },
  };
}
