import type { GrpcMethod } from '../../grpc/client.ts';
import { parseSchema } from '../../grpc/schema.ts';

/** What of the Container Runtime Interface is used here. Field numbers are facts of the protocol. Source: cri-api runtime/v1 api.proto. */
export const criSchema = parseSchema(`
message Empty {}
message VersionRequest { string version = 1; }
message VersionResponse { string version = 1; string runtimeName = 2; string runtimeVersion = 3; string runtimeApiVersion = 4; }
message Dns { repeated string servers = 1; repeated string searches = 2; repeated string options = 3; }
message PortMapping { int32 protocol = 1; int32 containerPort = 2; int32 hostPort = 3; string hostIp = 4; }
message IdMapping { uint32 hostId = 1; uint32 containerId = 2; uint32 length = 3; }
message Mount { string containerPath = 1; string hostPath = 2; bool readonly = 3; bool selinuxRelabel = 4; int32 propagation = 5;
  repeated IdMapping uidMappings = 6; repeated IdMapping gidMappings = 7; bool recursiveReadOnly = 8; ImageSpec image = 9; string imageSubPath = 10; }
message UserNamespace { int32 mode = 1; repeated IdMapping uids = 2; repeated IdMapping gids = 3; }
message NamespaceOption { int32 network = 1; int32 pid = 2; int32 ipc = 3; string targetId = 4; UserNamespace usernsOptions = 5; }
message Int64Value { int64 value = 1; }
message UInt64Value { uint64 value = 1; }
message SecurityProfile { int32 profileType = 1; string localhostRef = 2; }
message SELinuxOption { string user = 1; string role = 2; string type = 3; string level = 4; }
message LinuxSandboxSecurityContext { NamespaceOption namespaceOptions = 1; SELinuxOption selinuxOptions = 2; Int64Value runAsUser = 3;
  bool readonlyRootfs = 4; repeated int64 supplementalGroups = 5; bool privileged = 6; string seccompProfilePath = 7; Int64Value runAsGroup = 8;
  SecurityProfile seccomp = 9; SecurityProfile apparmor = 10; int32 supplementalGroupsPolicy = 11; }
message LinuxPodSandboxConfig { string cgroupParent = 1; LinuxSandboxSecurityContext securityContext = 2; map<string, string> sysctls = 3;
  LinuxContainerResources overhead = 4; LinuxContainerResources resources = 5; }
message PodSandboxMetadata { string name = 1; string uid = 2; string namespace = 3; uint32 attempt = 4; }
message PodSandboxConfig { PodSandboxMetadata metadata = 1; string hostname = 2; string logDirectory = 3; Dns dnsConfig = 4;
  repeated PortMapping portMappings = 5; map<string, string> labels = 6; map<string, string> annotations = 7; LinuxPodSandboxConfig linux = 8; }
message RunPodSandboxRequest { PodSandboxConfig config = 1; string runtimeHandler = 2; }
message PodSandboxId { string podSandboxId = 1; }
message PodIP { string ip = 1; }
message PodSandboxNetworkStatus { string ip = 1; repeated PodIP additionalIps = 2; }
message Namespace { NamespaceOption options = 2; }
message LinuxPodSandboxStatus { Namespace namespaces = 1; }
message PodSandboxStatus { string id = 1; PodSandboxMetadata metadata = 2; int32 state = 3; int64 createdAt = 4; PodSandboxNetworkStatus network = 5;
  LinuxPodSandboxStatus linux = 6; map<string, string> labels = 7; map<string, string> annotations = 8; string runtimeHandler = 9; }
message PodSandboxStatusResponse { PodSandboxStatus status = 1; map<string, string> info = 2; }
message PodSandbox { string id = 1; PodSandboxMetadata metadata = 2; int32 state = 3; int64 createdAt = 4; map<string, string> labels = 5;
  map<string, string> annotations = 6; string runtimeHandler = 7; }
message ListPodSandboxResponse { repeated PodSandbox items = 1; }
message ImageSpec { string image = 1; map<string, string> annotations = 2; string userSpecifiedImage = 18; string runtimeHandler = 19; string imageRef = 20; }
message KeyValue { string key = 1; bytes value = 2; }
message HugepageLimit { string pageSize = 1; uint64 limit = 2; }
message LinuxContainerResources { int64 cpuPeriod = 1; int64 cpuQuota = 2; int64 cpuShares = 3; int64 memoryLimitInBytes = 4; int64 oomScoreAdj = 5;
  string cpusetCpus = 6; string cpusetMems = 7; repeated HugepageLimit hugepageLimits = 8; map<string, string> unified = 9; int64 memorySwapLimitInBytes = 10; }
message Capability { repeated string addCapabilities = 1; repeated string dropCapabilities = 2; repeated string addAmbientCapabilities = 3; }
message LinuxContainerSecurityContext { Capability capabilities = 1; bool privileged = 2; NamespaceOption namespaceOptions = 3;
  SELinuxOption selinuxOptions = 4; Int64Value runAsUser = 5; string runAsUsername = 6; bool readonlyRootfs = 7; repeated int64 supplementalGroups = 8;
  string apparmorProfile = 9; string seccompProfilePath = 10; bool noNewPrivs = 11; Int64Value runAsGroup = 12; repeated string maskedPaths = 13;
  repeated string readonlyPaths = 14; SecurityProfile seccomp = 15; SecurityProfile apparmor = 16; int32 supplementalGroupsPolicy = 17; }
message LinuxContainerConfig { LinuxContainerResources resources = 1; LinuxContainerSecurityContext securityContext = 2; }
message LinuxContainerUser { int64 uid = 1; int64 gid = 2; repeated int64 supplementalGroups = 3; }
message ContainerUser { LinuxContainerUser linux = 1; }
message ContainerMetadata { string name = 1; uint32 attempt = 2; }
message Device { string containerPath = 1; string hostPath = 2; string permissions = 3; }
message CdiDevice { string name = 1; }
message ContainerConfig { ContainerMetadata metadata = 1; ImageSpec image = 2; repeated string command = 3; repeated string args = 4; string workingDir = 5;
  repeated KeyValue envs = 6; repeated Mount mounts = 7; repeated Device devices = 8; map<string, string> labels = 9; map<string, string> annotations = 10;
  string logPath = 11; bool stdin = 12; bool stdinOnce = 13; bool tty = 14; LinuxContainerConfig linux = 15; repeated CdiDevice cdiDevices = 17; int32 stopSignal = 18; }
message CreateContainerRequest { string podSandboxId = 1; ContainerConfig config = 2; PodSandboxConfig sandboxConfig = 3; }
message ContainerId { string containerId = 1; }
message StopContainerRequest { string containerId = 1; int64 timeout = 2; }
message Container { string id = 1; string podSandboxId = 2; ContainerMetadata metadata = 3; ImageSpec image = 4; string imageRef = 5; int32 state = 6;
  int64 createdAt = 7; map<string, string> labels = 8; map<string, string> annotations = 9; string imageId = 10; }
message ListContainersResponse { repeated Container containers = 1; }
message ContainerResources { LinuxContainerResources linux = 1; }
message ContainerStatus { string id = 1; ContainerMetadata metadata = 2; int32 state = 3; int64 createdAt = 4; int64 startedAt = 5; int64 finishedAt = 6;
  int32 exitCode = 7; ImageSpec image = 8; string imageRef = 9; string reason = 10; string message = 11; map<string, string> labels = 12;
  map<string, string> annotations = 13; repeated Mount mounts = 14; string logPath = 15; ContainerResources resources = 16; string imageId = 17;
  ContainerUser user = 18; int32 stopSignal = 19; }
message ContainerStatusResponse { ContainerStatus status = 1; map<string, string> info = 2; }
message UpdateContainerResourcesRequest { string containerId = 1; LinuxContainerResources linux = 2; map<string, string> annotations = 4; }
message ExecSyncRequest { string containerId = 1; repeated string cmd = 2; int64 timeout = 3; }
message ExecSyncResponse { bytes stdout = 1; bytes stderr = 2; int32 exitCode = 3; }
message ExecRequest { string containerId = 1; repeated string cmd = 2; bool tty = 3; bool stdin = 4; bool stdout = 5; bool stderr = 6; }
message AttachRequest { string containerId = 1; bool stdin = 2; bool tty = 3; bool stdout = 4; bool stderr = 5; }
message PortForwardRequest { string podSandboxId = 1; repeated int32 port = 2; }
message UrlResponse { string url = 1; }
message Image { string id = 1; repeated string repoTags = 2; repeated string repoDigests = 3; uint64 size = 4; Int64Value uid = 5; string username = 6;
  ImageSpec spec = 7; bool pinned = 8; }
message ListImagesResponse { repeated Image images = 1; }
message ImageRequest { ImageSpec image = 1; }
message ImageStatusResponse { Image image = 1; }
message AuthConfig { string username = 1; string password = 2; string auth = 3; string serverAddress = 4; string identityToken = 5; string registryToken = 6; }
message PullImageRequest { ImageSpec image = 1; AuthConfig auth = 2; PodSandboxConfig sandboxConfig = 3; }
message PullImageResponse { string imageRef = 1; }
message RuntimeCondition { string type = 1; bool status = 2; string reason = 3; string message = 4; }
message RuntimeStatus { repeated RuntimeCondition conditions = 1; }
message RuntimeHandlerFeatures { bool recursiveReadOnlyMounts = 1; bool userNamespaces = 2; }
message RuntimeHandler { string name = 1; RuntimeHandlerFeatures features = 2; }
message RuntimeFeatures { bool supplementalGroupsPolicy = 1; bool userNamespacesHostNetwork = 2; }
message StatusResponse { RuntimeStatus status = 1; map<string, string> info = 2; repeated RuntimeHandler runtimeHandlers = 3; RuntimeFeatures features = 4; }
message FilesystemIdentifier { string mountpoint = 1; }
message FilesystemUsage { int64 timestamp = 1; FilesystemIdentifier fsId = 2; UInt64Value usedBytes = 3; UInt64Value inodesUsed = 4; }
message ImageFsInfoResponse { repeated FilesystemUsage imageFilesystems = 1; repeated FilesystemUsage containerFilesystems = 2; }
message ContainerAttributes { string id = 1; ContainerMetadata metadata = 2; map<string, string> labels = 3; }
message CpuUsage { int64 timestamp = 1; UInt64Value usageCoreNanoSeconds = 2; UInt64Value usageNanoCores = 3; }
message MemoryUsage { int64 timestamp = 1; UInt64Value workingSetBytes = 2; UInt64Value availableBytes = 3; UInt64Value usageBytes = 4; UInt64Value rssBytes = 5;
  UInt64Value pageFaults = 6; UInt64Value majorPageFaults = 7; }
message ContainerStats { ContainerAttributes attributes = 1; CpuUsage cpu = 2; MemoryUsage memory = 3; FilesystemUsage writableLayer = 4; }
message ListContainerStatsResponse { repeated ContainerStats stats = 1; }
message UpdateRuntimeConfigRequest { RuntimeConfig runtimeConfig = 1; }
message RuntimeConfig { NetworkConfig networkConfig = 1; }
message NetworkConfig { string podCidr = 1; }
message ContainerEventResponse { string containerId = 1; int32 containerEventType = 2; int64 createdAt = 3; PodSandboxStatus podSandboxStatus = 4;
  repeated ContainerStatus containersStatuses = 5; }
message SubscribeRequest { repeated string filters = 1; }
message Envelope { string namespace = 2; string topic = 3; Any event = 4; }
message Any { string typeUrl = 1; bytes value = 2; }
message TaskEvent { string containerId = 1; string id = 2; }
`);

