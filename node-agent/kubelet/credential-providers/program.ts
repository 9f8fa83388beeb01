import { join } from 'node:path';
import type { World } from '../../../bus/world.ts';
import type { Registry } from '../../../actors/runtime/metrics/registry.ts';
import { checkShape, struct } from '../../../schemas/codec/configuration.ts';
import type { Commands } from '../../host/commands.ts';
import { durationMs } from '../../../schemas/meta/duration.ts';
import type { ProviderConfiguration } from './configuration.ts';

/** What a program answered. Source: credentialprovider.kubelet.k8s.io CredentialProviderResponse. */
export interface ProviderResponse {
  readonly cacheKeyType: string;
  /** ms; undefined: as the configuration says; 0: they are not kept. */
  readonly cacheMs: number | undefined;
  /** By what images they are for. */
  readonly auth: Readonly<Record<string, { readonly username?: string; readonly password?: string }>>;
}
export interface ProviderRequest {
  readonly image: string;
  readonly serviceAccountToken?: string | undefined;
  readonly serviceAccountAnnotations?: Readonly<Record<string, string>> | undefined;
}
/** For all programs, so that none runs for ever. Source: credentialprovider/plugin ExecPlugin. */
const TIMEOUT_MS = 60_000;
/** Source: prometheus DefBuckets. */
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** Asks one program: a request on its standard input, the answer on its standard output. */
export function credentialProgram(o: {
  readonly world: World;
  readonly commands: Commands;
  readonly metrics: Registry;
  /** Folder of such programs. */
  readonly folder: string;
  readonly provider: ProviderConfiguration;
}): (request: ProviderRequest) => Promise<ProviderResponse> {
  const { world, commands, provider } = o;
  const { name, apiVersion, args = [], env = [] } = provider;
  const failures = o.metrics
    .counter({ name: 'kubelet_credential_provider_plugin_errors_total', stability: 'ALPHA', help: 'Number of errors from credential provider plugin' })
    .at({ plugin_name: name });
  const durations = o.metrics.histogram(
    { name: 'kubelet_credential_provider_plugin_duration', stability: 'ALPHA', help: 'Duration of execution in seconds for credential provider plugin' },
    BOUNDS,
  );
  const duration = durations.at({ plugin_name: name });
  return async ({ image, serviceAccountToken, serviceAccountAnnotations = {} }) => {
    const request = {
      kind: 'CredentialProviderRequest',
      apiVersion,
      image,
      ...(serviceAccountToken && { serviceAccountToken }),
      ...(Object.keys(serviceAccountAnnotations).length > 0 && { serviceAccountAnnotations }),
    };
    const began = world.clock.now();
    let said: { readonly code: number; readonly stdout: string; readonly stderr: string };
    try {
      // The variables of the kubelet itself, and then those of the configuration.
      const variables = env.map((variable) => `${variable.name}=${variable.value}`);
      const input = `${JSON.stringify(request)}\n`;
      said = await commands.run('env', [...variables, join(o.folder, name), ...args], { input, timeoutMs: TIMEOUT_MS });
    } catch (error) {
      failures.n++;
      const late = world.clock.now() - began >= TIMEOUT_MS;
      throw new Error(`error execing credential provider plugin ${name} for image ${image}: ${late ? 'context deadline exceeded' : (error as Error).message}: `, { cause: error });
    } finally {
      duration.add((world.clock.now() - began) / 1_000);
    }
    if (said.code !== 0) {
      failures.n++;
      throw new Error(`error execing credential provider plugin ${name} for image ${image}: exit status ${said.code}: ${said.stderr}`);
    }
    return responseOf(said.stdout, apiVersion);
  };
} // prettier-ignore

const RESPONSE = struct('CredentialProviderResponse', {
  kind: 'string',
  apiVersion: 'string',
  cacheKeyType: 'string',
  cacheDuration: 'duration',
  auth: 'any',
});
const AUTH = struct('AuthConfig', { username: 'string', password: 'string' });

/** Thrown: Error without anything of the text, which may hold credentials. */
function responseOf(text: string, expected: string): ProviderResponse {
  let response: Readonly<Record<string, unknown>>;
  try {
    response = JSON.parse(text) as typeof response;
  } catch {
    throw new Error("error reading GVK from response: couldn't get version/kind; json parse error");
  }
  const { apiVersion = '', kind, cacheKeyType = '', cacheDuration, auth } = response ?? {};
  if (apiVersion !== expected)
    throw new Error(`apiVersion from credential plugin response did not match expected apiVersion:${expected}, actual apiVersion:${String(apiVersion)}`); // prettier-ignore
  if (kind !== 'CredentialProviderResponse' || !isWellFormed(response))
    throw new Error('error decoding credential provider plugin response from stdout');
  return {
    cacheKeyType: cacheKeyType as string,
    cacheMs: cacheDuration == null ? undefined : durationMs(cacheDuration as string),
    auth: (auth ?? {}) as ProviderResponse['auth'],
  };
}
function isWellFormed(response: Readonly<Record<string, unknown>>): boolean {
  try {
    const { auth } = response;
    if (auth != null && (typeof auth !== 'object' || Array.isArray(auth))) return false;
    const unknown = [response, ...Object.values(auth ?? {})].flatMap((value, i) => checkShape(value, i === 0 ? RESPONSE : AUTH, 'v1')); // prettier-ignore
    return unknown.length === 0;
  } catch {
    return false;
  }
}
