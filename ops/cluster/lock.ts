import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

interface Holder {
  readonly pid: number;
  /** Kernel start time of the process: tells a reused pid from the old process. */
  readonly started: string;
}
const startedAt = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
};
/** The live process that holds the lock, if there is one. */
export function lockHolder(file: string): number | undefined {
  let holder: Partial<Holder> | null;
  try {
    holder = JSON.parse(readFileSync(file, 'utf8')) as Partial<Holder> | null;
  } catch {
    return undefined;
  }
  const { pid, started } = holder ?? {};
  return typeof pid === 'number' && started !== undefined && startedAt(pid) === started ? pid : undefined;
}
/** Takes the lock for this process: undefined, or the pid of who has it. A dead holder's lock is taken over. */
export function takeLock(file: string): number | undefined {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const [own, stale] = [`${file}.${process.pid}`, `${file}.stale.${process.pid}`];
  writeFileSync(own, JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }), { mode: 0o600 });
  try {
    for (let attempt = 0; attempt < 10; attempt++) {
      // A link appears whole: nobody finds a lock that does not say yet who holds it.
      if (link(own, file)) return undefined;
      const holder = lockHolder(file);
      if (holder !== undefined) return holder;
      try {
        renameSync(file, stale);
      } catch {
        continue;
      }
      // Somebody else may have taken it over since we looked: then it is put back.
      if (lockHolder(stale) !== undefined) link(stale, file);
      rmSync(stale, { force: true });
    }
    return lockHolder(file) ?? 0;
  } finally {
    rmSync(own, { force: true });
  }
}
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}
export const releaseLock = (file: string): void => rmSync(file, { force: true });
export { startedAt };
