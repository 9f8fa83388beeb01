import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { run } from '../fetch/run.ts';

export const ROOT = join(import.meta.dirname, '../..');
const DEFAULT_BASE = 'debian:trixie-slim';

/** The docker command line; its output. */
export const docker = (...args: string[]): Promise<string> => run('docker', args, { cwd: ROOT });

/** Why the suite cannot run here; undefined: it can. Never rejects. */
export async function whyNoEngine(): Promise<string | undefined> {
  const lastLine = (error: unknown): string => (error as Error).message.split('\n').at(-1)!.slice(0, 120);
  try {
    await docker('version', '--format', '{{.Server.Version}}');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no docker command' : 'no engine answers';
  }
  try {
    await docker('compose', 'version');
  } catch {
    return 'docker has no compose plugin';
  }
  const base = process.env['KUBUS_BASE'] ?? DEFAULT_BASE;
  try {
    await docker('image', 'inspect', base).catch(() => docker('pull', '--quiet', base));
  } catch (error) {
    return `there is no base image ${base} and it cannot be fetched: ${lastLine(error)}`;
  }
  return undefined;
}

/** One container of a project. */
export interface Container {
  readonly id: string;
  /** `apiserver-1` */
  readonly name: string;
  readonly service: string;
}
/** Those that run or have run; `one-off` ones are not among them. */
export async function containersOf(project: string): Promise<Container[]> {
  const format = '{{.ID}} {{.Names}} {{.Label "com.docker.compose.service"}}';
  const lines = await docker(
    'ps',
    '--all',
    '--filter',
    `label=com.docker.compose.project=${project}`,
    '--format',
    format,
  );
  return lines
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', name = '', service = ''] = line.split(' ');
      return { id, name: name.slice(project.length + 1), service };
    })
    .toSorted((a, b) => a.name.localeCompare(b.name));
}
export interface ContainerState {
  readonly Running: boolean;
  readonly StartedAt: string;
  readonly Health?: { readonly Status: string };
}
export const stateOf = async ({ id }: Container): Promise<ContainerState> =>
  JSON.parse(await docker('inspect', '--format', '{{json .State}}', id)) as ContainerState;

/**
 * Ends a container's program as a crash would (SIGKILL, from inside): the engine's own `kill` counts as somebody's wish, after
 * which it starts nothing again.
 */
export const crash = ({ id }: Container): Promise<string> =>
  docker('exec', id, 'sh', '-c', 'kill -9 $(cat /proc/1/task/1/children)');

/** The condition, asked twice a second. Thrown: Error that says what was waited for. */
export async function until(what: string, ms: number, condition: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + ms; ;) {
    if (await condition()) return;
    if (Date.now() > end) throw new Error(`${what}: not within ${ms / 1000} s`);
    await sleep(500);
  }
}
