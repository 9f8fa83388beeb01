import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { startedAt } from '../cluster/lock.ts';
import { writePrivate } from '../cluster/kubeconfig.ts';
import { sizeOf, textSince } from './log-file.ts';

export interface NatsServer {
  readonly pid: number;
  /** Resolves with a description once the process has ended, for whatever reason. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
  /** Takes another configuration, of users and their rights, and resolves when it holds; connections stay. */
  reload(config: string): Promise<void>;
  /** Without a goodbye. */
  kill(): void;
}
/** How much its heap may grow before it collects, percent: a third less memory of the server at 3,000 pods, for 3 % of its CPU. */
const GOGC = '40';
/** Processors it uses: on two, one is a fifth less of its CPU at 50 pods/s, and 3,000 pods come no later. Go looks for work on all. */
const GOMAXPROCS = String(Math.max(1, availableParallelism() >> 1));

/** Starts nats-server on `config` and resolves when it accepts connections. Its log goes to `logs/nats-server.log`. */
export async function startNatsServer(options: {
  binary: string;
  config: string;
  dir: string;
  logs: string;
  host: string;
  port: number;
}): Promise<NatsServer> {
  const configFile = join(options.dir, 'nats-server.conf');
  const pidFile = pidFileOf(options.dir);
  await stopLeftover(options.dir);
  writePrivate(configFile, options.config);
  const log = openSync(join(options.logs, 'nats-server.log'), 'a', 0o600);
  // A group of its own: Ctrl-C in the terminal is for us, who drain before the bus goes.
  const env = { GOGC, GOMAXPROCS, ...process.env };
  const child = spawn(options.binary, ['-c', configFile], { stdio: ['ignore', log, log], detached: true, env });
  closeSync(log);
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal === null ? `exit status ${code}` : signal));
  });
  // Whoever ends by an error does not come to stop it.
  const stopWithUs = (): void => void child.kill('SIGTERM');
  process.once('exit', stopWithUs);
  void ended.then(() => process.off('exit', stopWithUs));
  if (child.pid !== undefined) writePrivate(pidFile, JSON.stringify({ pid: child.pid, started: startedAt(child.pid) }));
  let failure: string | undefined;
  void ended.then((why) => (failure = why));
  for (let attempt = 0; !(await accepts(options.host, options.port)); attempt++) {
    if (failure !== undefined)
      throw new Error(`nats-server ended (${failure}): ${lastLine(join(options.logs, 'nats-server.log'))}`);
    if (attempt > 2000) throw new Error('nats-server does not accept connections');
    await new Promise((r) => setTimeout(r, 5));
  }
  return {
    pid: child.pid!,
    ended,
    reload: async (config) => {
      const logFile = join(options.logs, 'nats-server.log');
      const before = sizeOf(logFile);
      writePrivate(configFile, config);
      child.kill('SIGHUP');
      for (let attempt = 0; attempt < 2000 && failure === undefined; attempt++) {
        const said = textSince(logFile, before);
        if (/Reloaded server configuration/.test(said)) return;
        const refused = /Failed to reload.*/.exec(said)?.[0];
        if (refused !== undefined) throw new Error(`nats-server: ${refused}`);
        await new Promise((r) => setTimeout(r, 10));
      }
      throw new Error('nats-server does not take its new configuration');
    },
    kill: () => void child.kill('SIGKILL'),
    stop: async () => {
      await terminate(child, ended);
      rmSync(pidFile, { force: true });
    },
  };
}
async function terminate(child: ChildProcess, ended: Promise<string>): Promise<void> {
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await ended;
  clearTimeout(timer);
}
const pidFileOf = (dir: string): string => join(dir, 'nats-server.pid');
/** A server whose supervisor was killed still holds the store: it is ended before a new one opens the same files. */
export async function stopLeftover(dir: string): Promise<void> {
  let left: { pid: number; started: string };
  try {
    left = JSON.parse(readFileSync(pidFileOf(dir), 'utf8')) as typeof left;
  } catch {
    return;
  }
  for (let i = 0; startedAt(left.pid) === left.started && i < 2000; i++) {
    try {
      if (i === 0 || i === 1000) process.kill(left.pid, i === 0 ? 'SIGTERM' : 'SIGKILL');
    } catch {
      // It has just ended.
    }
    await new Promise((r) => setTimeout(r, 5));
  }
}
const accepts = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
const lastLine = (file: string): string => readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? '';
