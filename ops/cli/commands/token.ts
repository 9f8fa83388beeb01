import { randomInt } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createApiClient } from '../../../actors/runtime/client.ts';
import type { ApiClient } from '../../../actors/runtime/api-client.ts';
import { secrets } from '../../../actors/runtime/resources.ts';
import type { Secret } from '../../../schemas/generated/core-v1.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import { requireCluster } from '../../cluster/config.ts';
import { connectTool } from '../../cluster/connect.ts';
import { writePrivate } from '../../cluster/kubeconfig.ts';
import { clusterPaths, type ClusterPaths } from '../../cluster/paths.ts';
import { readCredentials } from '../../process/credentials.ts';
import { print, printJson, table, UserError } from '../output.ts';

interface Options {
  readonly name: string;
  /** Folder with the administrator's credential, where it is not that of `name`. */
  readonly data?: string;
  readonly output?: 'json' | 'text';
}
const NAMESPACE = 'kube-system';
const TYPE = 'bootstrap.kubernetes.io/token';
const PREFIX = 'bootstrap-token-';

const pathsOf = ({ name, data }: Options): ClusterPaths =>
  data === undefined ? requireCluster(name).paths : clusterPaths(resolve(data));
async function asAdmin<T>(options: Options, work: (client: ApiClient) => Promise<T>): Promise<T> {
  const { bus, world } = await connectTool(pathsOf(options), 'admin');
  try {
    return await work(createApiClient(bus, world, 'admin'));
  } finally {
    await bus.drain();
  }
}

/** Source: kubernetes bootstrap token secrets: `id.secret`, 6 and 16 of these characters. */
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const random = (length: number): string => Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
function secondsOf(ttl: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhd])$/.exec(ttl) ?? [];
  const seconds = Number(count) * (UNITS[unit] ?? 0);
  if (!(seconds > 0)) throw new UserError(`--ttl must be like 30m, 24h or 7d, not "${ttl}"`, 2);
  return seconds;
}

export async function create(options: Options & { ttl: string; description?: string; to?: string }): Promise<void> {
  const { to } = options;
  if (to !== undefined && (await isGood(options, to, secondsOf(options.ttl))))
    return print(`the token in ${to} is good for a while yet`);
  const [id, secret] = [random(6), random(16)];
  const expiration = new Date(Date.now() + secondsOf(options.ttl) * 1000).toISOString().replace(/\.\d+/, '');
  const paths = pathsOf(options);
  await asAdmin(options, (client) =>
    client.create<Secret>(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: `${PREFIX}${id}`, namespace: NAMESPACE },
      type: TYPE,
      stringData: {
        'token-id': id,
        'token-secret': secret,
        expiration,
        'usage-bootstrap-authentication': 'true',
        ...(options.description !== undefined && { description: options.description }),
      },
    }),
  );
  const { urls, ca } = readCredentials(paths.dir, 'admin');
  const token = `${id}.${secret}`;
  if (to !== undefined) {
    writePrivate(resolve(to), `${token}\n`);
    return print(`token ${id} is in ${to}, for ${options.ttl}`);
  }
  const command = `kubus run nodes --node NAME --nats ${urls.join(',')} --token ${token}${ca === undefined ? '' : ' --ca bus-ca.crt'}`;
  if (options.output === 'json') return printJson({ token, expiration, nats: urls, ca, command });
  print(`On the machine that joins, within ${options.ttl}, with a name for it:\n\n  ${command}\n`);
  if (ca !== undefined) print("bus-ca.crt is pki/bus-ca.crt of the cluster's folder.\n");
  print(`Whoever has this token can join: to take it back: kubus token delete ${id}`);
}

/** Whether the file holds a token that the cluster knows and that lasts for half of the time at least. */
async function isGood(options: Options, file: string, seconds: number): Promise<boolean> {
  const id = existsSync(file) ? /^([a-z0-9]{6})\.[a-z0-9]{16}\s*$/.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
  if (id === undefined) return false;
  try {
    const { data = {} } = await asAdmin(options, (client) => client.get<Secret>(secrets, `${PREFIX}${id}`, NAMESPACE));
    const until = Date.parse(Buffer.from(data['expiration'] ?? '', 'base64').toString());
    return until - Date.now() > (seconds * 1000) / 2;
  } catch (error) {
    if (reasonOf(error) === 'NotFound') return false;
    throw error;
  }
}

export async function list(options: Options): Promise<void> {
  const { items } = await asAdmin(options, (client) =>
    client.list<Secret>(secrets, { namespace: NAMESPACE, fieldSelector: `type=${TYPE}` }),
  );
  const tokens = items.map(({ data = {} }) => {
    const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString();
    return { id: text('token-id'), expiration: text('expiration'), description: text('description') };
  });
  if (options.output === 'json') return printJson(tokens);
  if (tokens.length === 0) return print('no tokens; make one with: kubus token create');
  print(
    table(
      ['ID', 'EXPIRES', 'DESCRIPTION'],
      tokens.map((t) => [t.id, t.expiration || 'never', t.description]),
    ),
  );
}

export async function remove(id: string, options: Options): Promise<void> {
  if (!/^[a-z0-9]{6}$/.test(id)) throw new UserError(`"${id}" is no id of a token: see kubus token list`, 2);
  await asAdmin(options, (client) => client.delete(secrets, `${PREFIX}${id}`, NAMESPACE)).catch((error: unknown) => {
    throw reasonOf(error) === 'NotFound' ? new UserError(`there is no token ${id}: see kubus token list`) : error;
  });
  print(`token ${id} deleted; nodes that have joined by it stay: cut one off with: kubus node revoke NAME`);
}
