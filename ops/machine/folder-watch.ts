import { statSync } from 'node:fs';

/** ms */
const LOOK_MS = 5_000;

const identityOf = (folder: string): string | undefined => {
  const found = statSync(folder, { throwIfNoEntry: false });
  return found?.isDirectory() ? `${found.dev}/${found.ino}` : undefined;
};
/**
 * Tells, once, that a folder which is there now is not any more, or that another one has its name; returns what ends that.
 * In a folder that was removed while it is mounted somewhere, nothing can be made, and Node's recursive mkdir tries for ever.
 */
export function watchFolders(folders: readonly string[], onGone: (folder: string) => void): () => void {
  const known = folders.map((folder) => [folder, identityOf(folder)] as const);
  const timer = setInterval(() => {
    const gone = known.find(([folder, before]) => identityOf(folder) !== before);
    if (gone === undefined) return;
    clearInterval(timer);
    onGone(gone[0]);
  }, LOOK_MS);
  timer.unref();
  return () => clearInterval(timer);
}
