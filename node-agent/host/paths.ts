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
  /** What a kubelet keeps where others look for it. Source: kubelet --root-dir. */
  readonly kubelet: string;
  /** Below it: `<uid>/{volumes,containers,etc-hosts}` of each pod. */
  readonly pods: string;
  /** `<namespace>_<name>_<uid>/<container>/<run>.log`. Source: kubelet podLogsDirectory. */
  readonly logs: string;
  /** Links to them, `<name>_<namespace>_<container>-<id>.log`. Source: kubelet ContainerLogsDir. */
  readonly containerLogs: string;
  /** Below it too: `<driver>/<socket>` of CSI drivers, and sockets by which they register. */
  readonly plugins: string;
  readonly pluginsRegistry: string;
  /** Folders that are persistent volumes, by the volume's name. */
  readonly localVolumes: string;
  /** Manifests of static pods. */
  readonly manifests: string;
  /** What a kubelet after this one must know. */
  readonly state: string;
}

/** What others know by other names, as it lies in the node's folder. */
const foldersOf = (root: string): Pick<NodePaths, 'kubelet' | 'logs' | 'containerLogs'> => ({
  kubelet: join(root, 'kubelet'),
  logs: join(root, 'logs'),
  containerLogs: join(root, 'container-logs'),
});
/** Inside a node's own mounts they are `NODE_PATHS`, short enough for sockets (108 bytes). */
export const nodePaths = (root: string, { kubelet, logs, containerLogs } = foldersOf(root)): NodePaths => ({
  root,
  containerd: {
    config: join(root, 'containerd.toml'),
    root: join(root, 'containerd'),
    state: join(root, 'run', 'containerd'),
    socket: join(root, 'run', 'containerd.sock'),
    log: join(root, 'containerd.log'),
  },
  cni: { conf: join(root, 'cni', 'net.d'), bin: join(root, 'cni', 'bin'), ipam: join(root, 'cni', 'ipam') },
  kubelet,
  pods: join(kubelet, 'pods'),
  plugins: join(kubelet, 'plugins'),
  pluginsRegistry: join(kubelet, 'plugins_registry'),
  logs,
  containerLogs,
  localVolumes: join(root, 'local-volumes'),
  manifests: join(root, 'manifests'),
  state: join(root, 'state'),
});
export const NODE_ROOT = '/run/kubus-node';
/** Where drivers and agents of others expect it: their pods name it in hostPath volumes. */
export const KUBELET_ROOT = '/var/lib/kubelet';
/** Where agents look for logs, by hostPath volumes of /var/log. Source: kubelet podLogsDir, ContainerLogsDir. */
export const LOGS_ROOT = '/var/log/pods';
export const CONTAINER_LOGS_ROOT = '/var/log/containers';
export const NODE_PATHS = nodePaths(NODE_ROOT, {
  kubelet: KUBELET_ROOT,
  logs: LOGS_ROOT,
  containerLogs: CONTAINER_LOGS_ROOT,
});
