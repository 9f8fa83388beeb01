import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncryptionConfiguration } from '../../actors/apiserver/encryption/configuration.ts';
import type { EncryptionOptions } from '../../actors/apiserver/encryption/vault.ts';
import type { Logger } from '../../bus/world.ts';
import { UserError } from '../cli/output.ts';
import { onChange } from './file-change.ts';
import { writePrivate } from './kubeconfig.ts';
import type { ClusterPaths } from './paths.ts';

/** Where a cluster keeps its own copy: keys, so nobody else reads it. */
const placeOf = (pki: string): string => join(pki, 'encryption-config.yaml');

/** Takes over a configuration for the cluster's API servers, from their next start on. Thrown: UserError. */
export async function adoptEncryption(paths: ClusterPaths, file: string): Promise<void> {
  const { text } = await read(file);
  writePrivate(placeOf(paths.pki), text);
}
/** Thrown: UserError, for what is wrong with the file. */
export const checkEncryption = async (file: string): Promise<void> => void (await read(file));

/** How often a configuration is looked at again. Source: encryptionconfig/controller EncryptionConfigFileChangePollDuration. */
const LOOK_MS = 60_000;
export interface EncryptionFlags {
  readonly encryptionConfig?: string | undefined;
  /** Goes by a file given from when it changes on, without a start. The cluster's own copy is always looked at. */
  readonly encryptionProviderConfigAutomaticReload?: boolean | undefined;
}
/** What an API server is to encrypt: by the file given, or the cluster's own copy; undefined: nothing. Thrown: UserError. */
export async function encryptionOf(
  dir: string,
  { encryptionConfig: given, encryptionProviderConfigAutomaticReload: reload }: EncryptionFlags,
  log: Pick<Logger, 'info' | 'error'>,
  lookMs = LOOK_MS,
): Promise<EncryptionOptions | undefined> {
  const own = placeOf(join(dir, 'pki'));
  const file = given ?? (existsSync(own) ? own : undefined);
  if (file === undefined) return undefined;
  const { text, ...options } = await read(file);
  if (given !== undefined && !reload) return options;
  return { ...options, onChange: (listener) => watch(file, text, listener, log, lookMs) };
}
/** What cannot be read, or is wrong, is told and leaves in force what was before. */
function watch(
  file: string,
  first: string,
  listener: (options: EncryptionOptions) => void,
  log: Pick<Logger, 'info' | 'error'>,
  lookMs: number,
): () => void {
  let last = first;
  let told = '';
  const look = async (): Promise<void> => {
    try {
      if (readFileSync(file, 'utf8') === last) return;
      const { text, ...options } = await read(file);
      last = text;
      told = '';
      listener(options);
      log.info('goes by another encryption configuration', { file });
    } catch (error) {
      const why = (error as Error).message;
      if (why !== told) log.error('the encryption configuration stays as it was', { file, why });
      told = why;
    }
  };
  return onChange(file, look, lookMs);
}
async function read(file: string): Promise<EncryptionOptions & { readonly text: string }> {
  const [{ parseYaml }, { readEncryptionConfiguration }] = await Promise.all([
    import('../../schemas/codec/yaml.ts'),
    import('../../actors/apiserver/encryption/configuration.ts'),
  ]);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why =
      (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file or directory' : (error as Error).message;
    throw new UserError(`error while parsing file: error while loading file: error reading encryption provider configuration file ${JSON.stringify(file)}: open ${file}: ${why}`); // prettier-ignore
  }
  let value: unknown;
  try {
    ({ value } = await parseYaml(text));
  } catch (error) {
    throw new UserError(`error while parsing file: error decoding encryption provider configuration file ${JSON.stringify(file)}: ${(error as Error).message}`); // prettier-ignore
  }
  let configuration: EncryptionConfiguration;
  try {
    configuration = readEncryptionConfiguration(value, text, file);
  } catch (error) {
    throw new UserError((error as Error).message);
  }
  const boxed = configuration.some(({ providers }) => providers.some(({ kind }) => kind === 'secretbox'));
  const secretbox = boxed ? (await import('../../actors/apiserver/encryption/secretbox.ts')).secretbox : undefined;
  return { text, configuration, randomBytes, secretbox };
}
