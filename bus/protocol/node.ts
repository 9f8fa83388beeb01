import type { Status } from '../../schemas/meta/status.ts';

/** What the API server asks of the agent of one node, by session on `kubus.v1.node.<node>.<op>`. */

/** Op `logs`: frames of the session are the bytes of the log; it ends with the log, or with `follow` when the container does. */
export interface LogRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly container: string;
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  readonly sinceSeconds?: number;
  readonly sinceTime?: string;
}

/**
 * Op `http`: a request to the kubelet's own interface (`/healthz`, `/pods`, `/stats/summary`, ...). As a request it
 * asks who is there (NodePresence). As a session: the first frame is the head of the answer, the others are its body.
 */
export interface NodeRequest {
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
}
export interface NodePresence {
  /** Whether the addresses of its pods are those of a network, and not only said. */
  readonly reachable: boolean;
}
export interface NodeAnswerHead {
  readonly status: number;
  readonly headers: readonly string[];
}

/**
 * Op `portforward`: a connection to a TCP port of a pod, served by nodes whose pods have no network; frames as
 * `bus/session-stream.ts` has them. Refused (BadRequest) where nothing listens.
 */
export interface PortForwardRequest {
  readonly namespace: string;
  readonly name: string;
  /** The pod that had this address, and not one of the same name that came after it. */
  readonly ip?: string | undefined;
  readonly port: number;
}

/**
 * Op `exec`: a session that is a process in a running container, begun when the session is accepted. Frames to the node are
 * StreamInput, frames from it StreamOutput; what had come by then is read before the end. Closing the session leaves the
 * process without anybody who reads or writes.
 */
export interface ExecRequest extends AttachRequest {
  readonly command: readonly string[];
}
/** Op `attach`: the same with the container's own process, which goes on when the session is closed. */
export interface AttachRequest {
  readonly namespace: string;
  readonly name: string;
  /** undefined: whichever pod has the name. */
  readonly uid?: string | undefined;
  readonly container: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}
export const STREAM = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const;
/** null in place of bytes: the client has closed its end of stdin. */
export type StreamInput =
  | readonly [channel: typeof STREAM.stdin, bytes: Uint8Array | null]
  | readonly [channel: typeof STREAM.resize, size: TerminalSize];
/** The last frame says how it went: a Status whose causes have the exit code. */
export type StreamOutput =
  | readonly [channel: typeof STREAM.stdout | typeof STREAM.stderr, bytes: Uint8Array]
  | readonly [channel: typeof STREAM.status, status: StreamStatus];
export interface TerminalSize {
  readonly width: number;
  readonly height: number;
}
/** Source: cri-streaming pkg/streaming/remotecommand streamStatus. */
export type StreamStatus = Pick<Status, 'status'> & Partial<Omit<Status, 'reason'>> & { readonly reason?: string };

/**
 * Op `dial`: a connection to a TCP port as processes of the pod reach it on their loopback, frames as
 * `bus/session-stream.ts` has them. It ends with a Status if nothing listens there.
 * As a request, whose port nobody looks at, it asks whether the pod runs.
 */
export interface DialRequest {
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string | undefined;
  readonly port: number;
}

/**
 * Op `stats`: a request for what `/stats/summary` shows, whose answer this is.
 * Source: kubelet pkg/apis/stats/v1alpha1 Summary.
 */
export interface StatsSummary {
  readonly node: {
    readonly nodeName: string;
    /** Of machines: the groups in which their pods, and their agents, are. */
    readonly systemContainers?: readonly ContainerStats[];
    readonly startTime: string;
    readonly cpu: CpuStats;
    readonly memory: MemoryStats;
    readonly network?: NetworkStats;
    /** The disk of volumes and logs. */
    readonly fs?: FsStats;
    readonly runtime?: { readonly imageFs?: FsStats; readonly containerFs?: FsStats };
    readonly rlimit?: { readonly time: string; readonly maxpid: number; readonly curproc: number };
  };
  /** Those of which a container runs. */
  readonly pods: readonly PodStats[];
}
export interface PodStats {
  readonly podRef: { readonly name: string; readonly namespace: string; readonly uid: string };
  readonly startTime: string;
  readonly containers: readonly ContainerStats[];
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  readonly network?: NetworkStats;
  readonly volume?: readonly VolumeStats[];
  /** Writable layers, logs and emptyDirs on disk together. */
  readonly 'ephemeral-storage'?: FsStats;
  readonly process_stats?: { readonly process_count: number };
}
export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
  /** The writable layer. */
  readonly rootfs?: FsStats;
  readonly logs?: FsStats;
}
export interface FsStats {
  readonly time: string;
  readonly availableBytes: number;
  readonly capacityBytes: number;
  readonly usedBytes: number;
  readonly inodesFree?: number;
  readonly inodes?: number;
  readonly inodesUsed?: number;
}
export interface VolumeStats extends FsStats {
  readonly name: string;
  readonly pvcRef?: { readonly name: string; readonly namespace: string };
  readonly volumeHealthStats?: { readonly abnormal: boolean };
}
export interface InterfaceStats {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxErrors: number;
  readonly txBytes: number;
  readonly txErrors: number;
}
/** Those of the default interface, and all. */
export interface NetworkStats extends InterfaceStats {
  readonly time: string;
  readonly interfaces: readonly InterfaceStats[];
}
export interface CpuStats {
  readonly time: string;
  /** Averaged over some ten seconds. */
  readonly usageNanoCores: number;
  /** Since it was started; never decreases. */
  readonly usageCoreNanoSeconds: number;
}
export interface MemoryStats {
  readonly time: string;
  /** Of its limit, where it has one. */
  readonly availableBytes?: number;
  readonly usageBytes: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly pageFaults?: number;
  readonly majorPageFaults?: number;
}

/**
 * How long the other end of a session with a node may be too busy to show a sign of life, ms: what runs there cannot go on
 * elsewhere. A node that has gone is noticed in half a second all the same.
 */
export const NODE_SILENCE_MS = 10_000;

/**
 * Op `load`: an archive of images (OCI, or of `docker save`) for the node; frames of the caller are its bytes, the one
 * frame of the node a LoadAnswer.
 */
export interface LoadRequest {
  readonly bytes: number;
  /** As the archive names its images. */
  readonly names: readonly string[];
}
export interface LoadAnswer {
  /** Full names, as pods may name them. */
  readonly images: readonly string[];
}

/** Op `volumes`: the folder of a local volume goes. Refused (Conflict) while a pod has it; where there is none, nothing happens. */
export interface VolumesRequest {
  readonly remove: string;
}
