import { readdir, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import type { NodePaths } from '../../host/paths.ts';
import type { Runs } from './runs.ts';

const SUFFIX = '.log';
/** Of a file's name. Source: kuberuntime legacy.go ext4MaxFileNameLen. */
const LONGEST = 255;
/** As short as an id may be cut to. */
const SHORTEST_ID = 6;

/** A container's log as agents look for it. Pure. `pod`: `namespace/name`. Source: kuberuntime legacy.go logSymlink. */
export function linkName(pod: string, container: string, id: string): string {
  const [namespace = '', name = ''] = pod.split('/');
  return `${name}_${namespace}_${container}-${id}`.slice(0, LONGEST - SUFFIX.length) + SUFFIX;
}
/** The container whose link has such a name; undefined: it tells of none. Pure. Source: getContainerIDFromLegacyLogSymlink. */
export function containerOf(link: string): string | undefined {
  const id = link.slice(link.lastIndexOf('-') + 1, -SUFFIX.length);
  return id.length < SHORTEST_ID ? undefined : id;
}
/** One link a container, in a folder of their own, which leads to where it writes. */
export interface LogLinks {
  add(id: string): Promise<void>;
  /** Called as long as it is known which pod's the container is. */
  remove(id: string): Promise<void>;
  /** Those that lead nowhere, unless their container runs: its log may be about to be rotated. Source: evictPodLogsDirectories. */
  sweep(): Promise<void>;
}
export function logLinks({ containerLogs: folder }: Pick<NodePaths, 'containerLogs'>, runs: Runs, { log }: World): LogLinks {
  function placeOf(id: string): string | undefined {
    const known = runs.containers.get(id);
    const pod = known && runs.sandboxes.get(known.sandbox)?.podName;
    const name = known?.status.details?.name;
    return pod === undefined || name === undefined ? undefined : join(folder, linkName(pod, name, id));
  }
  return {
    async add(id) {
      const place = placeOf(id);
      const target = runs.containers.get(id)?.status.details?.logPath;
      if (place === undefined || !target) return;
      try {
        // Where its runtime writes elsewhere there is nothing to lead to.
        await stat(target);
        await symlink(target, place);
      } catch (err) {
        const { code } = err as NodeJS.ErrnoException;
        if (code !== 'ENOENT' && code !== 'EEXIST') log.warn('log not linked', { container: id, err });
      }
    },
    async remove(id) {
      const place = placeOf(id);
      if (place !== undefined) await rm(place, { force: true });
    },
    async sweep() {
      for (const name of await readdir(folder).catch((): string[] => [])) {
        if (!name.endsWith(SUFFIX)) continue;
        const leads = await stat(join(folder, name)).then(() => true, ({ code }: NodeJS.ErrnoException) => code !== 'ENOENT'); // prettier-ignore
        const state = runs.containers.get(containerOf(name) ?? '')?.status.state;
        if (!leads && (state === undefined || state === 'exited')) await rm(join(folder, name), { force: true });
      }
    },
  };
} // prettier-ignore
