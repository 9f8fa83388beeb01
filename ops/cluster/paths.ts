import { homedir } from 'node:os';
import { join } from 'node:path';

const env = process.env;
const home = (): string => env['HOME'] || homedir();

/** Fetched programs and the bundle; may be deleted at any time. */
export const cacheDir = (): string => join(env['XDG_CACHE_HOME'] || join(home(), '.cache'), 'kubus');
/** One folder a cluster. */
export const clustersDir = (): string =>
  join(env['XDG_DATA_HOME'] || join(home(), '.local', 'share'), 'kubus', 'clusters');
/** One folder for each node of this machine that joined a cluster by a token. */
export const nodesDir = (): string => join(env['XDG_DATA_HOME'] || join(home(), '.local', 'share'), 'kubus', 'nodes');
/** What kubectl merges into: the first file of KUBECONFIG, else ~/.kube/config. */
export const userKubeconfig = (): string =>
  env['KUBECONFIG']?.split(':').find((p) => p !== '') ?? join(home(), '.kube', 'config');

/** Everything a cluster keeps, below its data folder. */
export interface ClusterPaths {
  readonly dir: string;
  readonly config: string;
  readonly lock: string;
  readonly pki: string;
  readonly credentials: string;
  readonly nats: string;
  readonly logs: string;
  readonly snapshots: string;
  readonly kubeconfig: string;
}
export const clusterPaths = (dir: string): ClusterPaths => ({
  dir,
  config: join(dir, 'cluster.json'),
  lock: join(dir, 'lock'),
  pki: join(dir, 'pki'),
  credentials: join(dir, 'credentials'),
  nats: join(dir, 'nats'),
  logs: join(dir, 'logs'),
  snapshots: join(dir, 'snapshots'),
  kubeconfig: join(dir, 'kubeconfig'),
});
