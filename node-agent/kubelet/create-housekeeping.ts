import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseDuration } from '../../schemas/meta/duration.ts';
import { isTerminal } from '../../schemas/helpers/pod-resources.ts';
import { value } from '../../schemas/helpers/quantity-number.ts';
import type { Hierarchy } from '../cgroups/hierarchy.ts';
import type { NodeCgroups } from '../cgroups/pods.ts';
import { usageReader } from '../cgroups/usage.ts';
import type { NodePaths } from '../host/paths.ts';
import type { CriRuntime } from '../runtime/cri/runtime.ts';
import type { Mounted } from '../volumes/plugin.ts';
import { startEviction, type EvictionManager } from './eviction/manager.ts';
import { observer } from './eviction/observe.ts';
import { systemOoms } from './eviction/system-oom.ts';
import { parseThresholds } from './eviction/thresholds.ts';
import { startCollector, type Collector } from './garbage/collector.ts';
import type { PodState } from './garbage/container-plan.ts';
import type { Housekeeping, HousekeepingHost } from './housekeeping.ts';
import type { KubeletConfiguration } from './node/configuration.ts';
import { createRuntimeHealth } from './node/runtime-health.ts';
import type { PodWorker } from './pod/worker.ts';
import { gracePeriods } from './shutdown/plan.ts';
import { endPods, REFUSED } from './shutdown/shutdown.ts';
import { layersOf, podsOnNode } from './usage/pods-on-node.ts';
import { processes } from './usage/processes.ts';
import { createSampler } from './usage/sampler.ts';
import { createNodeUsage } from './usage/summary.ts';
import { createVolumeCounts } from './usage/volumes.ts';
import { volumesOfClaims, watchVolumeHealth, type PodVolumeOnNode } from './usage/volume-health.ts';

