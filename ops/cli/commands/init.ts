import { resolve } from 'node:path';
import type { AuditFlags } from '../../cluster/audit.ts';
import type { AuthenticationFlags } from '../../cluster/authentication.ts';
import type { AuthorizationFlags } from '../../cluster/authorization.ts';
import { makeFolder } from '../../cluster/config.ts';
import { initCluster } from '../../cluster/init.ts';
import { print, printJson } from '../output.ts';

export interface InitCommandOptions extends AuditFlags, AuthenticationFlags, AuthorizationFlags {
  readonly name: string;
  readonly data: string;
  readonly hosts: readonly string[];
  readonly port: number;
  readonly nats: readonly string[];
  readonly encryptionConfig?: string;
  readonly serviceClusterIpRange?: readonly string[];
  readonly clusterCidr?: string[];
  readonly addons?: readonly string[];
  readonly output: string;
}
/** Makes (or completes) the folders of a cluster whose processes run apart, and says what is for whom. */
export async function init(options: InitCommandOptions): Promise<void> {
  makeFolder(resolve(options.data), '--data');
  const { folders, kubeconfig, changed } = await initCluster({
    ...options,
    audit: options,
    authentication: options,
    authorization: options,
    now: Date.now(),
  });
  if (options.output === 'json') return printJson({ name: options.name, folders, kubeconfig, changed });
  const { authority, ...roles } = folders;
  print(
    `${changed ? 'Keys and credentials made' : 'All keys and credentials are there already'} for "${options.name}":`,
  );
  for (const [role, folder] of Object.entries(roles)) print(`  ${folder.padEnd(40)} for ${role}`);
  print(`  ${authority!.padEnd(40)} for kubus init alone: who has it, is the cluster`);
  print(`\nkubectl: KUBECONFIG=${kubeconfig} kubectl get nodes`);
}
