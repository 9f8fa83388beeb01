import { statfsSync, watch } from 'node:fs';
import { sizeOf, textSince } from './log-file.ts';

/** Room that is worth another start. */
const ENOUGH_BYTES = 16 * 1024 * 1024;
const LOOK_MS = 1_000;
const BROKEN = /critical write error|failed to store a msg .*no space left/i;

export interface DiskWatch {
  stop(): void;
}
/**
 * A nats-server whose file system was full once refuses writes for good, also when there is room again. This reads its
 * log as it grows: `onFull` when it says so, `onRoom` when there is room again, which is the time to start it anew.
 */
export function watchDisk(o: {
  readonly logFile: string;
  readonly dir: string;
  readonly onFull: () => void;
  readonly onRoom: () => void;
}): DiskWatch {
  let at = sizeOf(o.logFile);
  let looking: NodeJS.Timeout | undefined;
  const look = (): void => {
    const { bavail, bsize } = statfsSync(o.dir);
    if (bavail * bsize < ENOUGH_BYTES) return;
    clearInterval(looking);
    looking = undefined;
    at = sizeOf(o.logFile);
    o.onRoom();
  };
  const watcher = watch(o.logFile, () => {
    const from = at;
    at = sizeOf(o.logFile);
    if (looking !== undefined || at <= from || !BROKEN.test(textSince(o.logFile, from))) return;
    o.onFull();
    looking = setInterval(look, LOOK_MS);
  });
  watcher.on('error', () => undefined);
  return {
    stop: () => {
      watcher.close();
      clearInterval(looking);
    },
  };
}
