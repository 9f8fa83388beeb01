import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { AuthenticationConfiguration } from '../../actors/apiserver/authentication/oidc/index.ts';
import { DEFAULT_ISSUER } from '../../actors/apiserver/authentication/issuer.ts';
import type {
  AuthenticationOptions,
  RemoteGround,
  RemoteTokens,
} from '../../actors/apiserver/authentication/options.ts';
import { parseDuration } from '../../schemas/meta/duration.ts';
import { UserError } from '../cli/output.ts';
import { onChange } from './file-change.ts';
import { writePrivate } from './kubeconfig.ts';
import { readWebhookKubeconfig, webhookServerOf, type WebhookKubeconfig } from './webhook-kubeconfig.ts';

/** As kube-apiserver's flags of these names. */
export interface AuthenticationFlags {
  /** AuthenticationConfiguration, which is gone by as it changes. */
  readonly authenticationConfig?: string | undefined;
  readonly anonymousAuth?: boolean | undefined;
  /** kubeconfig of a server that reviews tokens. */
  readonly authenticationTokenWebhookConfigFile?: string | undefined;
  /** v1 or v1beta1; default v1beta1. */
  readonly authenticationTokenWebhookVersion?: string | undefined;
  /** A duration, `2m0s`. */
  readonly authenticationTokenWebhookCacheTtl?: string | undefined;
}
const NAMES = [
  'authenticationConfig', 'anonymousAuth', 'authenticationTokenWebhookConfigFile', 'authenticationTokenWebhookVersion',
  'authenticationTokenWebhookCacheTtl',
] as const; // prettier-ignore
export const authenticationFlags = (flags: AuthenticationFlags): AuthenticationFlags =>
  Object.fromEntries(NAMES.flatMap((name) => (flags[name] === undefined ? [] : [[name, flags[name]]])));
/** The same on a command line, for another process of ours. */
export const authenticationArguments = (flags: AuthenticationFlags): string[] =>
  Object.entries(absolute(flags)).flatMap(([name, value]) => [
    `--${name.replace(/[A-Z]/g, (capital) => `-${capital.toLowerCase()}`)}`,
    String(value),
  ]);
const isAsked = (flags: AuthenticationFlags): boolean => NAMES.some((name) => flags[name] !== undefined);
function absolute(flags: AuthenticationFlags): AuthenticationFlags {
  const { authenticationConfig: file, authenticationTokenWebhookConfigFile: hook } = flags;
  return {
    ...authenticationFlags(flags),
    ...(file !== undefined && { authenticationConfig: resolve(file) }),
    ...(hook !== undefined && { authenticationTokenWebhookConfigFile: resolve(hook) }),
  };
}
interface Webhook {
  readonly server: WebhookKubeconfig;
  readonly version: 'v1' | 'v1beta1';
  readonly cacheMs: number;
}
/** What a cluster was told, with what its files hold: they may be out of reach at the next start. */
interface Kept {
  readonly flags: AuthenticationFlags;
  readonly text?: string | undefined;
  readonly webhook?: Webhook | undefined;
}
/** It may hold keys, so nobody else reads it. */
const placeOf = (dir: string): string => join(dir, 'pki', 'authentication.json');
const CACHE_TTL = '2m0s';

/** Thrown: UserError, for what is wrong with the flags or their files. */
export async function checkAuthentication(flags: AuthenticationFlags): Promise<void> {
  if (isAsked(flags)) await load(absolute(flags));
}
/** Takes over how the cluster's API servers know people, from their next start on. Thrown: UserError. */
export async function adoptAuthentication(dir: string, flags: AuthenticationFlags): Promise<void> {
  if (!isAsked(flags)) return;
  const whole = absolute(flags);
  const { text, webhook } = await load(whole);
  writePrivate(placeOf(dir), `${JSON.stringify({ flags: whole, text, webhook } satisfies Kept)}\n`);
}
interface Loaded {
  readonly text: string | undefined;
  readonly configuration: AuthenticationConfiguration | undefined;
  readonly webhook: Webhook | undefined;
  readonly anonymous: AuthenticationOptions['anonymous'];
}
/** `kept`: what was read when the cluster was told, which counts where a file is gone. */
async function load(flags: AuthenticationFlags, kept?: Kept): Promise<Loaded> {
  const { authenticationConfig: file, authenticationTokenWebhookConfigFile: hook } = flags;
  const text = file === undefined ? undefined : kept === undefined || existsSync(file) ? contentOf(file) : kept.text;
  const configuration = file === undefined ? undefined : await configurationFrom(file, text ?? '');
  const webhook =
    hook === undefined || kept === undefined || existsSync(hook) ? await webhookFrom(flags) : kept.webhook;
  return { text, configuration, webhook, anonymous: anonymousOf(configuration, flags.anonymousAuth) };
}
/**
 * How an API server knows people beside certificates and service accounts: by the flags given, or as its cluster was told;
 * undefined: not at all. Of a file its changes are followed, for as long as it is there. Thrown: UserError.
 */
