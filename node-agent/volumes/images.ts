import type { Pod, Volume } from '../../schemas/generated/core-v1.ts';
import type { EventRecorder } from '../../actors/runtime/events.ts';
import type { World } from '../../bus/world.ts';
import type { Commands } from '../host/commands.ts';
import { ensureImage } from '../kubelet/container/image.ts';
import type { ContainerRuntime } from '../runtime/interface.ts';

/** Images as folders. Methods reject with RuntimeError or CommandError. */
export interface ImageMounts {
  /** Pulls it as the volume says. Resolves with its full name. */
  ensure(pod: Pod, volume: Volume, signal: AbortSignal): Promise<string>;
  /** Mounts what is in an image of the node on a folder that is there, read-only. */
  mount(image: string, folder: string, signal: AbortSignal): Promise<void>;
  unmount(folder: string): Promise<void>;
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
  const ctr = (...args: string[]): string[] => ['--address', o.socket, '--namespace', 'k8s.io', 'images', ...args];
  return {
    async ensure(pod, { name, image }, signal) {
      const { reference = '', pullPolicy } = image!;
      const container = { name, image: reference, imagePullPolicy: pullPolicy };
      const event = (type: 'Normal' | 'Warning', reason: string, message: string): void => o.recorder.event(pod, type, reason, message); // prettier-ignore
      return (await ensureImage(o.runtime(), pod, container, signal, { now: world.clock.now, event })).name;
    },
    async mount(image, folder, signal) {
      await commands.must('ctr', ctr('mount', image, folder), { signal });
      // What is in an image that is a volume is not run. Source: cri-api Mount.image.
      await commands.must('mount', ['--no-canonicalize', '-o', 'remount,bind,ro,nosuid,nodev,noexec', folder], { signal }); // prettier-ignore
    },
    unmount: async (folder) => void (await commands.must('ctr', ctr('unmount', '--rm', folder))),
  };
}
