import type { Container, Pod } from '../../../schemas/generated/core-v1.ts';

/** What a pod on a real node is made of besides its images; each part is built by a folder of its own. Rejections are RuntimeErrors. */
export interface PodParts {
  readonly volumes: PodVolumes;
  readonly environment: PodEnvironment;
  readonly cgroups: PodCgroups;
  /** undefined: no pod can have users of its own. */
  readonly users?: PodUsers;
}

/** Ids of a container that are others on the machine. Source: cri-api IDMapping. */
export interface IdRange {
  readonly hostId: number;
  readonly containerId: number;
  readonly length: number;
}
export interface PodUsers {
  /** Of users and of groups alike; the same as long as the pod is there. Rejects with Error: none is left, or what was kept is damaged. */
  of(pod: Pod): Promise<IdRange>;
}

/** A folder or file of the machine that a container sees. Source: cri-api Mount. */
export interface Mount {
  readonly hostPath: string;
  readonly containerPath: string;
  readonly readOnly: boolean;
  readonly recursiveReadOnly?: boolean;
  readonly propagation: 'private' | 'hostToContainer' | 'bidirectional';
  /** A device of the machine, which is not mounted but made there. */
  readonly isDevice?: boolean;
}
export interface PodVolumes {
  /** What the container's volumeMounts and volumeDevices come to (subPath and all); the pod's volumes are mounted by then. */
  mountsOf(pod: Pod, container: Container, signal: AbortSignal): Promise<readonly Mount[]>;
}

export interface PodDns {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}
export interface PodEnvironment {
  /** Resolved, in order, services' variables first. CreateContainerConfigError: a key that is not there. */
  variablesOf(pod: Pod, container: Container, podIPs: readonly string[], signal: AbortSignal): Promise<readonly { readonly name: string; readonly value: string }[]>; // prettier-ignore
  hostnameOf(pod: Pod): string;
  /** By which of the runtime's ways the pod is run; '' is the usual one, as it is where nobody can say. */
  readonly runtimeHandlerOf?: (pod: Pod, signal: AbortSignal) => Promise<string>;
  dnsOf(pod: Pod): PodDns;
  /** Files that the kubelet itself mounts: /etc/hosts, the termination message. */
  filesOf(pod: Pod, container: Container, podIPs: readonly string[], attempt: number): Promise<readonly Mount[]>;
}

/** Source: cri-api LinuxContainerResources; what is undefined is not said. */
export interface ContainerResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  /** Of cgroup v2: `memory.min`, `memory.high`, ... */
  readonly unified?: Readonly<Record<string, string>>;
}
export interface PodCgroups {
  /** Makes the pod's cgroup. Resolves with the path that the runtime puts its containers below. */
  create(pod: Pod): Promise<string>;
  resourcesOf(pod: Pod, container: Container): ContainerResources;
  /** The pod's requests and limits have changed; `containers` sets its containers' own. */
  update(pod: Pod, containers?: () => Promise<void>): Promise<void>;
  /** Nothing of it runs any more. */
  remove(podUid: string): Promise<void>;
}
