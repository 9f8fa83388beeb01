import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { configMaps, endpoints } from '../../../actors/runtime/resources.ts';
import type { ConfigMap, Endpoints } from '../../../schemas/generated/core-v1.ts';
import { CURRENT } from './store.ts';

/** The HTTPS door of API servers. */
export interface Door {
  /** `https://172.30.0.1:6443` */
  readonly server: string;
  /** PEM of the authority of its certificate. */
  readonly ca: string;
}
/** Every API server has a certificate of this name, whatever address it is reached by. */
const SERVER_NAME = 'kubernetes.default.svc';
const TIMEOUT_MS = 10_000;

/** Where the API servers say they are. Rejects: ApiError; Error where none has said so yet. */
export async function findDoor(client: ApiClient, signal: AbortSignal): Promise<Door> {
  const options = { signal, timeoutMs: TIMEOUT_MS };
  const [{ subsets = [] }, { data }] = await Promise.all([
    client.get<Endpoints>(endpoints, 'kubernetes', 'default', options),
    client.get<ConfigMap>(configMaps, 'kube-root-ca.crt', 'kube-public', options),
  ]);
  const [address, port] = [subsets[0]?.addresses?.[0]?.ip, subsets[0]?.ports?.[0]?.port];
  const ca = data?.['ca.crt'];
  if (address === undefined || port === undefined) throw new Error('no API server has said where it is');
  if (ca === undefined) throw new Error('there is no certificate of the authority in kube-root-ca.crt');
  return { server: `https://${address.includes(':') ? `[${address}]` : address}:${port}`, ca };
}

/**
 * A kubeconfig by which the node is known at the door: JSON, which is YAML. The certificate is named by its path from the
 * kubeconfig's folder, so that it is found from outside of the node's namespaces too.
 * Source: kubelet certificate/bootstrap writeKubeconfigFromBootstrapping.
 */
export function kubeconfigOf({ server, ca }: Door, pair: string): string {
  const cluster = { server, 'certificate-authority-data': Buffer.from(ca).toString('base64'), 'tls-server-name': SERVER_NAME }; // prettier-ignore
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'default-cluster', cluster }],
    users: [{ name: 'default-auth', user: { 'client-certificate': pair, 'client-key': pair } }],
    contexts: [
      { name: 'default-context', context: { cluster: 'default-cluster', user: 'default-auth', namespace: 'default' } },
    ],
    'current-context': 'default-context',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** Writes it with mode 0600, whole or not at all, unless it says the same already. `folder`: of the certificate. */
export async function writeKubeconfig(file: string, folder: string, door: Door): Promise<void> {
  const text = kubeconfigOf(door, join(relative(dirname(file), folder), CURRENT));
  if ((await readFile(file, 'utf8').catch(() => undefined)) === text) return;
  const unfinished = `${file}.tmp`;
  await rm(unfinished, { force: true });
  await writeFile(unfinished, text, { mode: 0o600, flag: 'wx' });
  await rename(unfinished, file);
}
