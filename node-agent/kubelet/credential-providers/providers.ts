import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Registry } from '../../../actors/runtime/metrics/registry.ts';
import type { World } from '../../../bus/world.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { Commands } from '../../host/commands.ts';
import { Keyring, type Credential } from '../pull-secrets/keyring.ts';
import { readCredentialProviders, type ProviderConfiguration } from './configuration.ts';
import { credentialProgram } from './program.ts';
import { CredentialProvider, type Accounts } from './provider.ts';

/** As a kubelet's flags of these names say it. */
export interface CredentialProviderFlags {
  /** A CredentialProviderConfig, or a folder of them. */
  readonly imageCredentialProviderConfig?: string | undefined;
  /** Folder of the programs. */
  readonly imageCredentialProviderBinDir?: string | undefined;
}
interface Found {
  readonly folder: string;
  readonly providers: readonly ProviderConfiguration[];
  readonly hash: string;
}
/** undefined: there are none. Rejects with Error in Kubernetes' words. Source: credentialprovider/plugin RegisterCredentialProviderPlugins. */
export async function findCredentialProviders(flags: CredentialProviderFlags): Promise<Found | undefined> {
  const { imageCredentialProviderConfig: config = '', imageCredentialProviderBinDir: folder = '' } = flags;
  if (config === '' && folder === '') return undefined;
  await stat(folder).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new Error(`plugin binary directory ${folder} did not exist`, { cause: error });
    throw new Error(`error inspecting binary directory ${folder}: ${(error as Error).message}`, { cause: error });
  });
  const found = await readCredentialProviders(config);
  for (const { name } of found.providers) await mustRun(join(folder, name));
  return { folder, ...found };
}
async function mustRun(program: string): Promise<void> {
  const why = await Promise.all([stat(program), access(program, constants.X_OK)]).then(
    ([about]) => (about.isFile() ? undefined : 'is a directory'),
    (error: unknown) => (error as NodeJS.ErrnoException).code,
  );
  if (why === 'ENOENT') throw new Error(`plugin binary executable ${program} did not exist`);
  if (why !== undefined)
    throw new Error(`error inspecting binary executable ${program}: ${why === 'EACCES' ? 'permission denied' : why}`);
}
/** Credentials of all programs for a repository; who fails gives none. */
export type LookUp = (pod: Pod, repository: string) => Promise<readonly Credential[]>;

/** Rejects as `findCredentialProviders` does. */
export async function credentialProviders(
  o: CredentialProviderFlags & {
    readonly world: World;
    readonly commands: Commands;
    readonly metrics: Registry;
    readonly accounts: Accounts;
  },
): Promise<LookUp> {
  const { world, metrics } = o;
  const found = await findCredentialProviders(o);
  if (found === undefined) return async () => [];
  metrics.gauge(
    {
      name: 'kubelet_credential_provider_config_info',
      stability: 'ALPHA',
      help: 'Information about the last applied credential provider configuration with hash as label',
    },
    () => [[{ hash: found.hash }, 1]],
  );
  const all = found.providers.map(
    (provider) =>
      new CredentialProvider(world, provider, credentialProgram({ ...o, folder: found.folder, provider }), o.accounts),
  );
  return async (pod, repository) => {
    const keyring = new Keyring();
    // In their order, which is that of the credentials.
    const provided = await Promise.all(
      all.map((provider) =>
        provider.provide(repository, pod).catch((error: unknown) => {
          const { namespace, name, uid } = pod.metadata;
          world.log.error('failed to provide credentials for image', {
            provider: provider.name,
            image: repository,
            object: { kind: 'Pod', ns: namespace, name, uid },
            err: error,
          });
          return undefined;
        }),
      ),
    );
    for (const one of provided) if (one !== undefined) keyring.add(one.entries, one.source);
    return keyring.lookup(repository);
  };
}
