import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
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
  let holder: Holder;
  try {
    holder = JSON.parse(readFileSync(file, 'utf8')) as Holder;
  } catch {
    return undefined;
  }
  return startedAt(holder.pid) === holder.started ? holder.pid : undefined;
}
/** Takes the lock for this process: undefined, or the pid of who has it. A dead holder's lock is taken over. */
export function takeLock(file: string): number | undefined {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const fd = openSync(file, 'wx', 0o600);
      writeSync(fd, JSON.stringify({ pid: process.pid, started: startedAt(process.pid) }));
      closeSync(fd);
      return undefined;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = lockHolder(file);
      if (holder !== undefined) return holder;
      rmSync(file, { force: true });
    }
  }
  return lockHolder(file) ?? 0;
}
export const releaseLock = (file: string): void => rmSync(file, { force: true });
export { startedAt };
