import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Commands } from '../../host/commands.ts';
import { commonVersion, CONFLIST_FILE, PLUGINS } from './conflist.ts';

/** Puts the configuration into place whole, or leaves it as it is. Resolves with whether it was another. */
export async function writeConflist(folder: string, text: string): Promise<boolean> {
  const file = join(folder, CONFLIST_FILE);
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return false;
  await mkdir(folder, { recursive: true, mode: 0o755 });
  // Runtimes read what ends in .conf, .conflist and .json.
  const fresh = join(folder, `.${CONFLIST_FILE}.new`);
  await writeFile(fresh, text, { mode: 0o644 });
  await rename(fresh, file);
  return true;
}

/** The version that the plugins of a folder have in common. One that is not there, or says nothing sensible, is passed over: pods will hear of it. */
export async function pluginVersion(commands: Commands, folder: string, signal: AbortSignal): Promise<string> {
  const spoken = PLUGINS.map(async (plugin): Promise<readonly string[]> => {
    // Source: CNI specification, section 2, VERSION.
    const told = await commands
      .run('env', ['CNI_COMMAND=VERSION', join(folder, plugin)], { input: '{"cniVersion":"1.0.0"}', signal })
      .catch(() => undefined);
    signal.throwIfAborted();
    try {
      const { supportedVersions } = JSON.parse(told?.stdout ?? '') as { readonly supportedVersions?: unknown };
      return Array.isArray(supportedVersions) ? supportedVersions.map(String) : [];
    } catch {
      return [];
    }
  });
  return commonVersion(await Promise.all(spoken));
}
