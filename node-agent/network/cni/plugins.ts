import { chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CONFLICT_FREE, PLUGINS } from './conflist.ts';

/**
 * Addresses of pods are given by us and nobody else: that no other has them need not be asked of the link, which with IPv6
 * would take two seconds of each pod's start. The kernel is told so before `ptp` makes the pod's link.
 */
const SCRIPT = `#!/bin/sh
if [ "$CNI_COMMAND" = ADD ]; then
  nsenter --net="$CNI_NETNS" sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad' 2> /dev/null
fi
exec "\${0%/*}/ptp"
`;
/** Fills the folder in which the runtime looks for plugins: those that are in `source`, and our own. */
export async function fillPluginFolder(folder: string, source: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const there = await readdir(source).catch(() => []);
  for (const name of new Set([...there, ...PLUGINS])) {
    const [target, link] = [join(source, name), join(folder, name)];
    if ((await readlink(link).catch(() => undefined)) === target) continue;
    await rm(link, { force: true });
    // What is not there yet may come: its name leads to where it would be.
    await symlink(target, link);
  }
  const own = join(folder, CONFLICT_FREE);
  await writeFile(`${own}.new`, SCRIPT, { mode: 0o755 });
  await chmod(`${own}.new`, 0o755);
  await rename(`${own}.new`, own);
}
