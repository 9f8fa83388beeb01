import type { Duplex } from 'node:stream';
import type { StreamStatus, TerminalSize } from '../../bus/protocol/node.ts';
import type { Container, LifecycleHandler, Pod, Probe } from '../../schemas/generated/core-v1.ts';

/**
 * What a kubelet needs of whatever runs containers, shaped after the Container Runtime Interface. Methods reject with
 * RuntimeError; an aborted signal with its reason. Ids are opaque; `containerID` of the API is `<name>://<id>`.
 * Source: k8s.io/cri-api runtime/v1.
 */
export interface ContainerRuntime {
  /** As in node status and container ids: `containerd`. */
  readonly name: string;
  readonly version: string;
  /** Whether the addresses of its pods are those of a network, and not only said. */
  readonly reachable: boolean;
  /** Range that pod addresses are taken from; called once the node has one. */
  setPodCIDR(cidr: string): void;

  runPodSandbox(pod: Pod, signal: AbortSignal): Promise<Sandbox>;
  /** Kills what still runs in it, at once, and gives its address back; ended containers and their logs stay. */
  stopPodSandbox(sandbox: string): Promise<void>;
  removePodSandbox(sandbox: string): Promise<void>;

  /** The image if the node is known to have it. */
  imageStatus(image: string): Image | undefined;
  /** Asks the runtime itself. undefined: `imageStatus` knows all. */
  readonly findImage?: (image: string) => Promise<Image | undefined>;
  pullImage(image: string, pod: Pod, container: Container, signal: AbortSignal): Promise<Image>;
  /** Whether a pod may use an image that the node has without pulling it. undefined: always. */
  readonly mayUse?: (image: string, pod: Pod, signal: AbortSignal) => Promise<boolean>;
  images(): readonly Image[];
  /** Takes the images of an archive that is known to hold these names. Resolves with their full names. */
  loadImages(
    archive: AsyncIterable<Uint8Array>,
    about: { readonly names: readonly string[] },
    signal: AbortSignal,
  ): Promise<readonly string[]>;

