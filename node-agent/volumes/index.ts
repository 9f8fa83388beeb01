import type { Bus } from '../../bus/bus.ts';
import type { World } from '../../bus/world.ts';
import type { Container, Pod } from '../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createEventRecorder } from '../../actors/runtime/events.ts';
import type { Inspection } from '../../actors/runtime/inspection.ts';
import type { Commands } from '../host/commands.ts';
import type { NodePaths } from '../host/paths.ts';
import { createAccountTokens, type AccountTokens } from '../kubelet/account-tokens.ts';
import type { Variable } from '../kubelet/environment/expansion.ts';
import type { References } from '../kubelet/references.ts';
import type { PodVolumes } from '../runtime/cri/parts.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';
import { createCsi } from './csi/index.ts';
import { containerMounts } from './container-mounts.ts';
import { imageMounts } from './images.ts';
import { serveLocalFolders } from './local-folders.ts';
import { machineMounts } from './mounts.ts';
import { podVolumes, type PodVolumesOnDisk } from './pod-volumes.ts';
import type { VolumeHost } from './plugin.ts';

export interface NodeVolumeOptions {
  readonly world: World;
  /** Of caller `node:<name>`. */
  readonly client: ApiClient;
  /** Where folders of volumes are asked to go. */
  readonly bus: Bus;
  readonly nodeName: string;
  readonly commands: Commands;
  readonly paths: Pick<NodePaths, 'pods' | 'localVolumes' | 'plugins' | 'pluginsRegistry' | 'containerd'>;
  /** Pulls images that are volumes; asked for when there is one. */
  readonly runtime: () => ContainerRuntime;
  /** Shared with who makes variables of them. */
  readonly references: References;
  /** What the node has for pods: default size of memory, and of limits that are not set. */
  readonly allocatable: () => Readonly<Record<string, string | number>>;
  readonly variablesOf: (pod: Pod, container: Container, signal: AbortSignal) => Promise<readonly Variable[]>;
  readonly inspection?: Inspection | undefined;
} // prettier-ignore
/** The volumes of a real node: `disk` for its kubelet, `parts` for its runtime. */
export interface NodeVolumeParts {
  readonly disk: PodVolumesOnDisk;
  readonly parts: PodVolumes;
  /** Of the pods' accounts, forgotten with their volumes. */
  readonly tokens: AccountTokens;
  /** Ids of the images that are volumes. */
  readonly images: () => ReadonlySet<string>;
}
export function createNodeVolumes(o: NodeVolumeOptions): NodeVolumeParts {
  const { world, client, nodeName, references } = o;
  const { plugins, pluginsRegistry: registry } = o.paths;
  const csi = createCsi({ world, client, nodeName, registry, onDriver: () => disk.retry() });
  const recorder = createEventRecorder({ client, world, component: 'kubelet', host: nodeName });
  const host: VolumeHost = {
    csi,
    recorder,
    images: imageMounts({
      world,
      commands: o.commands,
      recorder,
      runtime: o.runtime,
      socket: o.paths.containerd.socket,
    }),
    world,
    client,
    references,
    tokens: createAccountTokens({ world, client }),
    mounts: machineMounts(o.commands),
    commands: o.commands,
    nodeName,
    held: new Map(),
    sizes: new Map(),
    pods: o.paths.pods,
    plugins,
    localVolumes: o.paths.localVolumes,
    allocatable: o.allocatable,
  };
  const recursiveReadOnly = async (pod: Pod, signal: AbortSignal): Promise<boolean> => {
    try {
      return (await o.runtime().abilitiesOf?.(pod, signal))?.recursiveReadOnlyMounts ?? false;
    } catch (error) {
      signal.throwIfAborted();
      world.log.warn('the container runtime does not say whether mounts can be read-only as a whole', { err: error });
      return false;
    }
  };
  const disk = podVolumes({ host, inspection: o.inspection });
  const parts = containerMounts({ host, volumes: disk, variablesOf: o.variablesOf, recursiveReadOnly });
  const door = serveLocalFolders(o.bus, host);
  const stop = (): void => {
    door.unsubscribe();
    csi.stop();
    disk.stop();
    recorder.stop();
  };
  const open: typeof disk.open = (isKnown) => {
    csi.open();
    return disk.open(isKnown);
  };
  return { disk: { ...disk, open, stop }, parts, tokens: host.tokens, images: host.images.inUse };
}
