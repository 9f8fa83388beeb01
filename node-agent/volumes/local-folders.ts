import { chmod, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bus, ServedSubscription } from '../../bus/bus.ts';
import type { VolumesRequest } from '../../bus/protocol/node.ts';
import * as subjects from '../../bus/subjects.ts';
import { nameIsSubdomain } from '../../schemas/meta/names.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { mountsWithin } from './mounts.ts';
import type { VolumeHost } from './plugin.ts';

/** As others make them too: whoever runs in the pod may write. */
const MODE = 0o777;

/** A folder that is a persistent volume; what is in it stays. */
export async function makeOwnFolder(root: string, name: string): Promise<void> {
  await mkdir(root, { recursive: true, mode: 0o711 });
  // Its mode is its owner's affair once it is there.
  if ((await mkdir(join(root, name), { recursive: true })) !== undefined) await chmod(join(root, name), MODE);
}
/** Removes folders of volumes when it is asked to: never one that a pod has. */
export function serveLocalFolders(bus: Bus, host: VolumeHost): ServedSubscription {
  return bus.serve(subjects.node(host.nodeName, 'volumes'), 'node', async ({ body }) => {
    const name = (body as Partial<VolumesRequest> | undefined)?.remove;
    if (typeof name !== 'string') throw new ApiError('BadRequest', 'the name of a volume is wanted');
    await removeOwnFolder(host, name);
    return {};
  });
}
/** Rejects: BadRequest, Conflict while it is mounted somewhere. */
export async function removeOwnFolder(host: Pick<VolumeHost, 'localVolumes' | 'mounts' | 'pods'>, name: string): Promise<void> {
  if ([...nameIsSubdomain(name, false)].length > 0) throw new ApiError('BadRequest', `${JSON.stringify(name)} is no name of a volume`);
  const folder = join(host.localVolumes, name);
  const mounts = await host.mounts.list();
  const used = mounts.some(({ path }) => path.startsWith(`${host.pods}/`) && path.endsWith(`/kubernetes.io~local-volume/${name}`));
  // What is mounted in it is not the volume's.
  if (used || mountsWithin(mounts, folder).length > 0) throw new ApiError('Conflict', `volume ${name} is in use on the node`);
  await rm(folder, { recursive: true, force: true });
} // prettier-ignore
