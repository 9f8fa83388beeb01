import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Removes the log of one run at `path`, with what was rotated out of it: `0.log.20260101-000000.gz`. */
export async function removeLogs(path: string): Promise<void> {
  const folder = dirname(path);
  const name = basename(path);
  const files = await readdir(folder).catch(() => []);
  await Promise.all(
    files.filter((file) => file.startsWith(name)).map((file) => rm(join(folder, file), { force: true })),
  );
}
