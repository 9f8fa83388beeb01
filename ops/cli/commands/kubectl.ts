import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { downHere, requireCluster } from '../../cluster/config.ts';
import { isFree } from '../../cluster/ports.ts';
import { findKubectl } from '../../fetch/kubectl.ts';
import { printError } from '../output.ts';
import { requireKubeconfig } from './kubeconfig.ts';

/** Hands everything to kubectl, with KUBECONFIG set to the cluster's own file; ends with kubectl's exit status. */
export async function kubectl(args: readonly string[], options: { name: string }): Promise<void> {
  const { paths, config } = requireCluster(options.name);
  requireKubeconfig(options.name, paths);
  const binary = await findKubectl((text) => printError(`kubus: ${text}`));
  const child = spawn(binary, args, { stdio: 'inherit', env: { ...process.env, KUBECONFIG: paths.kubeconfig } });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
  });
  // What kubectl says then is long, and about a port.
  const down = process.exitCode === 0 ? undefined : downHere(paths);
  if (down !== undefined && (await isFree(config.port))) throw down;
}
