import type { Pod, Volume } from '../../schemas/generated/core-v1.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { World } from '../../bus/world.ts';
import type { Commands } from '../host/commands.ts';
import { ensureImage } from '../kubelet/container/image.ts';
import type { ContainerRuntime, Image } from '../runtime/interface.ts';

/** Images as folders. Methods reject with RuntimeError or CommandError. */
export interface ImageMounts {
  /** Pulls it as the volume says. */
  ensure(pod: Pod, volume: Volume, signal: AbortSignal): Promise<Image>;
  /** Mounts what is in an image of the node on a folder that is there, read-only. */
  mount(image: Image, folder: string, signal: AbortSignal): Promise<void>;
  /** An earlier kubelet has mounted it. */
  adopt(id: string, folder: string): void;
  /** Nothing of the image is kept for the folder any more. What is not mounted need not be; rejects while it is busy. */
  unmount(folder: string): Promise<void>;
  /** Ids of the images that are mounted, which have to stay on the node. */
  inUse(): ReadonlySet<string>;
}
/** By the runtime's own tool: versions of it that mount images into containers by themselves are newer than those in use. */
export function imageMounts(o: {
  readonly world: World;
  readonly commands: Commands;
  readonly recorder: EventRecorder;
  readonly runtime: () => ContainerRuntime;
  readonly socket: string;
}): ImageMounts {
  const { commands, world } = o;
  const ctr = (...args: string[]): string[] => ['--address', o.socket, '--namespace', 'k8s.io', ...args];
  /** By the folder. */
  const used = new Map<string, string>();
  async function release(folder: string): Promise<void> {
    const { code, stderr } = await commands.run('ctr', ctr('images', 'unmount', '--rm', folder));
    if (code !== 0 && !stderr.includes('not found')) throw new Error(`ctr images unmount ${folder}: ${stderr.trim()}`);
    used.delete(folder);
  }
  return {
    async ensure(pod, { name, image }, signal) {
      const { reference = '', pullPolicy } = image!;
      const container = { name, image: reference, imagePullPolicy: pullPolicy };
      const event = (type: 'Normal' | 'Warning', reason: string, message: string): void => o.recorder.event(pod, type, reason, message); // prettier-ignore
      return ensureImage(o.runtime(), pod, container, signal, { now: world.clock.now, event });
    },
    async mount({ id, name }, folder, signal) {
      used.set(folder, id);
      try {
        await commands.must('ctr', ctr('images', 'mount', name, folder), { signal });
        // The lease that this takes ends after a day, and layers go with the last name of their image.
        await commands.must('ctr', ctr('snapshots', 'label', folder, `${KEPT}=volume`), { signal });
        // What is in an image that is a volume is not run. Source: cri-api Mount.image.
        await commands.must('mount', ['--no-canonicalize', '-o', 'remount,bind,ro,nosuid,nodev,noexec', folder], { signal }); // prettier-ignore
      } catch (error) {
        await release(folder).catch(() => undefined);
        throw error;
      }
    },
    adopt: (id, folder) => void used.set(folder, id),
    unmount: release,
    inUse: () => new Set(used.values()),
  };
}
/** Label of what stays without a lease. Source: containerd docs/garbage-collection.md. */
const KEPT = 'containerd.io/gc.root';
