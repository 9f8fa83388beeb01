import { chmod, lstat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { podFolder, volumeFolder } from '../layout.ts';
import { mountedOn } from '../mounts.ts';
import { giveToGroup, ownershipOf } from '../ownership.ts';
import { nameOf, type PodVolume, type VolumeHost } from '../plugin.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';

/** Source: pkg/volume/emptydir perm. */
const MODE = 0o777;

export const folderOf = (volume: PodVolume, host: VolumeHost, plugin: string): string =>
  volumeFolder(host.pods, volume.pod.metadata.uid!, plugin, nameOf(volume));

/** The pod's folder is nobody else's to look into. Source: kubelet makePodDataDirs. */
async function makePodFolder(volume: PodVolume, host: VolumeHost): Promise<void> {
  await mkdir(podFolder(host.pods, volume.pod.metadata.uid!), { recursive: true, mode: 0o750 });
}
/** An empty folder of the pod, on disk or in memory; what is there stays. */
export async function makeFolder(volume: PodVolume, host: VolumeHost, plugin: string, memory: boolean, signal: AbortSignal): Promise<string> {
  const folder = folderOf(volume, host, plugin);
  await makePodFolder(volume, host);
  await mkdir(join(folder, '..'), { recursive: true, mode: 0o750 });
  const isNew = (await mkdir(folder, { recursive: true })) !== undefined;
  if (!memory) return opened(folder);
  // The table of all mounts is long on a node with many pods; nothing is mounted on what was not there.
  if (!isNew && mountedOn(await host.mounts.list(), folder)?.type === 'tmpfs') return folder;
  await opened(folder);
  const sizeBytes = memorySize(volume, host);
  await host.mounts.tmpfs(folder, sizeBytes > 0 ? [`size=${sizeBytes}`] : [], signal);
  return folder;
} // prettier-ignore
async function opened(folder: string): Promise<string> {
  if (((await lstat(folder)).mode & 0o777) !== MODE) await chmod(folder, MODE);
  return folder;
}
/** Gives it to the pod's group, if there is one. `honoursPolicy`: what others wrote may be in it. */
export async function giveToPod(folder: string, { pod }: PodVolume, o: { readonly readOnly: boolean; readonly honoursPolicy?: boolean; readonly signal: AbortSignal }): Promise<void> {
  const ownership = ownershipOf(pod, o.readOnly, o.honoursPolicy ?? false);
  if (ownership !== undefined) await giveToGroup(folder, ownership, o.signal);
} // prettier-ignore

/** The least of what the node has, what the pod may use and what the volume says. Source: calculateEmptyDirMemorySize. */
export function memorySize({ pod, volume }: PodVolume, host: Pick<VolumeHost, 'allocatable'>): number {
  const bytes = (quantity: string | number | undefined): number => (quantity === undefined ? 0 : quantityValue(quantity));
  const sizes = [bytes(host.allocatable()['memory']), podMemory(pod), bytes(volume.emptyDir?.sizeLimit)];
  const known = sizes.filter((size) => size > 0);
  return known.length === 0 ? 0 : Math.min(...known);
} // prettier-ignore
/** Bytes; 0: some container may use as much as there is. */
function podMemory({ spec }: PodVolume['pod']): number {
  const ofPod = spec?.resources?.limits?.['memory'];
  if (ofPod !== undefined) return quantityValue(ofPod);
  const limits = (list: readonly { readonly resources?: { readonly limits?: Readonly<Record<string, string | number>> | undefined } | undefined }[] = []): number[] =>
    list.map(({ resources }) => (resources?.limits?.['memory'] === undefined ? 0 : quantityValue(resources.limits['memory'])));
  const mains = limits(spec?.containers);
  const inits = limits(spec?.initContainers);
  if ([...mains, ...inits].includes(0)) return 0;
  return Math.max(mains.reduce((sum, one) => sum + one, 0), ...inits);
} // prettier-ignore
