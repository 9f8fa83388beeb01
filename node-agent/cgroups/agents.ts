import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { groupsOf } from './files.ts';
import type { Hierarchy } from './hierarchy.ts';

/** The process namespace that a machine begins with. Source: Linux include/uapi/linux/nsfs.h PID_NS_INIT_INO. */
const FIRST_NAMESPACE = 'pid:[4026531836]';

/**
 * Counts the node's own processes to the node: those of its process namespace that are not below its group yet move to
 * `<path>/agents`. Nothing is done where the node has no such namespace, since then they are the machine's.
 */
export async function gatherAgents(hierarchy: Hierarchy, path: string, proc = '/proc'): Promise<void> {
  const [namespace, self] = await Promise.all([readlink(join(proc, 'self/ns/pid')), readlink(join(proc, 'self'))]);
  if (namespace === FIRST_NAMESPACE || self !== String(process.pid)) return;
  const pids = (await readdir(proc)).map(Number).filter((pid) => pid > 0);
  const strangers = await Promise.all(
    pids.map(async (pid) => {
      const groups = await readFile(join(proc, String(pid), 'cgroup'), 'utf8').catch(() => '');
      return groups === '' || groups.includes(`${path}/`) ? [] : [pid];
    }),
  );
  const groups = groupsOf(hierarchy);
  const agents = join(path, 'agents');
  await groups.make(agents);
  await groups.enter(agents, strangers.flat());
}
