import { existsSync, readFileSync } from 'node:fs';
import { requireCluster } from '../../cluster/config.ts';
import { UserError } from '../output.ts';

/** Prints the kubeconfig that `up` wrote. */
export function kubeconfig(options: { name: string }): void {
  const { paths } = requireCluster(options.name);
  if (!existsSync(paths.kubeconfig))
    throw new UserError(`cluster "${options.name}" was never up: start it with: kubus up --name ${options.name}`);
  process.stdout.write(readFileSync(paths.kubeconfig, 'utf8'));
}