export interface HousekeepingOptions {
  readonly runtime: CriRuntime;
  readonly cgroups: NodeCgroups;
  readonly hierarchy: Hierarchy;
  readonly paths: NodePaths;
  readonly configuration: KubeletConfiguration;
  /** Of the node, and of all its pods. */
  readonly groups: { readonly node: string; readonly pods: string };
  readonly resources: {
    readonly capacity: Readonly<Record<string, string>>;
    readonly allocatable: Readonly<Record<string, string>>;
  };
  /** Bytes of the machine. */
  readonly memoryBytes: number;
  /** Names of images that stay whatever happens. */
  readonly keepImages: readonly string[];
  /** Volumes of a pod that are there, by their names in it. */
  readonly mounted: (uid: string) => ReadonlyMap<string, Mounted>;
  /** Ids of the images that are volumes. */
  readonly volumeImages: () => ReadonlySet<string>;
  /** What is kept of images other than these, and is older, may go. */
  readonly pruneImages: (ids: readonly string[], before: number) => Promise<void>;
}
const ms = (duration: string): number => {
  const nanos = parseDuration(duration);
  if (typeof nanos === 'string') throw new Error(nanos);
  return Number(nanos / 1_000_000n);
};
/** The housekeeping of one real node. Throws Error where its configuration makes no sense. */
export function createHousekeeping(o: HousekeepingOptions): (host: HousekeepingHost) => Housekeeping {
  const { configuration } = o;
  const thresholds = parseThresholds(configuration);
  const transitionMs = ms(configuration.evictionPressureTransitionPeriod);
  const policy = {
    highPercent: configuration.imageGCHighThresholdPercent,
    lowPercent: configuration.imageGCLowThresholdPercent,
    minAgeMs: ms(configuration.imageMinimumGCAge),
    maxAgeMs: ms(configuration.imageMaximumGCAge),
  };
  const periods = gracePeriods(
    configuration.shutdownGracePeriodByPodPriority,
    Math.trunc(ms(configuration.shutdownGracePeriod) / 1_000),
    Math.trunc(ms(configuration.shutdownGracePeriodCriticalPods) / 1_000),
  );
  return ({ node, healthChanged }) => {
    const { world, recorder, inspection, nodeName } = node;
    const { runtime, cgroups, paths } = o;
    const { cri, runs } = runtime;
    const read = usageReader(o.hierarchy);
    const memory = { capacity: value(o.resources.capacity['memory']), allocatable: value(o.resources.allocatable['memory']) }; // prettier-ignore
    const imagesFolder = async (): Promise<string> => (await cri.imageFilesystems()).images[0]?.fsId?.mountpoint ?? paths.root; // prettier-ignore
    const periodMs = ms(configuration.volumeStatsAggPeriod);
    const tellsHealth = configuration.featureGates['CSIVolumeHealth'] === true;
    const volumes = createVolumeCounts({
      world,
      periodMs,
      tellsHealth,
      tell: (pod, reason, message) => recorder.event(pod, 'Warning', reason, message),
    });
    const usage = createNodeUsage({
      world,
      nodeName,
      since: world.clock.now(),
      sampler: createSampler(world.clock, read),
      paths: o.groups,
      memory,
      disk: paths.root,
      volumes,
      pods: () => podsOnNode({ node, runtime, cgroups, paths, mounted: o.mounted }),
      layers: () => layersOf(runtime),
      processes: () => processes(),
    });
    const podVolumes = (): readonly PodVolumeOnNode[] =>
      [...node.pods.values()].flatMap(({ pod, uid }) => [...o.mounted(uid)].map(([name, mounted]) => ({ pod, name, mounted }))); // prettier-ignore
    const about = { kind: 'Node', name: nodeName, uid: nodeName, apiVersion: 'v1' };
    const tellNode = (reason: string, message: string): void => recorder.event(about, 'Warning', reason, message);
    const health = createRuntimeHealth({ world, status: () => cri.status(), onChange: healthChanged });
    health.start();
    const observe = observer({ read, groups: o.groups, memory, machineBytes: o.memoryBytes, disk: paths.root, imagesFolder }); // prettier-ignore
    const ooms = systemOoms();
    let eviction: EvictionManager | undefined;
    let collector: Collector | undefined;
    let unwatchHealth: (() => void) | undefined;
    let goesOff = false;
    const running = (): PodWorker[] => [...node.pods.values()].filter(({ sandbox }) => sandbox !== undefined);

    const stateOf = (uid: string): PodState => {
      const worker = node.pods.get(uid);
      if (worker === undefined) return 'gone';
      return worker.hasEnded || isTerminal(worker.pod) ? 'over' : 'alive';
    };
    const sweepGroups = (): Promise<unknown> =>
      cgroups.sweep(new Set([...node.pods.keys(), ...[...runs.sandboxes.values()].map(({ podUid }) => podUid)]));
    const startGarbage = (): Collector =>
      startCollector({
        world,
        nodeName,
        inspection,
        policy,
        keep: o.keepImages,
        logFolders: () => readdir(paths.logs).catch(() => []),
        removeLogFolder: (name) => rm(join(paths.logs, name), { recursive: true, force: true }),
        stateOf,
        containers: () =>
          [...runs.containers.values()].map(({ id, podUid, sandbox, createdAt, status }) => ({
            id,
            podUid,
            sandbox,
            createdAt,
            name: status.details?.name ?? '',
            image: status.details?.imageID ?? status.details?.image ?? '',
            isRunning: status.state === 'running',
            isNew: status.state === 'created',
          })),
        sandboxes: () => [...runs.sandboxes.values()].map(({ id, podUid, createdAt, ready }) => ({ id, podUid, createdAt, isReady: ready })), // prettier-ignore
        images: async () =>
          (await cri.images()).map(({ id, repoTags, repoDigests, size, pinned }) => ({
            id,
            names: [...repoTags, ...repoDigests],
            sizeBytes: size,
            pinned,
          })),
        disk: () => observe.imageDisk(),
        sweep: () => Promise.all([sweepGroups(), runtime.sweepLogs()]),
        removeContainer: (id) => runtime.removeContainer(id),
        removeSandbox: (id) => runtime.removePodSandbox(id),
        volumeImages: o.volumeImages,
        tellImages: o.pruneImages,
        removeImage: ({ id }) => runtime.removeImage(id),
        tellNode,
      });
    return {
      configuration,
      summary: () => usage.summary(),
      claimedVolumes: () => volumesOfClaims(podVolumes(), volumes),
      health: () => ({
        memoryPressure: eviction?.conditions.has('MemoryPressure') ?? false,
        diskPressure: eviction?.conditions.has('DiskPressure') ?? false,
        pidPressure: eviction?.conditions.has('PIDPressure') ?? false,
        problems: [...health.problems(), ...(goesOff ? ['node is shutting down'] : [])],
        runtime: health.abilities(),
      }),
      admit: (pod) => eviction?.admit(pod) ?? (goesOff ? REFUSED : undefined),
      start() {
        for (const { pod, sandbox } of node.pods.values()) if (sandbox !== undefined) cgroups.adopt(pod);
        void sweepGroups().catch((error: unknown) =>
          world.log.warn('cgroups of former pods not removed', { err: error }),
        );
        collector ??= startGarbage();
        if (tellsHealth && periodMs > 0) unwatchHealth ??= watchVolumeHealth(world, periodMs, podVolumes, volumes);
        eviction ??= startEviction({
          world,
          nodeName,
          thresholds,
          transitionMs,
          maxGraceSeconds: configuration.evictionMaxPodGracePeriod,
          inspection,
          observe: async () => {
            for (const { process, pid } of await ooms())
              tellNode('SystemOOM', `System OOM encountered, victim process: ${process}, pid: ${pid}`);
            return observe.all();
          },
          hasImageFs: async () => (await stat(await imagesFolder())).dev !== (await stat(paths.root)).dev,
          pods: running,
          stats: async (uids) => (uids === undefined ? (await usage.summary({ fresh: true })).pods : usage.of(uids)),
          removeUnused: async () => collector?.removeUnused(),
          tellNode,
          tellPod: (pod, reason, message) => recorder.event(pod, 'Warning', reason, message),
          onConditions: healthChanged,
        });
      },
      async shutdown() {
        if (periods.length === 0) return;
        goesOff = true;
        healthChanged();
        await endPods(world.clock, periods, running());
      },
      stop() {
        health.stop();
        eviction?.stop();
        collector?.stop();
        unwatchHealth?.();
        [eviction, collector, unwatchHealth] = [undefined, undefined, undefined];
      },
    };
  };
}