export async function authenticationOf(
  dir: string,
  given: AuthenticationFlags,
): Promise<AuthenticationOptions | undefined> {
  const own = placeOf(dir);
  const kept = isAsked(given) || !existsSync(own) ? undefined : (JSON.parse(readFileSync(own, 'utf8')) as Kept);
  const flags = kept?.flags ?? absolute(given);
  if (!isAsked(flags)) return undefined;
  const { text, configuration, webhook, anonymous } = await load(flags, kept);
  const remote: AuthenticationOptions['remote'][number][] = [];
  if (configuration !== undefined) remote.push(await issuersOf(flags.authenticationConfig!, text ?? '', configuration));
  if (webhook !== undefined) {
    const { createTokenWebhook } = await import('../../actors/apiserver/authentication/webhook/token-reviews.ts');
    const options = { ...webhook, server: webhookServerOf(webhook.server) };
    remote.push(({ world, audiences }) => createTokenWebhook(world, options, audiences));
  }
  return { anonymous, remote };
}
function anonymousOf(
  configuration: AuthenticationConfiguration | undefined,
  flag: boolean | undefined,
): AuthenticationOptions['anonymous'] {
  if (configuration?.anonymous === undefined) return flag === undefined ? undefined : { enabled: flag };
  if (flag !== undefined)
    throw new UserError('anonymous: Forbidden: --anonymous-auth flag cannot be set when anonymous field is configured in authentication configuration file', 2); // prettier-ignore
  return configuration.anonymous;
}

/** Source: kubernetes pkg/kubeapiserver/options/authentication.go ApplyTo. */
async function issuersOf(
  file: string,
  first: string,
  configuration: AuthenticationConfiguration,
): Promise<(ground: RemoteGround) => RemoteTokens> {
  const { assertSameAnonymous, createJwtAuthenticator, createJwtMetrics } = await oidc();
  return ({ world, metrics: all, id, audiences }) => {
    const metrics = createJwtMetrics({ metrics: all, clock: world.clock }, id, first);
    const authenticator = createJwtAuthenticator({ world, configuration, audiences, metrics });
    let last = first;
    const look = async (): Promise<void> => {
      const fail = (message: string, error: unknown): void => {
        metrics.reloaded(undefined);
        world.log.error(message, { file, err: (error as Error).message });
      };
      let text: string;
      try {
        text = contentOf(file);
      } catch (error) {
        return fail('failed to read authentication config file', error);
      }
      if (text === last) return;
      let next: AuthenticationConfiguration;
      try {
        next = await configurationFrom(file, text);
        assertSameAnonymous(configuration, next);
      } catch (error) {
        // It never will be right: nobody is told twice.
        last = text;
        return fail('the authentication config stays as it was', error);
      }
      try {
        await authenticator.change(next);
      } catch (error) {
        return fail('failed to update authentication config', error);
      }
      last = text;
      metrics.reloaded(text);
      world.log.info('reloaded authentication config', { file });
    };
    const unwatch = existsSync(file) ? onChange(file, look) : () => undefined;
    return {
      authenticate: authenticator.authenticate,
      stop() {
        unwatch();
        authenticator.stop();
      },
    };
  };
}
const oidc = () => import('../../actors/apiserver/authentication/oidc/index.ts');
async function configurationFrom(file: string, text: string): Promise<AuthenticationConfiguration> {
  const [{ parseYaml }, { readAuthenticationConfiguration }] = await Promise.all([import('../../schemas/codec/yaml.ts'), oidc()]); // prettier-ignore
  try {
    if (text === '') throw new Error('empty config data');
    const { value, duplicates } = await parseYaml(text);
    return readAuthenticationConfiguration({ value, text, duplicates }, [DEFAULT_ISSUER]);
  } catch (error) {
    throw new UserError(`failed to load authentication configuration from file ${JSON.stringify(file)}: ${(error as Error).message}`); // prettier-ignore
  }
}
async function webhookFrom(flags: AuthenticationFlags): Promise<Webhook | undefined> {
  const { authenticationTokenWebhookConfigFile: file, authenticationTokenWebhookVersion: version = 'v1beta1', authenticationTokenWebhookCacheTtl: ttl = CACHE_TTL } = flags; // prettier-ignore
  if (file === undefined) {
    const { authenticationTokenWebhookVersion, authenticationTokenWebhookCacheTtl } = flags;
    if ((authenticationTokenWebhookVersion ?? authenticationTokenWebhookCacheTtl) !== undefined)
      throw new UserError('--authentication-token-webhook-version and -cache-ttl go with: --authentication-token-webhook-config-file', 2); // prettier-ignore
    return undefined;
  }
  if (version !== 'v1' && version !== 'v1beta1')
    throw new UserError(`unsupported authentication webhook version ${JSON.stringify(version)}, supported versions are "v1", "v1beta1"`, 2); // prettier-ignore
  const nanos = parseDuration(ttl);
  if (typeof nanos !== 'bigint' || nanos < 0n)
    throw new UserError(`--authentication-token-webhook-cache-ttl must be a duration such as 2m0s, not ${JSON.stringify(ttl)}`, 2); // prettier-ignore
  return { server: await readWebhookKubeconfig(file), version, cacheMs: Number(nanos / 1_000_000n) };
}
function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message; // prettier-ignore
    throw new UserError(`failed to load authentication configuration from file ${JSON.stringify(file)}: open ${file}: ${why}`); // prettier-ignore
  }
}
