import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** What a kubelet after this one has to know of a volume to take it off the node. Source: pkg/volume/csi volDataKey. */
export interface VolumeData {
  readonly specVolID?: string;
  readonly volumeHandle: string;
  readonly driverName: string;
  readonly nodeName?: string;
  readonly attachmentID?: string;
  readonly volumeLifecycleMode?: 'Persistent' | 'Ephemeral';
}
const FILE = 'vol_data.json';
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

export const saveVolumeData = (folder: string, data: VolumeData): Promise<void> =>
  writeFile(join(folder, FILE), `${JSON.stringify(data)}\n`, { mode: 0o640 });
/** undefined: there is none, or nobody can read it. */
export async function readVolumeData(folder: string): Promise<VolumeData | undefined> {
  try {
    const data = JSON.parse(await readFile(join(folder, FILE), 'utf8')) as Partial<VolumeData> | null;
    return typeof data?.volumeHandle === 'string' && typeof data.driverName === 'string' ? (data as VolumeData) : undefined;
  } catch {
    return undefined;
  }
} // prettier-ignore
export const volumeDataFile = (folder: string): string => join(folder, FILE);
/** Whether some pod of the node still has the volume, as its folder says. */
export async function isUsed(pods: string, { driverName, volumeHandle }: VolumeData): Promise<boolean> {
  for (const uid of await readdir(pods).catch(() => [])) {
    const folder = join(pods, uid, 'volumes', 'kubernetes.io~csi');
    for (const name of await readdir(folder).catch(() => [])) {
      const data = await readVolumeData(join(folder, name));
      if (data?.driverName === driverName && data.volumeHandle === volumeHandle) return true;
    }
  }
  return false;
}
/** Where a driver puts a volume once for all of the node's pods. Source: makeDeviceMountPath. */
export const stagingFolder = (plugins: string, driver: string, handle: string): string =>
  join(plugins, 'kubernetes.io', 'csi', driver, sha256(handle), 'globalmount');
/** Of a volume that is its pod's alone. Source: makeVolumeHandle. */
export const ephemeralHandle = (podUid: string, volume: string): string => `csi-${sha256(podUid + volume)}`;
/** Source: getAttachmentName. */
export const attachmentName = (handle: string, driver: string, node: string): string =>
  `csi-${sha256(handle + driver + node)}`;
