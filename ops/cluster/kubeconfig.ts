import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
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
export async function mergeKubeconfig(file: string, cluster: string, own: string): Promise<void> {
  const mine = JSON.parse(own) as Kubeconfig;
  const theirs = await readKubeconfig(file);
  for (const list of ['clusters', 'contexts', 'users'] as const) {
    theirs[list] = [...(theirs[list] ?? []).filter((e) => e.name !== contextName(cluster)), ...mine[list]!];
  }
  await writeKubeconfig(file, { apiVersion: 'v1', kind: 'Config', ...theirs, 'current-context': contextName(cluster) });
}
/** Takes the cluster's context out again; says nothing if it is not there. */
export async function unmergeKubeconfig(file: string, cluster: string): Promise<void> {
  if (!existsSync(file)) return;
  const theirs = await readKubeconfig(file);
  const name = contextName(cluster);
  if (![theirs.clusters, theirs.contexts, theirs.users].some((l) => l?.some((e) => e.name === name))) return;
  for (const list of ['clusters', 'contexts', 'users'] as const)
    theirs[list] = (theirs[list] ?? []).filter((e) => e.name !== name);
  if (theirs['current-context'] === name) theirs['current-context'] = '';
  await writeKubeconfig(file, theirs);
}
async function readKubeconfig(file: string): Promise<Kubeconfig> {
  if (!existsSync(file)) return {};
  const text = readFileSync(file, 'utf8');
  if (text.startsWith('{')) {
    try {
      return JSON.parse(text) as Kubeconfig;
    } catch {
      // YAML may begin with a brace too.
    }
  }
  const { yaml } = await import('../../schemas/codec/yaml-library.ts');
  return (yaml.parse(text) as Kubeconfig | null) ?? {};
}
async function writeKubeconfig(file: string, config: Kubeconfig): Promise<void> {
  const { yaml } = await import('../../schemas/codec/yaml-library.ts');
  writePrivate(file, yaml.stringify(config));
}
