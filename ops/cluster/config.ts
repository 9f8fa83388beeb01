import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { UserError } from '../cli/output.ts';
import { writePrivate } from './kubeconfig.ts';
import { clusterPaths, clustersDir, type ClusterPaths } from './paths.ts';

/** Of cluster.json and of what lies beside it. Raised when an older kubus could misread the data. */
const FORMAT = 1;

/** What a cluster is, kept in its folder; `up` without options resumes it as it was. */
export interface ClusterConfig {
  readonly format: number;
  readonly name: string;
  readonly nodes: number;
  readonly runtime: 'simulated' | 'cri';
  readonly port: number;
  readonly natsPort: number;
  /** undefined: all. */
  readonly only?: readonly string[];
  readonly disableAdmission: readonly string[];
  readonly ephemeral: boolean;
}
export function checkName(name: string): void {
  if (!/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/.test(name)) {
    throw new UserError(
      `"${name}" cannot name a cluster: use up to 40 lower-case letters, digits and '-', beginning and ending with a letter or digit`,
    );
  }
}
/** The folder of a cluster: below the user's data folder, or where `--data` pointed (remembered as a link). */
export function locate(name: string, data?: string): ClusterPaths {
  checkName(name);
  const place = join(clustersDir(), name);
  if (data === undefined) return clusterPaths(resolveLink(place));
  const target = resolve(data);
  mkdirSync(target, { recursive: true, mode: 0o700 });
  mkdirSync(clustersDir(), { recursive: true, mode: 0o700 });
  if (existsSync(place) && resolveLink(place) !== target) {
    if (resolveLink(place) === place)
      throw new UserError(
        `cluster "${name}" already keeps its data in ${place}: use another --name, or remove it with: kubus down --name ${name} --delete-data`,
      );
    rmSync(place);
  }
  if (resolveLink(place) !== target) {
    rmSync(place, { force: true });
    symlinkSync(target, place);
  }
  return clusterPaths(target);
}
const resolveLink = (path: string): string => {
  try {
    return readlinkSync(path);
  } catch {
    return path;
  }
};
export function readConfig(paths: ClusterPaths): ClusterConfig | undefined {
  if (!existsSync(paths.config)) return undefined;
  let config: ClusterConfig;
  try {
    config = JSON.parse(readFileSync(paths.config, 'utf8')) as ClusterConfig;
  } catch {
    throw new UserError(
      `${paths.config} is not readable as JSON: restore it, or start afresh with another --name or --data`,
    );
  }
  if (config.format > FORMAT) {
    throw new UserError(
      `the data in ${paths.dir} was written by a newer kubus (format ${config.format}, this one knows ${FORMAT}): update kubus, or use another --name or --data`,
    );
  }
  return config;
}
export const writeConfig = (paths: ClusterPaths, config: Omit<ClusterConfig, 'format'>): void =>
  writePrivate(paths.config, `${JSON.stringify({ format: FORMAT, ...config }, null, 2)}\n`);

/** Names of all clusters on this machine. */
export function clusterNames(): string[] {
  const dir = clustersDir();
  return existsSync(dir)
    ? readdirSync(dir)
        .filter((n) => existsSync(join(dir, n, 'cluster.json')))
        .sort()
    : [];
}
/** The cluster of that name, or a message that says which there are. */
export function requireCluster(name: string): { paths: ClusterPaths; config: ClusterConfig } {
  const paths = locate(name);
  const config = readConfig(paths);
  if (config === undefined) {
    const names = clusterNames();
    throw new UserError(
      `there is no cluster "${name}"${names.length > 0 ? ` (there is: ${names.join(', ')})` : ''}: start it with: kubus up --name ${name}`,
    );
  }
  return { paths, config };
}
