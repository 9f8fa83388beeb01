import { join } from 'node:path';
import type { NodeCgroups } from '../../cgroups/pods.ts';
import type { NodePaths } from '../../host/paths.ts';
import type { CriRuntime } from '../../runtime/cri/runtime.ts';
import { podLogFolder } from '../../runtime/cri/sandbox-config.ts';
import type { Mounted } from '../../volumes/plugin.ts';
import type { NodeContext } from '../context.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { DiskUse } from './disk.ts';
import type { PodOnNode, SummaryOptions } from './summary.ts';

interface Sources {
  readonly node: NodeContext;
  readonly runtime: CriRuntime;
  readonly cgroups: NodeCgroups;
  readonly paths: Pick<NodePaths, 'logs'>;
  /** Volumes of a pod that are there, by their names in it. */
  readonly mounted: (uid: string) => ReadonlyMap<string, Mounted>;
}
/** Pods of which something runs, and where what they use is found. */
export const podsOnNode = (o: Sources): PodOnNode[] => [...o.node.pods.values()].flatMap((worker) => podOnNode(o, worker) ?? []); // prettier-ignore

function podOnNode({ runtime, cgroups, paths, mounted }: Sources, { pod, uid }: PodWorker): PodOnNode | undefined {
  const containers = runtime.containersOf(uid).flatMap((id) => {
    const status = runtime.containerStatus(id);
    const name = status?.details?.name;
    if (status?.state !== 'running' || name === undefined) return [];
    return [{ name, id, startedAt: status.startedAt, logs: join(podLogFolder(paths.logs, pod.metadata), name) }];
  });
  if (containers.length === 0) return undefined;
  const path = cgroups.pathOf(pod);
  const sandbox = runtime.runs.sandboxesOf(uid).at(-1)?.id;
  return {
    pod,
    path,
    startTime: pod.status?.startTime ?? '',
    containers,
    networkPid: async () =>
      pod.spec?.hostNetwork === true || sandbox === undefined
        ? undefined
        : (await cgroups.processesOf(join(path, sandbox)))[0],
    volumes: () => mounted(uid),
  };
}
/** What containers have written by now, as their runtime counts it. */
export async function layersOf({ cri }: CriRuntime): ReturnType<SummaryOptions['layers']> {
  const [stats, { images }] = await Promise.all([
    cri.containerStats().catch(() => []),
    cri.imageFilesystems().catch(() => ({ images: [] })),
  ]);
  const written = stats.flatMap(({ attributes, writableLayer }): [string, DiskUse][] =>
    attributes === undefined || writableLayer === undefined
      ? []
      : [[attributes.id, { bytes: writableLayer.usedBytes?.value ?? 0, inodes: writableLayer.inodesUsed?.value ?? 0 }]],
  );
  return { written: new Map(written), images: images[0]?.fsId?.mountpoint, imageBytes: images[0]?.usedBytes?.value ?? 0 }; // prettier-ignore
}