  /** So much begins at once that what can wait should. undefined: never. */
  readonly isBusy?: (() => boolean) | undefined;
  createContainer(sandbox: string, config: ContainerConfig, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Asks the container to end and kills it after the grace; resolves when it has ended. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string, options?: { readonly keepsLogs?: boolean }): Promise<void>;
  /** The pod and these of its running containers may use what they now say. undefined: nothing holds them to it. */
  readonly resize?: (pod: Pod, containers: readonly { readonly id: string; readonly container: Container }[]) => Promise<void>; // prettier-ignore
  containerStatus(id: string): RuntimeStatus | undefined;
  /** What a running container uses; the pod as it is now. undefined: it does not run. */
  usage(id: string, pod: Pod): RuntimeUsage | undefined;
  /** Working sets of those of these containers that run, bytes, where `usage` cannot tell without asking. */
  readonly memoryOf?: (ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, number>>;
  /** Ids of the pod's containers, newest last. */
  containersOf(podUid: string): readonly string[];
  /** Hears of each container that ended, whatever ended it. */
  onExit(listener: (id: string) => void): () => void;
  /** Hears of pods whose sandbox has died or is gone without having been stopped. undefined: that does not happen. */
  readonly onSandboxChange?: (listener: (podUid: string) => void) => () => void;

  /** Rejects if the hook fails. */
  runHook(id: string, kind: 'postStart' | 'preStop', hook: LifecycleHandler, signal: AbortSignal): Promise<void>;
  probe(id: string, kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
  /** Takes up again what a kubelet before this one left behind, dead or not; undefined if there is nothing. */
  adopt(pod: Pod): Sandbox | undefined;
  /** Removes all that is left of a pod. undefined: its sandbox is all there can be. */
  readonly removePod?: (podUid: string) => Promise<void>;
  /** Ends and removes what belongs to no known pod any more. undefined: there can be nothing. */
  readonly sweep?: (isKnown: (podUid: string) => boolean) => Promise<void>;

  /** Lines written by a container, from the first; ends with the container unless `follow`. */
  logs(id: string, options: LogOptions): AsyncIterable<LogLine>;
  /**
   * What listens on a TCP port of the pod: it is handed a connection. undefined: nothing does. A runtime whose pods have a
   * network has no such method: they are dialled.
   */
  readonly listener?: (podUid: string, port: number) => ((stream: Duplex) => void) | undefined;
  /** Where a container's log is, in the format of the CRI. A runtime that keeps no files has no such method: it is asked by `logs`. */
  readonly logFile?: ((id: string) => string | undefined) | undefined;
  /** Its log was moved away. */
  readonly reopenLog?: ((id: string) => Promise<void>) | undefined;
  /** What it can do for a pod. Rejects where it cannot say. undefined: nothing out of the ordinary. */
  readonly abilitiesOf?: ((pod: Pod, signal: AbortSignal) => Promise<RuntimeAbilities>) | undefined;
  /** Reaches into containers and pods. undefined: this runtime cannot. */
  readonly streaming?: ContainerStreaming | undefined;
  close(): void;
}
/** Source: cri-api RuntimeHandlerFeatures. */
export interface RuntimeAbilities {
  /** All of a mount is read-only, and not only its top. */
  readonly recursiveReadOnlyMounts: boolean;
  readonly userNamespaces: boolean;
}
/** Source: cri-api Exec, Attach, PortForward, each with the connection that its URL leads to. */
export interface ContainerStreaming {
  /** Begins a process in a running container. */
  exec(id: string, request: ExecOptions, signal: AbortSignal): Promise<RemoteProcess>;
  /** The container's own process, from now on. */
  attach(id: string, request: StreamOptions, signal: AbortSignal): Promise<RemoteProcess>;
  /** A connection to a port on the pod's loopback; it breaks with the runtime's own text where nothing listens. */
  portForward(sandbox: string, podUid: string, port: number, signal: AbortSignal): Promise<Duplex>;
}
export interface StreamOptions {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}
export interface ExecOptions extends StreamOptions {
  readonly command: readonly string[];
}
/** A process and who holds its ends. */
export interface RemoteProcess {
  /** Resolves when more may be written. */
  write(bytes: Uint8Array): Promise<void>;
  /** Nothing more will be written. */
  endInput(): void;
  resize(size: TerminalSize): void;
  /** In order; a slow reader slows the process down. Ends when both outputs have. One reader. */
  readonly output: AsyncIterable<{ readonly stream: 'stdout' | 'stderr'; readonly bytes: Uint8Array }>;
  /** How it went. */
  readonly ended: Promise<StreamStatus>;
  /** Lets go of it. */
  close(): void;
}
export interface Sandbox {
  readonly id: string;
  /** undefined for pods in the host's network. */
  readonly ip: string | undefined;
  /** All of them, that one first, where there is more than one. */
  readonly ips?: readonly string[];
  /** It must be replaced by another. */
  readonly isDead?: boolean;
}
export interface Image {
  /** Digest reference, as containerStatuses[].imageID has it. */
  readonly id: string;
  /** Full name with tag, as containerStatuses[].image has it. */
  readonly name: string;
  readonly sizeBytes: number;
}
export interface ContainerConfig {
  readonly pod: Pod;
  readonly container: Container;
  /** 0 for the first run. */
  readonly attempt: number;
  /** Container whose processes an ephemeral one is to see. */
  readonly target?: string | undefined;
}
/** Times in ms since the epoch. */
export interface RuntimeStatus {
  readonly id: string;
  readonly state: 'created' | 'running' | 'exited';
  readonly startedAt: number;
  readonly finishedAt: number;
  readonly exitCode: number;
  /** `Completed`, `Error`, `OOMKilled`, ... */
  readonly reason: string;
  readonly message: string;
  /** What only a runtime of real containers has to say. */
  readonly details?: RuntimeDetails;
}
/** Source: cri-api ContainerStatus. */
export interface RuntimeDetails {
  /** Of the container in its pod. */
  readonly name: string;
  readonly sandbox: string;
  /** 0 for the first run. */
  readonly attempt: number;
  /** Of what it was made from; see runtime/cri/labels.ts. */
  readonly hash: string | undefined;
  readonly image: string;
  readonly imageID: string;
  /** Path on the node. */
  readonly logPath: string;
  readonly resources?: { readonly cpuPeriod: number; readonly cpuQuota: number; readonly cpuShares: number; readonly memoryLimitInBytes: number } | undefined;
  /** Paths in it at which nothing can be written, however deep. */
  readonly recursiveReadOnly?: readonly string[] | undefined;
  readonly user?: { readonly uid: number; readonly gid: number; readonly supplementalGroups: readonly number[] } | undefined;
} // prettier-ignore
/** Source: cri-api ContainerStats. */
export interface RuntimeUsage {
  /** Averaged over some ten seconds. */
  readonly nanoCores: number;
  /** Since it was started. */
  readonly coreNanoSeconds: number;
  /** Working set. */
  readonly memoryBytes: number;
}
export type ProbeKind = 'startup' | 'readiness' | 'liveness';
export interface ProbeResult {
  readonly success: boolean;
  /** Though it is a success, an event tells of it. */
  readonly warning?: boolean | undefined;
  /** What an Unhealthy event quotes. */
  readonly output: string;
}
export interface LogLine {
  readonly time: number;
  readonly stream: 'stdout' | 'stderr';
  readonly text: string;
}
export interface LogOptions {
  readonly follow?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Why a runtime could not do something; `reason` is the container's waiting reason (ErrImagePull, CreateContainerError, ...). */
export class RuntimeError extends Error {
  override readonly name = 'RuntimeError';
  readonly reason: string;
  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}
export const runtimeReason = (error: unknown): string | undefined =>
  (error as { name?: string } | undefined)?.name === 'RuntimeError' ? (error as RuntimeError).reason : undefined;
