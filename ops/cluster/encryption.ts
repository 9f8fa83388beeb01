import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EncryptionConfiguration } from '../../actors/apiserver/encryption/configuration.ts';
import type { EncryptionOptions } from '../../actors/apiserver/encryption/vault.ts';
import { UserError } from '../cli/output.ts';
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

/** What an API server is to encrypt: by the file given, or the cluster's own copy; undefined: nothing. Thrown: UserError. */
export async function encryptionOf(dir: string, given: string | undefined): Promise<EncryptionOptions | undefined> {
  const own = placeOf(join(dir, 'pki'));
  const file = given ?? (existsSync(own) ? own : undefined);
  if (file === undefined) return undefined;
  const { configuration } = await read(file);
  return { configuration, randomBytes };
}
async function read(file: string): Promise<{ readonly text: string; readonly configuration: EncryptionConfiguration }> {
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
  try {
    return { text, configuration: readEncryptionConfiguration(value, text, file) };
  } catch (error) {
    throw new UserError((error as Error).message);
  }
}
