import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
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
  /** ms; default 60,000. */
  readonly readyTimeoutMs?: number | undefined;
}

const LOOK_MS = 20;

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
      const log = openSync(logFile, 'a', 0o600);
      const from = readFileSync(logFile, 'utf8').length;
      const mine = (child = spawn(command, [...args], {
        env: options.env ?? process.env,
        stdio: ['ignore', log, log],
      }));
      closeSync(log);
      paused = false;
      living.add(mine);
      mine.once('exit', () => living.delete(mine));
      mine.once('error', () => undefined);
      const deadline = performance.now() + (options.readyTimeoutMs ?? 60_000);
      const said = (): string => readFileSync(logFile, 'utf8').slice(from);
      while (!(await options.isReady(said()))) {
        // Killed while it was starting: whoever did that knows.
        if (mine.signalCode !== null || mine !== child) return;
        if (mine.exitCode !== null)
          throw new Error(`${name} ended with ${mine.exitCode}: ${said().trim().slice(-500)}`);
        if (performance.now() > deadline) throw new Error(`${name} is not ready in time: ${said().trim().slice(-500)}`);
        await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      }
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
