import { readFileSync } from 'node:fs';
import { requireCluster } from '../../cluster/config.ts';
import type { ClusterPaths } from '../../cluster/paths.ts';
import { UserError } from '../output.ts';

/** Thrown: UserError where there is none, or not one that can be read. */
export function requireKubeconfig(name: string, paths: ClusterPaths): string {
  try {
    return readFileSync(paths.kubeconfig, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new UserError(
      `cluster "${name}" has no kubeconfig${code === 'ENOENT' ? '' : ` that can be read (${code})`}: kubus up --name ${name} writes it`,
    );
  }
}
/** Prints the kubeconfig that `up` wrote. */
export function kubeconfig(options: { name: string }): void {
  const { paths } = requireCluster(options.name);
  process.stdout.write(requireKubeconfig(options.name, paths));
}
