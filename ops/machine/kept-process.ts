import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { killInside } from '../process/inner-process.ts';

/** A program that is started again when it ends by itself. */
export interface KeptProcess {
  readonly pid: number | undefined;
  /** For good. */
  end(): Promise<void>;
}
const RESTART_MS = [100, 500, 1000, 5000];
/** Who ran for so long begins anew with the shortest pause. */
const STEADY_MS = 30_000;

export function keepProcess(o: {
  readonly name: string;
  readonly command: readonly string[];
  /** File that it writes to. */
  readonly log: string;
  readonly warn: (text: string) => void;
  /** Called each time it was started. */
  readonly onStart?: () => void;
}): KeptProcess {
  let child: ChildProcess | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopping = false;
  let failures = 0;
  let gone: Promise<void> = Promise.resolve();
  const start = (): void => {
    const log = openLog(o.log);
    const since = Date.now();
    const mine = spawn(o.command[0]!, o.command.slice(1), { stdio: ['ignore', log, log], detached: true });
    if (log !== 'ignore') closeSync(log);
    child = mine;
    gone = new Promise((resolve) => {
      const ended = (why: string): void => {
        if (child !== mine) return;
        child = undefined;
        resolve();
        if (stopping) return;
        if (Date.now() - since > STEADY_MS) failures = 0;
        o.warn(`${o.name} ended (${why}): starting it again`);
        timer = setTimeout(() => !stopping && start(), RESTART_MS[Math.min(failures++, RESTART_MS.length - 1)]);
      };
      mine.once('error', (error) => ended(error.message));
      mine.once('exit', (code, signal) => ended(signal ?? `exit status ${code}`));
    });
    o.onStart?.();
  };
  start();
  return {
    get pid() {
      return child?.pid;
    },
    end: async () => {
      stopping = true;
      clearTimeout(timer);
      killInside(child?.pid);
      await gone;
    },
  };
}
/** Where its folder is gone what runs is to be ended, and has nobody to talk to until then. */
function openLog(file: string): number | 'ignore' {
  try {
    return openSync(file, 'a', 0o600);
  } catch {
    return 'ignore';
  }
}
