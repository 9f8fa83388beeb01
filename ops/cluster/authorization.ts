import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AuthorizationOptions } from '../../actors/apiserver/authorization/index.ts';
import type { AuthorizerConfiguration, LocatedAuthorizer, LookAt } from '../../actors/apiserver/authorization/configuration.ts'; // prettier-ignore
import type { Logger } from '../../bus/world.ts';
import { parseDuration } from '../../schemas/meta/duration.ts';
import { UserError } from '../cli/output.ts';
import { writePrivate } from './kubeconfig.ts';
import { readWebhookKubeconfig, webhookServerOf, type WebhookKubeconfig } from './webhook-kubeconfig.ts';

/** As kube-apiserver's flags of these names. */
export interface AuthorizationFlags {
  readonly authorizationConfig?: string | undefined;
  readonly authorizationMode?: readonly string[] | undefined;
  readonly authorizationWebhookConfigFile?: string | undefined;
  readonly authorizationWebhookVersion?: string | undefined;
  readonly authorizationWebhookCacheAuthorizedTtl?: string | undefined;
  readonly authorizationWebhookCacheUnauthorizedTtl?: string | undefined;
}
const NAMES = [
  'authorizationConfig', 'authorizationMode', 'authorizationWebhookConfigFile', 'authorizationWebhookVersion',
  'authorizationWebhookCacheAuthorizedTtl', 'authorizationWebhookCacheUnauthorizedTtl',
] as const; // prettier-ignore
const MODES = ['AlwaysAllow', 'AlwaysDeny', 'ABAC', 'Webhook', 'RBAC', 'Node'];
/** How often the file is looked at again. Source: kubernetes pkg/kubeapiserver/authorizer reloadInterval. */
const LOOK_MS = 60_000;
/** How long the webhook of --authorization-mode may take. Source: kubernetes pkg/kubeapiserver/options/authorization.go. */
const FLAG_TIMEOUT_MS = 30_000;

