import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ComponentName } from '../process/spec.ts';

export type MemberKind = 'nats-server' | ComponentName;
/** One operating-system process of a local cluster. */
export interface Member {
  readonly name: string;
  readonly kind: MemberKind;
  /** undefined while it does not run. */
  readonly pid: number | undefined;
  readonly running: boolean;
  /** Starts it (again); resolves when `whenReady` says so. */
  start(): Promise<void>;
  /** SIGKILL; resolves when the process is gone. */
  kill(): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>;
  /** SIGSTOP: it holds its sockets and says nothing. */
  pause(): void;
  resume(): void;
}
export interface MemberOptions {
  readonly name: string;
  readonly kind: MemberKind;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What it writes to its standard output and error. */
  readonly logFile: string;
  /** Whether a process that was started does its work by now. */
  readonly isReady: (said: string) => Promise<boolean> | boolean;
  /** ms; default 90,000. */
  readonly readyTimeoutMs?: number | undefined;
}

const LOOK_MS = 20;
const RESTART_MS = 200;

/** Nothing that was started outlives this process. */
const living = new Set<ChildProcess>();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));

/** Runs nothing yet. Everything that was started ends with this process at the latest. */
export function createMember(options: MemberOptions): Member {
  const { name, kind, command, args, logFile } = options;
  let child: ChildProcess | undefined;
  let paused = false;
  const isAlive = (): boolean => child !== undefined && child.exitCode === null && child.signalCode === null;
  const signal = (what: NodeJS.Signals): void => void (isAlive() && child!.kill(what));
  const gone = (process: ChildProcess): Promise<void> =>
    process.exitCode !== null || process.signalCode !== null
      ? Promise.resolve()
      : new Promise((resolve) => process.once('exit', () => resolve()));
  const end = async (what: NodeJS.Signals, graceMs: number): Promise<void> => {
    const last = child;
    if (last === undefined || !isAlive()) return;
    signal(what);
    // A stopped process takes no signal but SIGKILL until it goes on.
    if (paused) signal('SIGCONT');
    paused = false;
    const timer = setTimeout(() => last.kill('SIGKILL'), graceMs);
    await gone(last);
    clearTimeout(timer);
  };
  /** False where it ended before it was ready, as it does when it finds no bus: whoever supervises it starts it again. */
  const launch = async (deadline: number): Promise<boolean> => {
    const log = openSync(logFile, 'a', 0o600);
    const from = readFileSync(logFile, 'utf8').length;
    const mine = (child = spawn(command, [...args], { env: options.env ?? process.env, stdio: ['ignore', log, log] }));
    closeSync(log);
    paused = false;
    living.add(mine);
    mine.once('exit', () => living.delete(mine));
    mine.once('error', () => undefined);
    const said = (): string => readFileSync(logFile, 'utf8').slice(from);
    while (!(await options.isReady(said()))) {
      // Killed while it was starting: whoever did that knows.
      if (mine.signalCode !== null || mine !== child) return true;
      const late = performance.now() > deadline;
      if (late || (mine.exitCode !== null && deadline - performance.now() < RESTART_MS))
        throw new Error(`${name} is not ready in time: ${said().trim().slice(-500)}`);
      if (mine.exitCode !== null) return false;
      await sleep(LOOK_MS);
    }
    return true;
  };
  return {
    name,
    kind,
    get pid() {
      return isAlive() ? child!.pid : undefined;
    },
    get running() {
      return isAlive() && !paused;
    },
    start: async () => {
      if (isAlive()) return;
      const deadline = performance.now() + (options.readyTimeoutMs ?? 90_000);
      while (!(await launch(deadline))) await sleep(RESTART_MS);
    },
    kill: () => end('SIGKILL', 0),
    stop: (graceMs = 5_000) => end('SIGTERM', graceMs),
    pause: () => {
      signal('SIGSTOP');
      paused = isAlive();
    },
    resume: () => {
      signal('SIGCONT');
      paused = false;
    },
  };
}
