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
  /** Ids or names of the images that are volumes of pods. */
  readonly volumeImages: () => ReadonlySet<string>;
  readonly sandboxes: () => readonly SandboxRecord[];
  readonly images: () => Promise<readonly NodeImage[]>;
  /** Bytes of the disk of images. */
  readonly disk: () => Promise<{ readonly capacity: number; readonly available: number }>;
  readonly removeContainer: (id: string) => Promise<void>;
  readonly removeSandbox: (id: string) => Promise<void>;
  readonly removeImage: (image: NodeImage) => Promise<void>;
  /** Told the ids of all the images that there are, as of `since` (ms since the epoch). */
  readonly tellImages: (ids: readonly string[], since: number) => Promise<void>;
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

  /** Whether an image is one of those that are used now. Source: kubelet images detectImages. */
  function users(): (image: NodeImage) => boolean {
    const used = new Set([...o.containers().map(({ image }) => image), ...o.volumeImages()]);
    return ({ id, names }) => [id, ...names].some((name) => used.has(name));
  }
  async function records(): Promise<readonly Known[]> {
    const now = clock.now();
    const images = await o.images();
    const isUsed = users();
    const there = new Set(images.map(({ id }) => id));
    for (const id of known.keys()) if (!there.has(id)) known.delete(id);
    return images.map((image) => {
      const record = known.get(image.id) ?? { firstSeen: now, lastUsed: 0 };
      const uses = isUsed(image);
      if (uses) record.lastUsed = now;
      known.set(image.id, record);
      const isNeeded = uses || image.pinned || image.names.some((name) => o.keep.includes(name));
      return { image, id: image.id, sizeBytes: image.sizeBytes, isNeeded, ...record };
    });
  }
  /** What cannot be removed does not hold up the others. */
  async function removeImages(images: readonly Known[]): Promise<{ readonly freed: number; readonly gone: ReadonlySet<string>; readonly errors: readonly string[] }> {
    let freed = 0;
    const gone = new Set<string>();
    const errors: string[] = [];
    for (const { image, sizeBytes } of images) {
      // A container or volume may have come since this was planned.
      if (users()(image)) continue;
      try {
        await o.removeImage(image);
      } catch (error) {
        errors.push((error as Error).message);
        continue;
      }
      log.info('image removed, which nobody used', { image: image.names[0] ?? image.id, bytes: sizeBytes });
      freed += sizeBytes;
      gone.add(image.id);
    }
    return { freed, gone, errors };
  } // prettier-ignore
  const chosen = (from: readonly Known[], plan: readonly ImageRecord[]): Known[] =>
    plan.flatMap(({ id }) => from.find((one) => one.id === id) ?? []);
  const left = (images: readonly Known[], gone: ReadonlySet<string>): Known[] =>
    images.filter(({ id }) => !gone.has(id));
  const tell = (images: readonly Known[], since: number): Promise<void> => o.tellImages(images.map(({ id }) => id), since); // prettier-ignore
  /** So many bytes of what nobody uses, or as many as there are. Rejects where something could not be removed. */
  async function freeSpace(images: readonly Known[], bytes: number, now: number): Promise<number> {
    const errors: string[] = [];
    const gone = new Set<string>();
    let freed = 0;
    // Others go in the place of those that cannot be removed.
    for (let rest = images; freed < bytes;) {
      const plan = chosen(rest, imagesToRemove(rest, bytes - freed, policy, now));
      if (plan.length === 0) break;
      const done = await removeImages(plan);
      freed += done.freed;
      errors.push(...done.errors);
      for (const id of done.gone) gone.add(id);
      rest = rest.filter((one) => !plan.includes(one));
    }
    await tell(left(images, gone), now);
    if (errors.length > 0) throw new Error(`wanted to free ${bytes} bytes, but freed ${freed} bytes space with errors in image deletion: ${listed(errors)}`); // prettier-ignore
    return freed;
  }
  async function collectImages(): Promise<void> {
    const now = clock.now();
    const all = await records();
    const { gone, errors } = await removeImages(chosen(all, tooOld(all, policy, { now, began })));
    const images = left(all, gone);
    if (gone.size > 0) await tell(images, now);
    if (errors.length > 0) throw new Error(`wanted to free images older than ${policy.maxAgeMs / 1_000}s, encountered errors in image deletion: ${listed(errors)}`); // prettier-ignore
    const disk = await o.disk();
    if (disk.capacity === 0) return o.tellNode('InvalidDiskCapacity', 'invalid capacity 0 on image filesystem');
    const bytes = bytesTooMany(disk, policy);
    if (bytes === 0) return;
    const freed = await freeSpace(images, bytes, now);
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
      const now = clock.now();
      await freeSpace(await records(), Infinity, now);
    },
    stop: () => actor.send({ type: 'stop' }),
  };
}
type Known = ImageRecord & { readonly image: NodeImage };
const listed = (texts: readonly string[]): string => (texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`);
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
