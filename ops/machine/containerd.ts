import { existsSync, lstatSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { NodePaths } from '../../node-agent/host/paths.ts';

/** Folders in which distributions and people put CNI plugins, the first that has any counts. */
export const CNI_FOLDERS = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/** Where people tell a containerd of registries, a folder each with `hosts.toml`. Source: containerd docs/hosts.md. */
const REGISTRIES = ['/etc/containerd/certs.d', '/etc/docker/certs.d'];
const registriesOf = ({ root }: Pick<NodePaths, 'root'>): string => join(root, 'certs.d');
/**
 * What the machine's is told of registries is told the node's too, unless that has a folder of its own. One folder alone:
 * containerd 2 looks for a name with colons in it where it is told of more.
 */
export function linkRegistries(paths: Pick<NodePaths, 'root'>): void {
  const link = registriesOf(paths);
  if (lstatSync(link, { throwIfNoEntry: false })?.isSymbolicLink() === false) return;
  rmSync(link, { force: true });
  symlinkSync(REGISTRIES.find((folder) => existsSync(folder)) ?? REGISTRIES[0]!, link);
}

/**
 * Configuration of a node's private containerd. Everything that it keeps is below the node's folder; what it and its
 * shims leave in /run is in the node's own mounts.
 * Source: containerd docs/cri/config.md, version 2, which 1.6 and 1.7 read, and 2 makes its own version of.
 */
export function containerdConfig(o: {
  readonly paths: NodePaths;
  /** Folder of CNI plugins; default: the node's own, which its pod network fills. */
  readonly cniPlugins?: string;
  readonly pauseImage: string;
}): string {
  const { containerd, cni } = o.paths;
  const text = JSON.stringify;
  return `version = 2
# What drops into the configuration of the machine's own is not for this one.
imports = []
root = ${text(containerd.root)}
state = ${text(containerd.state)}
disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.aufs", "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing"]
[debug]
  level = "warn"
[grpc]
  address = ${text(containerd.socket)}
[ttrpc]
  address = ${text(`${containerd.socket}.ttrpc`)}
[plugins."io.containerd.internal.v1.opt"]
  path = ${text(`${containerd.root}/opt`)}
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = ${text(o.pauseImage)}
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  # Who lacks CAP_SYS_RESOURCE may not make a process less likely to be ended than itself.
  restrict_oom_score_adj = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  enable_unprivileged_ports = true
  enable_unprivileged_icmp = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = ${text(o.cniPlugins ?? cni.bin)}
    conf_dir = ${text(cni.conf)}
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = ${text(registriesOf(o.paths))}
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        SystemdCgroup = false
`;
}
