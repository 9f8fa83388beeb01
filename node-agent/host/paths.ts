import { join } from 'node:path';

/** Where one real node keeps its files, all below one folder: what is on disk, and who owns it. */
export interface NodePaths {
  readonly root: string;
  /** Of the private containerd: its configuration, what it keeps, what is of this boot only, and its socket. */
  readonly containerd: {
    readonly config: string;
    readonly root: string;
    readonly state: string;
    readonly socket: string;
    readonly log: string;
  };
  /** Configuration of the pod network, its plugins, and the addresses it has given. */
  readonly cni: { readonly conf: string; readonly bin: string; readonly ipam: string };
  /** `<uid>/{volumes,containers,etc-hosts}` of each pod. Source: kubelet --root-dir `pods`. */
  readonly pods: string;
  /** `<namespace>_<name>_<uid>/<container>/<run>.log`. Source: kubelet podLogsDirectory. */
  readonly logs: string;
  /** `<driver>/<socket>` of CSI drivers, and sockets by which they register. Source: kubelet `plugins`, `plugins_registry`. */
  readonly plugins: string;
  readonly pluginsRegistry: string;
  /** Folders that are persistent volumes, by the volume's name. */
  readonly localVolumes: string;
  /** Manifests of static pods. */
  readonly manifests: string;
  /** What a kubelet after this one must know. */
  readonly state: string;
}

/** Inside a node's own mounts the root is `NODE_ROOT`, short enough for sockets (108 bytes). */
export const nodePaths = (root: string): NodePaths => ({
  root,
  containerd: {
    config: join(root, 'containerd.toml'),
    root: join(root, 'containerd'),
    state: join(root, 'run', 'containerd'),
    socket: join(root, 'run', 'containerd.sock'),
    log: join(root, 'containerd.log'),
  },
  cni: { conf: join(root, 'cni', 'net.d'), bin: join(root, 'cni', 'bin'), ipam: join(root, 'cni', 'ipam') },
  pods: join(root, 'pods'),
  logs: join(root, 'logs'),
  plugins: join(root, 'plugins'),
  pluginsRegistry: join(root, 'plugins_registry'),
  localVolumes: join(root, 'local-volumes'),
  manifests: join(root, 'manifests'),
  state: join(root, 'state'),
});
export const NODE_ROOT = '/run/kubus-node';