const runtime = (name: string, request: string, response: string): GrpcMethod => ({ path: `/runtime.v1.RuntimeService/${name}`, request, response }); // prettier-ignore
const image = (name: string, request: string, response: string): GrpcMethod => ({ path: `/runtime.v1.ImageService/${name}`, request, response }); // prettier-ignore
export const CRI = {
  version: runtime('Version', 'VersionRequest', 'VersionResponse'),
  status: runtime('Status', 'Empty', 'StatusResponse'),
  updateRuntimeConfig: runtime('UpdateRuntimeConfig', 'UpdateRuntimeConfigRequest', 'Empty'),
  runPodSandbox: runtime('RunPodSandbox', 'RunPodSandboxRequest', 'PodSandboxId'),
  stopPodSandbox: runtime('StopPodSandbox', 'PodSandboxId', 'Empty'),
  removePodSandbox: runtime('RemovePodSandbox', 'PodSandboxId', 'Empty'),
  podSandboxStatus: runtime('PodSandboxStatus', 'PodSandboxId', 'PodSandboxStatusResponse'),
  listPodSandbox: runtime('ListPodSandbox', 'Empty', 'ListPodSandboxResponse'),
  createContainer: runtime('CreateContainer', 'CreateContainerRequest', 'ContainerId'),
  startContainer: runtime('StartContainer', 'ContainerId', 'Empty'),
  stopContainer: runtime('StopContainer', 'StopContainerRequest', 'Empty'),
  removeContainer: runtime('RemoveContainer', 'ContainerId', 'Empty'),
  listContainers: runtime('ListContainers', 'Empty', 'ListContainersResponse'),
  containerStatus: runtime('ContainerStatus', 'ContainerId', 'ContainerStatusResponse'),
  updateContainerResources: runtime('UpdateContainerResources', 'UpdateContainerResourcesRequest', 'Empty'),
  reopenContainerLog: runtime('ReopenContainerLog', 'ContainerId', 'Empty'),
  execSync: runtime('ExecSync', 'ExecSyncRequest', 'ExecSyncResponse'),
  exec: runtime('Exec', 'ExecRequest', 'UrlResponse'),
  attach: runtime('Attach', 'AttachRequest', 'UrlResponse'),
  portForward: runtime('PortForward', 'PortForwardRequest', 'UrlResponse'),
  listContainerStats: runtime('ListContainerStats', 'Empty', 'ListContainerStatsResponse'),
  containerEvents: runtime('GetContainerEvents', 'Empty', 'ContainerEventResponse'),
  listImages: image('ListImages', 'Empty', 'ListImagesResponse'),
  imageStatus: image('ImageStatus', 'ImageRequest', 'ImageStatusResponse'),
  pullImage: image('PullImage', 'PullImageRequest', 'PullImageResponse'),
  removeImage: image('RemoveImage', 'ImageRequest', 'Empty'),
  imageFsInfo: image('ImageFsInfo', 'Empty', 'ImageFsInfoResponse'),
  /** Not of the CRI but of containerd itself, on the same socket. Source: containerd api/services/events/v1. */
  containerdEvents: { path: '/containerd.services.events.v1.Events/Subscribe', request: 'SubscribeRequest', response: 'Envelope' },
} as const satisfies Record<string, GrpcMethod>; // prettier-ignore

/** Enums. */
export const SANDBOX_READY = 0;
export const CONTAINER_STATES = ['created', 'running', 'exited', 'unknown'] as const;
export const PROTOCOLS: Readonly<Record<string, number>> = { TCP: 0, UDP: 1, SCTP: 2 };
export const NAMESPACE = { pod: 0, container: 1, node: 2, target: 3 } as const;
export const PROFILE = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export const PROPAGATION = { private: 0, hostToContainer: 1, bidirectional: 2 } as const;
