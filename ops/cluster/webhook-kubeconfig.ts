import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { WebhookServer } from '../../actors/apiserver/outbound/kubeconfig-webhook.ts';
import { UserError } from '../cli/output.ts';

/** The server of a kubeconfig's current context as it can be kept elsewhere: without paths, but for that of a token that changes. */
export interface WebhookKubeconfig extends Omit<WebhookServer, 'authorization'> {
  readonly authorization?: string | undefined;
  readonly tokenFile?: string | undefined;
}
type Fields = Readonly<Record<string, unknown>>;
/** How long a token that was read from a file is good. Source: client-go transport/token_source.go. */
const TOKEN_MS = 60_000;

/**
 * Reads the kubeconfig of a webhook: `server`, `certificate-authority`, `tls-server-name`, `insecure-skip-tls-verify`; of
 * the user `client-certificate`, `client-key`, `token`, `tokenFile`, `username` and `password`. Paths in it are relative to
 * it. Thrown: UserError, which names the file and what is wrong.
 */
export async function readWebhookKubeconfig(file: string): Promise<WebhookKubeconfig> {
  const fail = (why: string): never => {
    throw new UserError(`webhook kubeconfig ${file}: ${why}`);
  };
  const { parseYaml } = await import('../../schemas/codec/yaml.ts');
  let config: Fields;
  try {
    config = fieldsOf((await parseYaml(contentOf(file))).value);
  } catch (error) {
    return fail((error as Error).message);
  }
  const context = named(config, 'contexts', text(config, 'current-context'));
  if (context === undefined)
    return fail(`invalid configuration: current-context ${JSON.stringify(text(config, 'current-context'))} is none of its contexts`); // prettier-ignore
  const { cluster: clusterName, user: userName } = fieldsOf(context['context']);
  const cluster = fieldsOf(named(config, 'clusters', clusterName)?.['cluster']);
  const user = fieldsOf(named(config, 'users', userName)?.['user']);
  const url = text(cluster, 'server');
  if (url === '')
    return fail(`invalid configuration: no server found for cluster ${JSON.stringify(clusterName ?? '')}`);
  if (!URL.canParse(url) || !url.startsWith('https://'))
    return fail(`server ${JSON.stringify(url)} must be an https:// URL: what is asked there is not for others to read`);
  for (const [of, field] of [[cluster, 'proxy-url'], [user, 'exec'], [user, 'auth-provider'], [user, 'as']] as const)
    if (of[field] !== undefined && of[field] !== '' && of[field] !== null)
      return fail(`${field} is not supported for webhooks: use a token or a client certificate`); // prettier-ignore
  const part = (of: Fields, field: string): string | undefined => {
    const data = text(of, `${field}-data`);
    if (data !== '') return Buffer.from(data, 'base64').toString();
    const path = text(of, field);
    if (path === '') return undefined;
    try {
      return contentOf(resolve(dirname(file), path));
    } catch (error) {
      return fail(`invalid configuration: unable to read ${field} ${path}: ${(error as Error).message}`);
    }
  };
  const [ca, cert, key] = [
    part(cluster, 'certificate-authority'),
    part(user, 'client-certificate'),
    part(user, 'client-key'),
  ];
  if ((cert === undefined) !== (key === undefined))
    return fail('invalid configuration: client-certificate and client-key go together');
  const insecure = cluster['insecure-skip-tls-verify'] === true;
  if (insecure && ca !== undefined)
    return fail('specifying a root certificates file with the insecure flag is not allowed');
  const [token, tokenFile, name] = [text(user, 'token'), text(user, 'tokenFile'), text(user, 'username')];
  const authorization =
    token !== ''
      ? `Bearer ${token}`
      : name !== ''
        ? `Basic ${Buffer.from(`${name}:${text(user, 'password')}`).toString('base64')}`
        : undefined;
  return {
    url: plainUrl(url),
    ca,
    serverName: text(cluster, 'tls-server-name') || undefined,
    ...(insecure && { insecure }),
    ...(cert !== undefined && key !== undefined && { certificate: { cert, key } }),
    ...(tokenFile === '' ? { authorization } : { tokenFile: resolve(dirname(file), tokenFile), authorization }),
  };
}
/** For the API server: a token's file is read again once a minute, and stays what it was while it cannot be. */
export function webhookServerOf({ authorization, tokenFile, ...server }: WebhookKubeconfig): WebhookServer {
  if (tokenFile === undefined)
    return authorization === undefined ? server : { ...server, authorization: () => authorization };
  let [last, until] = [authorization ?? '', 0];
  return {
    ...server,
    authorization: () => {
      if (Date.now() < until) return last;
      try {
        last = `Bearer ${readFileSync(tokenFile, 'utf8').trim()}`;
      } catch {
        // It is being replaced: the one before is good for a while.
      }
      until = Date.now() + TOKEN_MS;
      return last;
    },
  };
}
/** Without query, fragment and the slash at the end. Source: client-go rest/client.go NewRESTClient. */
function plainUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname === '/' ? '' : pathname.replace(/\/+$/, '')}`;
}
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Error(missing ? `open ${file}: no such file or directory` : (error as Error).message, { cause: error });
  }
}
const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (of: Fields, field: string): string => (typeof of[field] === 'string' ? of[field] : '');
function named(config: Fields, list: string, name: unknown): Fields | undefined {
  const entries: readonly unknown[] = Array.isArray(config[list]) ? config[list] : [];
  return entries.map(fieldsOf).find((entry) => entry['name'] === name);
}
