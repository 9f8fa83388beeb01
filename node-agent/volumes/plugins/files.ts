import { writeAtomically, type Payload } from '../atomic-writer.ts';
import { makeNestedMountPoints } from '../nested.ts';
import type { Mounted, PodVolume, VolumeHost } from '../plugin.ts';
import { giveToPod, makeFolder } from './folder.ts';

/** A read-only volume of files that the kubelet writes, and writes again. */
export async function mountFiles(volume: PodVolume, host: VolumeHost, plugin: string, payload: Payload, signal: AbortSignal, memory = false): Promise<Mounted> {
  const folder = await makeFolder(volume, host, plugin, memory, signal);
  await makeNestedMountPoints(volume.volume.name, folder, volume.pod);
  signal.throwIfAborted();
  await writeAtomically(folder, payload, host.world.clock, () => giveToPod(folder, volume, { readOnly: true, signal }));
  return { path: folder, readOnly: true };
} // prettier-ignore
