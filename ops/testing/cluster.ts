import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../cluster/ports.ts';
import { findKubectl } from '../fetch/kubectl.ts';

const main = join(import.meta.dirname, '../cli/main.ts');

export interface TestCluster {
  readonly name: string;
  readonly server: string;
  readonly kubeconfig: string;
  readonly dir: string;
  /** The cluster's own folder: cluster.json, kubeconfig, pki, logs. */
  readonly data: string;
  readonly process: ChildProcess;
  /** Runs kubectl; its standard output, or an Error with what it said. `input` goes to its standard input. */
  kubectl(args: readonly string[], input?: string): Promise<string>;
  /** Runs a kubus command against the same XDG folders. */
  kubus(...args: string[]): Promise<Finished>;
  stop(): Promise<void>;
}
export interface Finished {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}
/** Folders of its own for everything that kubus writes, but the cache of fetched programs. */
export function isolatedEnv(dir: string): NodeJS.ProcessEnv {
  return { ...process.env, XDG_DATA_HOME: join(dir, 'data'), KUBECONFIG: join(dir, 'kubeconfig'), NO_COLOR: '1' };
}
export function finish(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  input = '',
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (d: Buffer) => (stdout += d.toString()));
    child.stderr.on('data', (d: Buffer) => (stderr += d.toString()));
    child.once('error', reject);
    child.once('close', (status) => resolve({ status, stdout, stderr }));
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
/** `kubus up` as a user runs it, from the sources or `program`; resolves when it says that the cluster is up. */
export async function upForTest(
  args: readonly string[] = [],
  options: { dir?: string; name?: string; program?: string } = {},
): Promise<TestCluster> {
  const program = options.program ?? main;
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'kubus-test-'));
  const name = options.name ?? 'test';
  const env = isolatedEnv(dir);
  const port = args.includes('--port') ? [] : ['--port', String(await freePort())];
  const child = spawn(process.execPath, [program, 'up', '--name', name, ...port, ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  const server = await new Promise<string>((resolve, reject) => {
    const look = (d: Buffer): void => {
      said += d.toString();
      const up = /is up at (https:\/\/\S+)/.exec(said);
      if (up) resolve(up[1]!);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`kubus up ended with ${code}:\n${said}`)));
  });
  const kubeconfig = join(dir, 'kubeconfig');
  const kubectlBinary = await findKubectl();
  return {
    name, server, kubeconfig, dir, process: child, data: join(dir, 'data/kubus/clusters', name),
    kubectl: async (a, input) => {
      const r = await finish(kubectlBinary, ['--kubeconfig', kubeconfig, ...a], env, input);
      if (r.status !== 0) throw new Error(`kubectl ${a.join(' ')} ended with ${r.status}: ${r.stderr}${r.stdout}`);
      return r.stdout;
    },
    kubus: (...a) => finish(process.execPath, [program, ...a], env),
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        const gone = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGTERM');
        await gone;
      }
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  }; // prettier-ignore
}
/** How many times slower than others this machine is, which all who wait allow for: KUBUS_TEST_PATIENCE, such as 20 where another is emulated. */
const patience = Number(process.env['KUBUS_TEST_PATIENCE'] ?? 1);
/** For kubectl: how long it may wait. */
export const within = (seconds: number): string => `--timeout=${seconds * patience}s`;
/** Repeats `look` until it returns something other than undefined; fails with `what` after `ms`, or later on a slow machine. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  ms = 20_000,
): Promise<T> {
  const deadline = Date.now() + ms * patience;
  let last: unknown;
  for (;;) {
    try {
      const value = await look();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline)
      throw new Error(
        `${what}: not within ${ms * patience} ms${last === undefined ? '' : `; last: ${(last as Error).message}`}`,
      );
    await sleep(25);
  }
}
export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, 'utf8')) as T;
