import { access, mkdir, open, readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import type { IdRange, PodUsers } from '../../runtime/cri/parts.ts';

/** Ids of a pod: from 0 in it, from elsewhere on the machine. Source: kubelet config DefaultKubeletUserNamespacesIDsPerPod. */
const LENGTH = 65_536;
/** The first is the machine's own. Source: kubelet getKubeletMappings. */
const RANGES = 2 ** 32 / LENGTH - 1;
/** In the pod's folder. Source: kubelet userns mappingsFile. */
const FILE = 'userns';

/**
 * Ranges of users for pods that have some of their own, no two of them the same. Each is kept in its pod's folder, so a kubelet
 * after this one knows it, and free again once that folder is gone.
 * Source: kubelet userns/userns_manager.go.
 */
export async function openUserRanges(o: {
  readonly world: Pick<World, 'ids'>;
  /** Folders of pods. */
  readonly pods: string;
  /** Nodes of one machine have each a part of its ids: that one of so many. */
  readonly part?: { readonly index: number; readonly of: number } | undefined;
}): Promise<PodUsers> {
  const { index = 0, of = 1 } = o.part ?? {};
  const most = Math.floor(RANGES / of);
  const first = 1 + index * most;
  /** First id of each pod's, by its uid. */
  const given = new Map<string, number>();
  let busy: Promise<unknown> = Promise.resolve();
  for (const uid of await readdir(o.pods).catch(() => []))
    // What is damaged its pod hears of.
    await known(uid).catch(() => undefined);

  /** What its folder says. undefined: nothing. */
  async function known(uid: string): Promise<number | undefined> {
    const text = await readFile(join(o.pods, uid, FILE), 'utf8').catch(() => '');
    if (text === '') return undefined;
    const hostId = hostIdOf(text);
    const other = [...given].find(([owner, id]) => id === hostId && owner !== uid);
    if (other !== undefined) throw new Error(`range picked for pod "${uid}" already taken`);
    given.set(uid, hostId);
    return hostId;
  }
  async function free(): Promise<number> {
    for (const uid of given.keys()) await access(join(o.pods, uid)).catch(() => given.delete(uid));
    const used = new Set(given.values());
    for (let i = 0; i < most; i++) if (!used.has((first + i) * LENGTH)) return (first + i) * LENGTH;
    throw new Error('could not find an empty slot to allocate a user namespace');
  }
  async function give(uid: string): Promise<number> {
    const before = await known(uid).catch((error: unknown) => {
      throw new Error(`user namespace: ${(error as Error).message}`, { cause: error });
    });
    if (before !== undefined) return before;
    try {
      const hostId = await free();
      given.set(uid, hostId);
      await keep(uid, hostId);
      return hostId;
    } catch (error) {
      given.delete(uid);
      throw new Error(`create user namespace: ${(error as Error).message}`, { cause: error });
    }
  }
  /** It is there before anything has these ids. */
  async function keep(uid: string, hostId: number): Promise<void> {
    const folder = join(o.pods, uid);
    await mkdir(folder, { recursive: true, mode: 0o750 });
    const mappings = [{ hostId, containerId: 0, length: LENGTH }];
    const draft = join(folder, `.${FILE}.${o.world.ids.token()}`);
    const file = await open(draft, 'w', 0o600);
    try {
      await file.writeFile(JSON.stringify({ uidMappings: mappings, gidMappings: mappings }));
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, join(folder, FILE));
  }
  return {
    async of({ metadata }): Promise<IdRange> {
      const turn = busy.then(() => give(metadata.uid ?? ''));
      busy = turn.catch(() => undefined);
      return { hostId: await turn, containerId: 0, length: LENGTH };
    },
  };
}
/** Thrown: Error in Kubernetes' words. Source: userns parseUserNsFileAndRecord. */
function hostIdOf(text: string): number {
  let kept: { uidMappings?: readonly IdRange[]; gidMappings?: readonly IdRange[] };
  try {
    kept = JSON.parse(text) as typeof kept;
  } catch (error) {
    throw new Error(`invalid user namespace mappings file: ${(error as Error).message}`, { cause: error });
  }
  const { uidMappings: [users, ...more] = [], gidMappings: groups = [] } = kept;
  if (users === undefined || more.length > 0) throw new Error('invalid user namespace configuration: no more than one mapping allowed.'); // prettier-ignore
  const isSame = groups.length === 1 && groups[0]!.hostId === users.hostId && groups[0]!.length === users.length;
  if (!isSame) throw new Error('invalid user namespace configuration: GID and UID mapping should be identical');
  if (users.containerId !== 0) throw new Error('invalid user namespace configuration: UID 0 must be mapped');
  if (users.length !== LENGTH) throw new Error(`wrong user namespace length ${users.length}`);
  if (users.hostId % LENGTH !== 0) throw new Error(`wrong user namespace offset specified ${users.hostId}`);
  if (users.hostId < LENGTH) throw new Error(`id ${users.hostId} is out of range`);
  return users.hostId;
}