export const authorizationFlags = (flags: AuthorizationFlags): AuthorizationFlags =>
  Object.fromEntries(NAMES.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
/** The same on a command line, for another process of ours. */
export const authorizationArguments = (flags: AuthorizationFlags): string[] =>
  Object.entries(absolute(flags)).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`,
    Array.isArray(value) ? value.join(',') : String(value),
  ]);
const isAsked = (flags: AuthorizationFlags): boolean => NAMES.some((name) => flags[name] !== undefined);
/** What a cluster was told, with what its kubeconfigs hold: they may be out of reach at the next start. */
interface Kept {
  readonly flags: AuthorizationFlags;
  readonly servers: Readonly<Record<string, WebhookKubeconfig>>;
  readonly text?: string | undefined;
}
const placeOf = (dir: string): string => join(dir, 'pki', 'authorization.json');

/** Thrown: UserError, for what is wrong with the flags or the files. */
export async function checkAuthorization(flags: AuthorizationFlags): Promise<void> {
  if (isAsked(flags)) await load(absolute(flags));
}
/** Takes it over for the cluster's API servers, from their next start on. Thrown: UserError. */
export async function adoptAuthorization(dir: string, flags: AuthorizationFlags): Promise<void> {
  if (!isAsked(flags)) return;
  const whole = absolute(flags);
  const { text, servers } = await load(whole);
  writePrivate(placeOf(dir), `${JSON.stringify({ flags: whole, servers, text } satisfies Kept)}\n`);
}
/**
 * Who is to decide what users may: by the flags given, or as the cluster was told; undefined: the node rules and RBAC. Of
 * a file its changes are followed, for as long as it is there. Thrown: UserError.
 */
export async function authorizationOf(
  dir: string,
  given: AuthorizationFlags,
  log: Pick<Logger, 'info' | 'error'>,
  lookMs = LOOK_MS,
): Promise<AuthorizationOptions | undefined> {
  const own = placeOf(dir);
  const kept = isAsked(given) || !existsSync(own) ? undefined : (JSON.parse(readFileSync(own, 'utf8')) as Kept);
  if (kept === undefined && !isAsked(given)) return undefined;
  const flags = kept?.flags ?? absolute(given);
  const first = await load(flags, kept);
  const { createChains: chains } = await import('../../actors/apiserver/authorization/chain.ts');
  const { authorizationConfig: file } = flags;
  const follow = file !== undefined && existsSync(file);
  return {
    authorizers: first.authorizers,
    chains,
    ...(first.text !== undefined && { hash: hashOf(first.text) }),
    ...(follow && { onChange: (listener) => watch(file, first, listener, log, lookMs) }),
  };
}
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');
function absolute(flags: AuthorizationFlags): AuthorizationFlags {
  const { authorizationConfig, authorizationWebhookConfigFile } = flags;
  return {
    ...authorizationFlags(flags),
    ...(authorizationConfig !== undefined && { authorizationConfig: resolve(authorizationConfig) }),
    ...(authorizationWebhookConfigFile !== undefined && {
      authorizationWebhookConfigFile: resolve(authorizationWebhookConfigFile),
    }),
  };
}

interface Loaded {
  readonly authorizers: readonly AuthorizerConfiguration[];
  readonly servers: Readonly<Record<string, WebhookKubeconfig>>;
  readonly text: string | undefined;
}
/** `kept`: what was read when the cluster was told, which counts where a file is gone. */
async function load(flags: AuthorizationFlags, kept?: Kept): Promise<Loaded> {
  const { authorizationConfig: file } = flags;
  if (file === undefined) return connected(fromFlags(flags), undefined, kept);
  if (NAMES.some((name) => name !== 'authorizationConfig' && flags[name] !== undefined))
    throw new UserError('--authorization-config can not be specified when --authorization-mode or --authorization-webhook-* flags are defined', 2); // prettier-ignore
  const text = kept?.text !== undefined && !existsSync(file) ? kept.text : contentOf(file);
  return connected(await parsed(text, kept), text, kept);
}
async function parsed(text: string, kept?: Kept, needed?: readonly string[]): Promise<readonly LocatedAuthorizer[]> {
  const [{ parseYaml }, { readAuthorizationConfiguration }] = await Promise.all([
    import('../../schemas/codec/yaml.ts'),
    import('../../actors/apiserver/authorization/configuration.ts'),
  ]);
  const lookAt: LookAt = (path) => (kept?.servers[path] === undefined ? standing(path) : undefined);
  try {
    return await readAuthorizationConfiguration({ value: (await parseYaml(text)).value, text }, lookAt, needed);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}
/** With where each webhook is, and how it is told that it is us. */
async function connected(
  located: readonly LocatedAuthorizer[],
  text: string | undefined,
  kept?: Kept,
): Promise<Loaded> {
  const servers: Record<string, WebhookKubeconfig> = {};
  const authorizers: AuthorizerConfiguration[] = [];
  for (const one of located) {
    if (one.type !== 'Webhook') {
      authorizers.push(one);
      continue;
    }
    const { kubeconfig, ...webhook } = one.webhook;
    if (kubeconfig === undefined)
      throw new UserError(`authorizer ${one.name}: unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined: API servers of Kubus run in no pod, name a kubeConfigFile`); // prettier-ignore
    const before = kept?.servers[kubeconfig];
    const server = (servers[kubeconfig] =
      before !== undefined && !existsSync(kubeconfig) ? before : await readWebhookKubeconfig(kubeconfig));
    authorizers.push({ ...one, webhook: { ...webhook, server: webhookServerOf(server) } });
  }
  return { authorizers, servers, text };
}
/** Source: kubernetes pkg/kubeapiserver/options/authorization.go Validate, buildAuthorizationConfiguration. */
function fromFlags(flags: AuthorizationFlags): readonly LocatedAuthorizer[] {
  const { authorizationMode: modes = ['Node', 'RBAC'], authorizationWebhookConfigFile: kubeconfig } = flags;
  const version = flags.authorizationWebhookVersion ?? 'v1beta1';
  const problems = modes.flatMap((mode) => {
    if (!MODES.includes(mode)) return [`authorization-mode ${JSON.stringify(mode)} is not a valid mode`];
    if (mode === 'ABAC') return ['authorization-mode ABAC is not built in Kubus: grant by RBAC instead'];
    return mode === 'Webhook' && kubeconfig === undefined
      ? ["authorization-mode Webhook's authorization config file not passed"]
      : [];
  });
  if (modes.length === 0) problems.push('at least one authorization-mode must be passed');
  if (kubeconfig !== undefined && !modes.includes('Webhook'))
    problems.push('cannot specify --authorization-webhook-config-file without mode Webhook');
  if (new Set(modes).size !== modes.length)
    problems.push(`authorization-mode [${modes.map((m) => JSON.stringify(m)).join(' ')}] has mode specified more than once`); // prettier-ignore
  if (version !== 'v1' && version !== 'v1beta1')
    problems.push(`unsupported webhook authorizer version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`); // prettier-ignore
  if (problems.length > 0) throw new UserError(problems.length === 1 ? problems[0]! : `[${problems.join(', ')}]`, 2);
  const ttl = (flag: string, text: string): number => {
    const nanos = parseDuration(text);
    if (typeof nanos === 'string')
      throw new UserError(`invalid argument ${JSON.stringify(text)} for "--${flag}" flag: ${nanos}`, 2);
    return Number(nanos / 1_000_000n);
  };
  return modes.map((mode) => {
    if (mode !== 'Webhook') return { type: mode as 'RBAC', name: mode.toLowerCase() };
    const webhook = {
      authorizedTtlMs: ttl('authorization-webhook-cache-authorized-ttl', flags.authorizationWebhookCacheAuthorizedTtl ?? '5m'),
      unauthorizedTtlMs: ttl('authorization-webhook-cache-unauthorized-ttl', flags.authorizationWebhookCacheUnauthorizedTtl ?? '30s'),
      timeoutMs: FLAG_TIMEOUT_MS, version: version as 'v1' | 'v1beta1', deniesOnError: false, conditions: undefined, kubeconfig,
    }; // prettier-ignore
    return { type: 'Webhook', name: 'default', webhook };
  });
}

/** What cannot be read, or is wrong, is told and leaves in force what was before. */
function watch(
  file: string,
  first: Loaded,
  listener: Parameters<NonNullable<AuthorizationOptions['onChange']>>[0],
  log: Pick<Logger, 'info' | 'error'>,
  lookMs: number,
): () => void {
  let last = first.text;
  const needed = first.authorizers.flatMap(({ type }) => (type === 'Webhook' ? [] : [type]));
  const look = async (): Promise<void> => {
    try {
      const text = contentOf(file);
      if (text === last) return;
      last = text;
      const { authorizers } = await connected(await parsed(text, undefined, needed), text);
      listener({ authorizers, hash: hashOf(text) });
      log.info('goes by another authorization configuration', { file });
    } catch (error) {
      listener(undefined);
      log.error('the authorization configuration stays as it was', { file, why: (error as Error).message });
    }
  };
  const timer = setInterval(() => void look(), lookMs);
  timer.unref();
  return () => clearInterval(timer);
}
function standing(path: string): ReturnType<LookAt> {
  try {
    return statSync(path).isFile() ? undefined : 'irregular';
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { error: `stat ${path}: ${code === 'ENOENT' ? 'no such file or directory' : message}` };
  }
}
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UserError(`open ${file}: ${code === 'ENOENT' ? 'no such file or directory' : message}`);
  }
}
