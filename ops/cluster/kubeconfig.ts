import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { UserError } from '../cli/output.ts';
import type { Pki } from '../pki/pki.ts';

interface Named {
  readonly name: string;
  readonly [field: string]: unknown;
}
interface Kubeconfig {
  apiVersion?: string;
  kind?: string;
  clusters?: Named[] | null;
  contexts?: Named[] | null;
  users?: Named[] | null;
  'current-context'?: string;
  [field: string]: unknown;
}
export const contextName = (cluster: string): string => `kubus-${cluster}`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** A kubeconfig with one context, `kubus-<cluster>`. JSON, which is YAML. */
export function kubeconfigFor(cluster: string, server: string, pki: Pki): string {
  const name = contextName(cluster);
  return `${JSON.stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name, cluster: { server, 'certificate-authority-data': base64(pki.ca) } }],
      users: [
        { name, user: { 'client-certificate-data': base64(pki.adminCert), 'client-key-data': base64(pki.adminKey) } },
      ],
      contexts: [{ name, context: { cluster: name, user: name } }],
      'current-context': name,
    },
    null,
    2,
  )}\n`;
}
/** Writes a file that only its owner reads, whole or not at all. */
export function writePrivate(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const tmp = `${file}.${process.pid}.tmp`;
  writeFileSync(tmp, text, { mode: 0o600 });
  chmodSync(tmp, 0o600);
  renameSync(tmp, file);
}
/** Adds (or replaces) the cluster's context in the user's own kubeconfig and makes it current, as kind does. */
export function mergeKubeconfig(file: string, cluster: string, own: string): Promise<void> {
  const mine = JSON.parse(own) as Kubeconfig;
  const name = contextName(cluster);
  return editing(file, async () => {
    const theirs = await readKubeconfig(file);
    for (const list of LISTS) theirs[list] = [...without(theirs[list], name), ...mine[list]!];
    return { apiVersion: 'v1', kind: 'Config', ...theirs, 'current-context': name };
  });
}
/** Takes the cluster's context out again; says nothing if it is not there. */
export async function unmergeKubeconfig(file: string, cluster: string): Promise<void> {
  if (!existsSync(file)) return;
  const name = contextName(cluster);
  await editing(file, async () => {
    const theirs = await readKubeconfig(file);
    if (!LISTS.some((list) => theirs[list]?.some((e) => e.name === name))) return undefined;
    for (const list of LISTS) theirs[list] = without(theirs[list], name);
    if (theirs['current-context'] === name) theirs['current-context'] = '';
    return theirs;
  });
}
const LISTS = ['clusters', 'contexts', 'users'] as const;
const without = (list: Named[] | null | undefined, name: string): Named[] =>
  (list ?? []).filter((e) => e.name !== name);

async function readKubeconfig(file: string): Promise<Kubeconfig> {
  if (!existsSync(file)) return {};
  const { yaml } = await import('../../schemas/codec/yaml-library.ts');
  let config: unknown;
  try {
    config = yaml.parse(readFileSync(file, 'utf8')) ?? {};
  } catch {
    config = undefined;
  }
  const isList = (value: unknown): boolean => value === undefined || value === null || Array.isArray(value);
  if (typeof config !== 'object' || config === null || !LISTS.every((list) => isList((config as Kubeconfig)[list])))
    throw new UserError(
      `${file} is not readable as a kubeconfig and was left as it is: mend it, or set KUBECONFIG to another file`,
    );
  return config as Kubeconfig;
}

/** How long another program may hold a kubeconfig before we give up. */
const PATIENCE_MS = 5_000;
/**
 * Replaces a kubeconfig with what `edit` makes of it (nothing if undefined), with the lock file that kubectl uses too:
 * clusters that come up at the same time must not lose each other's contexts. Links are followed.
 */
async function editing(file: string, edit: () => Promise<Kubeconfig | undefined>): Promise<void> {
  const target = existsSync(file) ? realpathSync(file) : file;
  mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
  const lock = `${target}.lock`;
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      closeSync(openSync(lock, 'wx', 0o600));
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (Date.now() > deadline)
      throw new UserError(`${target} is locked by another program: if none is running, remove ${lock}`);
    await new Promise((r) => setTimeout(r, 10));
  }
  try {
    const edited = await edit();
    if (edited === undefined) return;
    const { yaml } = await import('../../schemas/codec/yaml-library.ts');
    writePrivate(target, yaml.stringify(edited));
  } finally {
    rmSync(lock, { force: true });
  }
}
