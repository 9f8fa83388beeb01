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
 * Op `stats`: a request for what `/stats/summary` shows, whose answer this is.
 * Source: kubelet pkg/apis/stats/v1alpha1 Summary.
 */
export interface StatsSummary {
  readonly node: {
    readonly nodeName: string;
    readonly startTime: string;
    readonly cpu: CpuStats;
    readonly memory: MemoryStats;
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
}
export interface ContainerStats {
  readonly name: string;
  readonly startTime: string;
  readonly cpu: CpuStats;
  readonly memory: MemoryStats;
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
}
