import type { ClusterConfig } from '../cluster/config.ts';

/** The components that `kubus run` and `up --only` know, in the order they are started. */
export const COMPONENTS = ['etcd', 'apiserver', 'controller-manager', 'scheduler', 'nodes'] as const;
export type ComponentName = (typeof COMPONENTS)[number];

/** What one operating-system process runs. Everything else it needs is in the cluster's folder. */
export interface ProcessSpec {
  /** Name of its log file. */
  readonly name: string;
  readonly components: readonly ComponentName[];
  /** The cluster's data folder: cluster.json, pki, credentials. */
  readonly dir: string;
  /** Address the HTTPS door listens on. */
  readonly host: string;
  /** One connection with the rights of all these components together (see writeCredentials); default: one each. */
  readonly joint?: boolean | undefined;
  /** Overrides the URL in the credentials. */
  readonly nats?: string | undefined;
}
export function rolesOf(config: ClusterConfig): ComponentName[] {
  return COMPONENTS.filter(
    (c) => (config.only === undefined || config.only.includes(c)) && (c !== 'nodes' || config.nodes > 0),
  );
}
export const nodeNames = (config: Pick<ClusterConfig, 'name' | 'nodes'>): string[] =>
  Array.from({ length: config.nodes }, (_, i) => `${config.name}-node-${i + 1}`);
