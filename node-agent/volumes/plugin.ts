import type { FileHandle } from 'node:fs/promises';
import type { World } from '../../bus/world.ts';
import type { PersistentVolume, Pod, Volume } from '../../schemas/generated/core-v1.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { Commands } from '../host/commands.ts';
import type { AccountTokens } from '../kubelet/account-tokens.ts';
import type { References } from '../kubelet/references.ts';
import type { CsiHost } from './csi/index.ts';
import type { VolumeCount } from './figures.ts';
import type { ImageMounts } from './images.ts';
import type { Mounts } from './mounts.ts';

/** A volume of a pod, with the persistent one behind its claim, if it has one. */
export interface PodVolume {
  readonly pod: Pod;
  readonly volume: Volume;
  readonly persistent: PersistentVolume | undefined;
  /** As the pod's claim source or the persistent volume says. */
  readonly readOnly: boolean;
}
/** As events name it. Source: volume.Spec Name. */
export const nameOf = ({ volume, persistent }: PodVolume): string => persistent?.metadata.name ?? volume.name;

/** A device, and no file system. */
export const isBlock = ({ persistent }: Pick<PodVolume, 'persistent'>): boolean =>
  persistent?.spec?.volumeMode === 'Block';

/** What plugins work with: this node. */
export interface VolumeHost {
  readonly world: World;
  readonly client: ApiClient;
  readonly references: References;
  readonly tokens: AccountTokens;
  readonly mounts: Mounts;
  /** Programs of the machine. */
  readonly commands: Commands;
  readonly csi: CsiHost;
  readonly recorder: EventRecorder;
  readonly images: ImageMounts;
  readonly nodeName: string;
  /** Devices that are volumes, kept open by this kubelet, by the path at which they are. */
  readonly held: Map<string, FileHandle>;
  /** How large volumes were when they were last looked at, by the pod's uid and their name. */
  readonly sizes: Map<string, string>;
  /** Folder of pods. */
  readonly pods: string;
  /** Folder of what plugins keep. */
  readonly plugins: string;
  /** Folder of the folders that are persistent volumes. */
  readonly localVolumes: string;
  /** What the node has for pods; empty as long as nobody knows. */
  readonly allocatable: () => Readonly<Record<string, string | number>>;
}
/** Fails in another step than the last one: `MountVolume.MountDevice failed`. */
export class VolumeError extends Error {
  override readonly name = 'VolumeError';
  readonly prefix: string;
  constructor(prefix: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.prefix = prefix;
  }
}
/** What the pod says of the volume does not go with what it is. */
export class UnfitVolume extends Error {
  override readonly name = 'UnfitVolume';
}
/** A volume that is there. */
export interface Mounted {
  /** On the node. */
  readonly path: string;
  readonly readOnly: boolean;
  /** A device and not a folder. */
  readonly isBlock?: boolean;
  /** ms since the epoch, when it has to be set up again. */
  readonly refreshAt?: number | undefined;
  /** Default: `folder`. */
  readonly count?: VolumeCount;
}
/** One kind of volumes. Both methods may be called again, whatever became of an earlier call. */
export interface VolumePlugin {
  /** `kubernetes.io/empty-dir`. */
  readonly name: string;
  /** Its files are written again when what they show has changed. */
  readonly follows?: boolean;
  /** Rejects with what the event says behind `MountVolume.SetUp failed for volume "x" : `. */
  setUp(volume: PodVolume, host: VolumeHost, signal: AbortSignal): Promise<Mounted>;
  /** Takes it off the node; default: what is mounted on its folder, and the folder. Rejects while it is busy. */
  tearDown?(volume: PodVolume, host: VolumeHost): Promise<void>;
}
