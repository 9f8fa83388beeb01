import type { Duplex } from 'node:stream';
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

  /** The image if the node has it. */
  imageStatus(image: string): Image | undefined;
  pullImage(image: string, pod: Pod, container: Container, signal: AbortSignal): Promise<Image>;
  images(): readonly Image[];

  createContainer(sandbox: string, config: ContainerConfig, signal: AbortSignal): Promise<string>;
  startContainer(id: string, signal: AbortSignal): Promise<void>;
  /** Asks the container to end and kills it after the grace; resolves when it has ended. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): RuntimeStatus | undefined;
  /** What a running container uses; the pod as it is now. undefined: it does not run. */
  usage(id: string, pod: Pod): RuntimeUsage | undefined;
  /** Ids of the pod's containers, newest last. */
  containersOf(podUid: string): readonly string[];
  /** Hears of each container that ended, whatever ended it. */
  onExit(listener: (id: string) => void): () => void;

  /** Rejects if the hook fails. */
  runHook(id: string, kind: 'postStart' | 'preStop', hook: LifecycleHandler, signal: AbortSignal): Promise<void>;
  probe(id: string, kind: ProbeKind, probe: Probe, signal: AbortSignal): Promise<ProbeResult>;
  /** Takes up again what a kubelet before this one left behind; undefined if there is nothing. */
  adopt(pod: Pod): Sandbox | undefined;

  /** Lines written by a container, from the first; ends with the container unless `follow`. */
  logs(id: string, options: LogOptions): AsyncIterable<LogLine>;
  /**
   * What listens on a TCP port of the pod: it is handed a connection. undefined: nothing does. A runtime whose pods have a
   * network has no such method: they are dialled.
   */
  readonly listener?: (podUid: string, port: number) => ((stream: Duplex) => void) | undefined;
  close(): void;
}
export interface Sandbox {
  readonly id: string;
  /** undefined for pods in the host's network. */
  readonly ip: string | undefined;
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
}
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
