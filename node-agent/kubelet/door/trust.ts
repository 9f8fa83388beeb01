import { readFile } from 'node:fs/promises';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { configMaps } from '../../../actors/runtime/resources.ts';
import { pemBlocks } from '../../../schemas/certificates/pkcs10.ts';
import type { ConfigMap } from '../../../schemas/generated/core-v1.ts';

const TIMEOUT_MS = 10_000;
/** Where API servers say whose certificates of clients they believe. Source: apiserver pkg/authentication. */
export const AUTHENTICATION = { name: 'extension-apiserver-authentication', namespace: 'kube-system', key: 'client-ca-file' } as const; // prettier-ignore

/**
 * PEM of who signs certificates of clients: of a file, or as the cluster says. Rejects: ApiError, or Error where there is
 * none: without an authority of its own TLS would go by those of the whole world.
 */
export async function clientAuthorities(client: Pick<ApiClient, 'get'>, file: string, signal: AbortSignal): Promise<string> {
  const { name, namespace, key } = AUTHENTICATION;
  const pem = file === ''
    ? (await client.get<ConfigMap>(configMaps, name, namespace, { signal, timeoutMs: TIMEOUT_MS })).data?.[key]
    : await readFile(file, 'utf8');
  if (!pemBlocks(pem ?? '').some(({ type }) => type === 'CERTIFICATE'))
    throw new Error(`there is no certificate of an authority in ${file === '' ? `${key} of ${namespace}/${name}` : file}`);
  return pem!;
} // prettier-ignore
