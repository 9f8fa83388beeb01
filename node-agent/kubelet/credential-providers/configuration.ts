import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { readConfiguration, struct, type ConfigurationKind } from '../../../schemas/codec/configuration.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { check } from './check-configuration.ts';

/** A program that knows credentials for images. Source: kubelet.config.k8s.io CredentialProvider. */
export interface ProviderConfiguration {
  /** File name of the program. */
  readonly name: string;
  readonly matchImages: readonly string[];
  /** How long credentials are kept where the program does not say; `12h`. */
  readonly defaultCacheDuration: string;
  /** Of what the program is asked and answers. */
  readonly apiVersion: string;
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value: string }[];
  /** It is handed a token of the pod's service account. */
  readonly tokenAttributes?: TokenAttributes;
}
/** Source: kubelet.config.k8s.io ServiceAccountTokenAttributes. */
export interface TokenAttributes {
  readonly serviceAccountTokenAudience: string;
  /** Of what credentials are kept for: the account, or one token of it. */
  readonly cacheType: 'ServiceAccount' | 'Token';
  readonly requireServiceAccount: boolean;
  readonly requiredServiceAccountAnnotationKeys?: readonly string[];
  readonly optionalServiceAccountAnnotationKeys?: readonly string[];
}
const GROUP = 'kubelet.config.k8s.io';
const KIND: ConfigurationKind = {
  names: ['v1alpha1', 'v1beta1', 'v1'].map((version) => `${GROUP}/${version}/CredentialProviderConfig`),
  shape: struct('CredentialProviderConfig', {
    apiVersion: 'string',
    kind: 'string',
    providers: {
      list: struct('CredentialProvider', {
        name: 'string',
        matchImages: { list: 'string' },
        defaultCacheDuration: 'duration',
        apiVersion: 'string',
        args: { list: 'string' },
        env: { list: struct('ExecEnvVar', { name: 'string', value: 'string' }) },
        tokenAttributes: struct('ServiceAccountTokenAttributes', {
          serviceAccountTokenAudience: 'string',
          cacheType: 'string',
          requireServiceAccount: 'bool',
          requiredServiceAccountAnnotationKeys: { list: 'string' },
          optionalServiceAccountAnnotationKeys: { list: 'string' },
        }),
      }),
    },
  }),
};

/**
 * A CredentialProviderConfig, or a folder of such files, whose providers count together. `hash`: of all that was read, as
 * metrics tell it. Rejects with Error in Kubernetes' words. Source: credentialprovider/plugin config.go.
 */
export async function readCredentialProviders(
  path: string,
): Promise<{ readonly providers: readonly ProviderConfiguration[]; readonly hash: string }> {
  if (path === '') throw new Error('credential provider config path is empty');
  const hash = createHash('sha256');
  const providers: ProviderConfiguration[] = [];
  for (const file of await filesOf(path)) {
    const bytes = await readFile(file).catch((error: unknown) => {
      throw new Error(`unable to read file ${JSON.stringify(file)}: ${asGo('open', file, error)}`, { cause: error });
    });
    // So that no other division of the same bytes looks the same.
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    hash.update(length).update(bytes);
    for (const provider of await decode(file, bytes)) {
      if (providers.some(({ name }) => name === provider.name))
        throw new Error(`duplicate provider name ${JSON.stringify(provider.name)} found in configuration file(s)`);
      providers.push(provider);
    }
  }
  const wrong = [...check(providers)];
  if (wrong.length > 0)
    throw new Error(
      `failed to validate credential provider config: ${aggregate(wrong.map(({ field, message }) => `${field}: ${message}`))}`,
    );
  return { providers, hash: `sha256:${hash.digest('hex')}` };
}
async function filesOf(path: string): Promise<readonly string[]> {
  const about = await stat(path).catch((error: unknown) => {
    throw new Error(`unable to access path ${JSON.stringify(path)}: ${asGo('stat', path, error)}`, { cause: error });
  });
  if (!about.isDirectory()) return [path];
  const files = (await readdir(path, { withFileTypes: true }))
    .filter((entry) => !entry.isDirectory() && ['.json', '.yaml', '.yml'].includes(extname(entry.name)))
    .map(({ name }) => join(path, name));
  if (files.length === 0) throw new Error(`no configuration files found in directory ${JSON.stringify(path)}`);
  return files.sort();
}
async function decode(file: string, bytes: Buffer): Promise<readonly ProviderConfiguration[]> {
  const { parseYaml } = await import('../../../schemas/codec/yaml.ts');
  try {
    const { value, duplicates } = await parseYaml(bytes);
    const { providers = [] } = readConfiguration({ value, text: bytes.toString(), duplicates }, KIND);
    return providers as readonly ProviderConfiguration[];
  } catch (error) {
    throw new Error(`error decoding config ${JSON.stringify(file)}: ${(error as Error).message}`, { cause: error });
  }
}
const ERRNO: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  EACCES: 'permission denied',
  ENOTDIR: 'not a directory',
};
const asGo = (call: string, path: string, error: unknown): string => {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return `${call} ${path}: ${ERRNO[code] ?? message}`;
};
