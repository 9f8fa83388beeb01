import { existsSync } from 'node:fs';
import { lstat, mkdir, open, readFile, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { goQuote } from '../../../schemas/meta/go-quote.ts';

/** What a pair is for, as its files are called. */
export type PairName = 'kubelet-client' | 'kubelet-server';
/** A link to the pair by which API servers know the node. */
export const CURRENT = 'kubelet-client-current.pem';
/** Where certificates are, in a kubelet's folder. Source: kubelet --cert-dir. */
export const pkiOf = (root: string): string => join(root, 'pki');
/** Whether the kubelet of this folder has been given a certificate; it may be over. */
export const hasPair = (root: string): boolean => existsSync(join(pkiOf(root), CURRENT));

/**
 * Where a node keeps a certificate and its key: `<name>-<time>.pem` of mode 0600, and a link to the current one that
 * is swapped, so that there is one at any moment. Source: client-go certificate_store.go; the link is relative, so that it
 * leads there from outside of the node's namespaces too.
 */
export interface PairStore {
  /** undefined: there is none yet. Rejects where it cannot be read. */
  read(): Promise<string | undefined>;
  /** Makes this the current one; `now` in ms. Rejects, and leaves the one before, where that is impossible. */
  write(pem: string, now: number): Promise<void>;
}
export function pairStore(folder: string, prefix: PairName = 'kubelet-client'): PairStore {
  const [current, updated] = [join(folder, `${prefix}-current.pem`), join(folder, `${prefix}-updated.pem`)];
  /** Whether there is a link; rejects for what somebody put in its place. */
  const isThere = async (path: string): Promise<boolean> => {
    const found = await lstat(path).catch(ifMissing);
    if (found !== undefined && !found.isSymbolicLink())
      throw new Error(`expected ${goQuote(path)} to be a symlink but it is a file`);
    return found !== undefined;
  };
  return {
    async read() {
      const pem = await readFile(current, 'utf8').catch(ifMissing);
      if (pem !== undefined || !(await isThere(updated))) return pem;
      // A swap was cut off after the old link was gone.
      await rename(updated, current);
      return readFile(current, 'utf8').catch(ifMissing);
    },
    async write(pem, now) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const name = `${prefix}-${new Date(now).toISOString().slice(0, 19).replace(/[T:]/g, '-')}.pem`;
      const [file, unfinished] = [join(folder, name), join(folder, `${name}.tmp`)];
      await rm(unfinished, { force: true });
      await isThere(current);
      const handle = await open(unfinished, 'wx', 0o600);
      try {
        await handle.writeFile(pem);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(unfinished, file);
      if (await isThere(updated)) await rm(updated);
      await symlink(name, updated);
      await rename(updated, current);
      const entries = await open(folder);
      try {
        await entries.sync();
      } finally {
        await entries.close();
      }
    },
  };
}
function ifMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
}
