import { fromPromise } from 'xstate';
import type { World } from '../../../bus/world.ts';
import type { Inspection } from '../../../actors/runtime/inspection.ts';
import { startActor } from '../../../actors/runtime/start-actor.ts';
import { containersToRemove, logFoldersToRemove, sandboxesToRemove, type ContainerRecord, type PodState, type SandboxRecord } from './container-plan.ts'; // prettier-ignore
import { bytesTooMany, imagesToRemove, tooOld, usedPercent, type ImagePolicy, type ImageRecord } from './image-plan.ts'; // prettier-ignore
import { garbageMachine } from './machine.ts';

/** An image as the runtime tells it. */
export interface NodeImage {
  readonly id: string;
  /** Tags and digests. */
  readonly names: readonly string[];
  readonly sizeBytes: number;
  readonly pinned: boolean;
}
export interface CollectorOptions {
  readonly world: World;
  readonly nodeName: string;
  readonly inspection?: Inspection | undefined;
  readonly policy: ImagePolicy;
  /** Images that stay whatever happens, by name. */
  readonly keep: readonly string[];
  /** Names of folders of logs, one a pod. */
  readonly logFolders: () => Promise<readonly string[]>;
  readonly removeLogFolder: (name: string) => Promise<void>;
  /** Removes what else pods that are gone have left. */
  readonly sweep: () => Promise<unknown>;
  readonly stateOf: (podUid: string) => PodState;
  readonly containers: () => readonly (ContainerRecord & { readonly image: string })[];
  readonly sandboxes: () => readonly SandboxRecord[];
  readonly images: () => Promise<readonly NodeImage[]>;
  /** Bytes of the disk of images. */
  readonly disk: () => Promise<{ readonly capacity: number; readonly available: number }>;
  readonly removeContainer: (id: string) => Promise<void>;
  readonly removeSandbox: (id: string) => Promise<void>;
  readonly removeImage: (image: NodeImage) => Promise<void>;
  readonly tellNode: (reason: string, message: string) => void;
}
export interface Collector {
  /** Everything that nobody uses, at once, images last. */
  removeUnused(): Promise<void>;
  stop(): void;
}
export function startCollector(o: CollectorOptions): Collector {
  const { world, policy } = o;
  const { clock, log } = world;
  const began = clock.now();
  /** When each image was first seen and last used. */
  const known = new Map<string, { readonly firstSeen: number; lastUsed: number }>();

  async function records(): Promise<readonly (ImageRecord & { readonly image: NodeImage })[]> {
    const now = clock.now();
    const images = await o.images();
    const used = new Set(o.containers().map(({ image }) => image));
    const there = new Set(images.map(({ id }) => id));
    for (const id of known.keys()) if (!there.has(id)) known.delete(id);
    return images.map((image) => {
      const isUsed = [image.id, ...image.names].some((name) => used.has(name));
      const record = known.get(image.id) ?? { firstSeen: now, lastUsed: 0 };
      if (isUsed) record.lastUsed = now;
      known.set(image.id, record);
      const isNeeded = isUsed || image.pinned || image.names.some((name) => o.keep.includes(name));
      return { image, id: image.id, sizeBytes: image.sizeBytes, isNeeded, ...record };
    });
  }
  /** Resolves with the bytes that were freed. */
  async function removeImages(images: readonly (ImageRecord & { readonly image: NodeImage })[]): Promise<number> {
    let freed = 0;
    for (const { image, sizeBytes } of images) {
      // A container may have come since this was planned.
      if (o.containers().some((c) => c.image === image.id || image.names.includes(c.image))) continue;
      await o.removeImage(image);
      log.info('image removed, which nobody used', { image: image.names[0] ?? image.id, bytes: sizeBytes });
      freed += sizeBytes;
    }
    return freed;
  }
  const chosen = <T extends ImageRecord>(from: readonly T[], plan: readonly ImageRecord[]): T[] =>
    plan.flatMap(({ id }) => from.find((one) => one.id === id) ?? []);
  async function collectImages(): Promise<void> {
    const now = clock.now();
    let images = await records();
    const old = tooOld(images, policy, { now, began });
    await removeImages(chosen(images, old));
    images = images.filter((image) => !old.includes(image));
    const disk = await o.disk();
    if (disk.capacity === 0) return o.tellNode('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
    const bytes = bytesTooMany(disk, policy);
    if (bytes === 0) return;
    const freed = await removeImages(chosen(images, imagesToRemove(images, bytes, policy, now)));
    if (freed >= bytes) return;
    o.tellNode(
      'FreeDiskSpaceFailed',
      `Insufficient free disk space on the node's image filesystem (${usedPercent(disk)}% of ${sizeText(disk.capacity)} used). ` +
        `Failed to free sufficient space by deleting unused images (freed ${freed} bytes). ` +
        'Investigate disk usage, as it could be used by active images, logs, volumes, or other data.',
    );
  }
  async function collectContainers(all = false): Promise<void> {
    // What cannot go now goes in the next round.
    const each = async (ids: readonly string[], remove: (id: string) => Promise<void>): Promise<void> => {
      for (const id of ids) await remove(id).catch((error: unknown) => log.warn('remains of a pod not removed', { id, err: error })); // prettier-ignore
    };
    await each(containersToRemove(o.containers(), o.stateOf, all), o.removeContainer);
    await each(sandboxesToRemove(o.sandboxes(), o.containers(), o.stateOf), o.removeSandbox);
    const folders = await o.logFolders();
    const present = new Set(o.sandboxes().map(({ podUid }) => podUid));
    await each(
      logFoldersToRemove(folders, o.stateOf, (uid) => present.has(uid)),
      o.removeLogFolder,
    );
  }
  const actor = startActor(
    garbageMachine.provide({
      actors: {
        collectContainers: fromPromise(async () => {
          await collectContainers();
          await o.sweep();
          // That an image is used is known for as long as somebody looks.
          await records();
        }),
        collectImages: fromPromise(collectImages),
      },
      actions: { logFailure: (_, { error }) => log.warn('what nobody uses is not removed', { err: error }) },
    }),
    { world, id: `garbage/${o.nodeName}`, machine: 'garbage', inspection: o.inspection },
  );
  return {
    async removeUnused() {
      await collectContainers(true);
      const images = await records();
      await removeImages(chosen(images, imagesToRemove(images, Infinity, policy, clock.now())));
    },
    stop: () => actor.send({ type: 'stop' }),
  };
}
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
/** As upstream writes sizes in this Event. Source: kubelet images formatSize. */
function sizeText(bytes: number): string {
  let unit = 0;
  let size = bytes;
  while (size >= 1024 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return unit === 0 ? `${size} B` : `${size.toFixed(1)} ${UNITS[unit]}`;
}
