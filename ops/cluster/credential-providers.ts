import { resolve } from 'node:path';
import type { CredentialProviderFlags } from '../../node-agent/kubelet/credential-providers/providers.ts';
import { UserError } from '../cli/output.ts';
import type { ClusterConfig } from './config.ts';

const FLAGS = ['--image-credential-provider-config', '--image-credential-provider-bin-dir'] as const;
const isAsked = (flags: CredentialProviderFlags): boolean =>
  (flags.imageCredentialProviderConfig ?? flags.imageCredentialProviderBinDir) !== undefined;

/** Of these flags alone, with paths that hold wherever a process starts. */
export function credentialProviderFlags(flags: CredentialProviderFlags): CredentialProviderFlags {
  const { imageCredentialProviderConfig: config, imageCredentialProviderBinDir: folder } = flags;
  return {
    ...(config && { imageCredentialProviderConfig: resolve(config) }),
    ...(folder && { imageCredentialProviderBinDir: resolve(folder) }),
  };
}
/** What is asked for, over what the cluster was; an empty path: none any more. Thrown: UserError where nobody would go by it. */
export async function settleCredentialProviders(
  flags: CredentialProviderFlags & { readonly runtime?: 'simulated' | 'cri' | 'auto' },
  before: Pick<ClusterConfig, 'credentialProviders' | 'runtime'> | undefined,
): Promise<Pick<ClusterConfig, 'credentialProviders'>> {
  const { runtime = 'auto' } = flags;
  if (isAsked(flags) && (runtime === 'auto' ? before?.runtime : runtime) !== 'cri')
    throw new UserError(`${FLAGS[0]} is for nodes that run containers: say --runtime cri too`, 2);
  const wanted = isAsked(flags) ? credentialProviderFlags(flags) : before?.credentialProviders;
  if (wanted === undefined || Object.keys(wanted).length === 0) return {};
  if (isAsked(flags)) await checkCredentialProviders(wanted);
  return { credentialProviders: wanted };
}
/** Thrown: UserError with what is wrong with them. */
export async function checkCredentialProviders(flags: CredentialProviderFlags): Promise<void> {
  const { findCredentialProviders } = await import('../../node-agent/kubelet/credential-providers/providers.ts');
  try {
    await findCredentialProviders(credentialProviderFlags(flags));
  } catch (error) {
    throw new UserError(`${FLAGS.join(', ')}: ${(error as Error).message}`, 2);
  }
}
/** The flags again, for the process in the background. */
export const credentialProviderArguments = (flags: CredentialProviderFlags): string[] => {
  const { imageCredentialProviderConfig: config, imageCredentialProviderBinDir: folder } = flags;
  const given = [config, folder].map((path) => (path === undefined || path === '' ? path : resolve(path)));
  return given.flatMap((path, i) => (path === undefined ? [] : [FLAGS[i]!, path]));
};
