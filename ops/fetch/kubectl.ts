import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { cacheDir } from '../cluster/paths.ts';
import { UserError } from '../cli/output.ts';
import { fetchFromDebian } from './debian.ts';

/** Path of a kubectl: PATH, the cache, or Debian's `kubernetes-client` (whose binary newer suites keep in `kubectl`). */
export async function findKubectl(note: (text: string) => void = () => undefined): Promise<string> {
  for (const dir of (process.env['PATH'] ?? '').split(delimiter)) {
    if (dir !== '' && existsSync(join(dir, 'kubectl'))) return join(dir, 'kubectl');
  }
  const cached = join(cacheDir(), 'bin', 'kubectl');
  if (existsSync(cached)) return cached;
  note('fetching kubectl (once)');
  try {
    await fetchFromDebian(['kubernetes-client', 'kubectl'], 'usr/bin/kubectl', cached);
  } catch (error) {
    throw new UserError(
      `kubectl is not on PATH and cannot be fetched from Debian (${(error as Error).message}): install kubectl`,
    );
  }
  return cached;
}
