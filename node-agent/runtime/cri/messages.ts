import type { ContainerResources, IdRange } from './parts.ts';

/** Shapes of what `criSchema` reads and writes. What is optional may be left out of what is sent. Source: cri-api runtime/v1. */
export interface CriNamespaces {
  readonly network: number;
  readonly pid: number;
  readonly ipc: number;
  readonly targetId?: string;
  readonly usernsOptions?: {
    readonly mode: number;
    readonly uids: readonly IdRange[];
    readonly gids: readonly IdRange[];
  };
}
export interface CriProfile {
  readonly profileType: number;
  readonly localhostRef?: string;
}
interface CriSELinux {
  readonly user?: string | undefined;
  readonly role?: string | undefined;
  readonly type?: string | undefined;
  readonly level?: string | undefined;
}
interface CommonSecurity {
  readonly namespaceOptions?: CriNamespaces;
  readonly selinuxOptions?: CriSELinux;
  readonly runAsUser?: { readonly value: number };
  readonly runAsGroup?: { readonly value: number };
  readonly supplementalGroups?: readonly number[];
  readonly supplementalGroupsPolicy?: number;
  readonly privileged?: boolean;
  readonly readonlyRootfs?: boolean;
  readonly seccomp?: CriProfile;
  readonly apparmor?: CriProfile;
}
export type CriSandboxSecurity = CommonSecurity;
export interface CriContainerSecurity extends CommonSecurity {
  readonly runAsUsername?: string;
  readonly noNewPrivs?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly capabilities?: {
    readonly addCapabilities?: readonly string[];
    readonly dropCapabilities?: readonly string[];
    readonly addAmbientCapabilities?: readonly string[];
  };
  /** Deprecated, but what containerd 1.6 and older read. */
  readonly apparmorProfile?: string;
  readonly seccompProfilePath?: string;
}
export interface CriSandboxConfig {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt: number;
  };
  readonly hostname?: string;
  readonly logDirectory: string;
  readonly dnsConfig: {
    readonly servers: readonly string[];
    readonly searches: readonly string[];
    readonly options: readonly string[];
  };
  readonly portMappings: readonly {
    readonly protocol: number;
    readonly containerPort: number;
    readonly hostPort: number;
    readonly hostIp?: string | undefined;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly linux: {
    readonly cgroupParent: string;
    readonly securityContext: CriSandboxSecurity;
    readonly sysctls: Readonly<Record<string, string>>;
    readonly overhead?: ContainerResources;
    readonly resources?: ContainerResources;
  };
}
export interface CriMount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly: boolean;
  readonly propagation: number;
  readonly recursiveReadOnly?: boolean | undefined;
  readonly uidMappings?: readonly IdRange[];
  readonly gidMappings?: readonly IdRange[];
}
export interface CriContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: { readonly image: string; readonly userSpecifiedImage: string };
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly CriMount[];
  readonly devices?: readonly {
    readonly containerPath: string;
    readonly hostPath: string;
    readonly permissions: string;
  }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: { readonly resources: ContainerResources; readonly securityContext: CriContainerSecurity };
  readonly stopSignal?: number;
}

export interface CriSandbox {
  readonly id: string;
  readonly metadata?: {
    readonly name: string;
    readonly uid: string;
    readonly namespace: string;
    readonly attempt: number;
  };
  readonly state: number;
  /** ns. */
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}
export interface CriSandboxStatus extends CriSandbox {
  readonly network?: { readonly ip: string; readonly additionalIps: readonly { readonly ip: string }[] };
  readonly linux?: { readonly namespaces?: { readonly options?: CriNamespaces } };
}
export interface CriContainer {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata?: { readonly name: string; readonly attempt: number };
  readonly state: number;
  readonly createdAt: number;
  readonly labels: Readonly<Record<string, string>>;
}
export interface CriContainerStatus {
  readonly id: string;
  readonly metadata?: { readonly name: string; readonly attempt: number };
  readonly state: number;
  readonly createdAt: number;
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  readonly image?: { readonly image: string };
  readonly imageRef: string;
  readonly imageId: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mounts: readonly CriMount[];
  readonly logPath: string;
  readonly resources?: {
    readonly linux?: Required<Pick<ContainerResources, 'cpuPeriod' | 'cpuQuota' | 'cpuShares' | 'memoryLimitInBytes'>>;
  };
  readonly user?: {
    readonly linux?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] };
  };
}
export interface CriImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: number;
  readonly uid?: { readonly value: number };
  readonly username: string;
  readonly pinned: boolean;
}
export interface CriFilesystem {
  readonly timestamp: number;
  readonly fsId?: { readonly mountpoint: string };
  readonly usedBytes?: { readonly value: number };
  readonly inodesUsed?: { readonly value: number };
}
export interface CriContainerStats {
  readonly attributes?: { readonly id: string };
  readonly cpu?: {
    readonly timestamp: number;
    readonly usageCoreNanoSeconds?: { readonly value: number };
    readonly usageNanoCores?: { readonly value: number };
  };
  readonly memory?: { readonly workingSetBytes?: { readonly value: number } };
  readonly writableLayer?: CriFilesystem;
}
export interface CriStatus {
  readonly status?: { readonly conditions: readonly { readonly type: string; readonly status: boolean; readonly reason: string; readonly message: string }[] };
  readonly runtimeHandlers: readonly { readonly name: string; readonly features?: { readonly recursiveReadOnlyMounts: boolean; readonly userNamespaces: boolean } }[];
  readonly features?: { readonly supplementalGroupsPolicy: boolean; readonly userNamespacesHostNetwork: boolean };
} // prettier-ignore
