import { mkdir, rm, stat } from 'node:fs/promises';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { readyFolder } from '../layout.ts';
import { mountedOn } from '../mounts.ts';
import { nameOf, type VolumePlugin } from '../plugin.ts';
import { folderOf, giveToPod, makeFolder } from './folder.ts';

const NAME = 'kubernetes.io/empty-dir';

/** A folder that lives as long as its pod, on disk or in memory. Source: pkg/volume/emptydir. */
export const emptyDir: VolumePlugin = {
  name: NAME,
  async setUp(volume, host, signal) {
    const medium = volume.volume.emptyDir?.medium ?? '';
    if (/^HugePages(-|$)/.test(medium))
      throw new Error(`medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`);
    if (medium !== '' && medium !== 'Memory') throw new Error(`unknown storage medium ${goQuote(medium)}`);
    const ready = readyFolder(host.pods, volume.pod.metadata.uid!, NAME, nameOf(volume));
    const exists = (path: string): Promise<boolean> => stat(path).then(() => true, () => false); // prettier-ignore
    const place = folderOf(volume, host, NAME);
    // What was lost is as new: memory does not outlive the node.
    const isThere =
      medium === 'Memory' ? mountedOn(await host.mounts.list(), place) !== undefined : await exists(place);
    if (!isThere) await rm(ready, { recursive: true, force: true });
    const folder = await makeFolder(volume, host, NAME, medium === 'Memory', signal);
    // Once: what the pod has made in it is its own.
    if (!(await exists(ready))) {
      await giveToPod(folder, volume, { readOnly: false, signal }).catch(() => signal.throwIfAborted());
      await mkdir(ready, { recursive: true, mode: 0o750 });
    }
    return { path: folder, readOnly: false };
  },
};
