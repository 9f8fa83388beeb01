import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { requireCluster } from '../../cluster/config.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { printError } from '../output.ts';

/** Hands everything to kubectl, with KUBECONFIG set to the cluster's own file; ends with kubectl's exit status. */
export async function kubectl(args: readonly string[], options: { name: string }): Promise<void> {
  const { paths } = requireCluster(options.name);
  const binary = await findKubectl((text) => printError(`kubus: ${text}`));
  const child = spawn(binary, args, { stdio: 'inherit', env: { ...process.env, KUBECONFIG: paths.kubeconfig } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
}
