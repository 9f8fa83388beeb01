import type { LoadBalancerStatus, Node, NodeAddress, Service } from '../../schemas/generated/core-v1.ts';

/**
 * A cloud as the cloud controllers see it. A part that is missing is not supported, and its controller does not run. Every
 * call may reject, and should when `signal` is aborted; who does not is left behind. Source: k8s.io/cloud-provider cloud.go.
 */
export interface CloudProvider {
  /** Begins its provider IDs: `local://node-1`. */
  readonly name: string;
  readonly instances?: Instances | undefined;
  readonly loadBalancers?: LoadBalancers | undefined;
  readonly routes?: Routes | undefined;
  stop(): Promise<void>;
}

export interface InstanceMetadata {
  /** `<provider>://<instance>`; empty only where the Node has one already. */
  readonly providerID: string;
  readonly instanceType?: string | undefined;
  readonly addresses: readonly NodeAddress[];
  readonly zone?: string | undefined;
  readonly region?: string | undefined;
  /** Never in a namespace of Kubernetes, and never instead of what the Node has. */
  readonly additionalLabels?: Readonly<Record<string, string>> | undefined;
}
export interface Instances {
  /** false: the Node is deleted. True of instances that are shut down. */
  exists(node: Node, signal: AbortSignal): Promise<boolean>;
  isShutdown(node: Node, signal: AbortSignal): Promise<boolean>;
  /** undefined: nothing is known yet, and the Node is left as it is. */
  metadata(node: Node, signal: AbortSignal): Promise<InstanceMetadata | undefined>;
}
/** Its methods take a Service and Nodes of a cache: never change one. */
export interface LoadBalancers {
  get(service: Service, signal: AbortSignal): Promise<LoadBalancerStatus | undefined>;
  /** Makes it, or makes it as the Service wants it now. */
  ensure(service: Service, nodes: readonly Node[], signal: AbortSignal): Promise<LoadBalancerStatus>;
  /** Other nodes are behind it. */
  update(service: Service, nodes: readonly Node[], signal: AbortSignal): Promise<void>;
  /** Also where there is none, or a part of one. */
  remove(service: Service, signal: AbortSignal): Promise<void>;
  /** This replica leads from now on, or no longer: which others made may be served by who leads alone. */
  lead?(leads: boolean): Promise<void>;
}
export interface Route {
  /** As the cloud names it; empty of one that is to be made. */
  readonly name: string;
  readonly targetNode: string;
  /** Where the cloud keeps them: it is made anew when the node has others. */
  readonly targetAddresses?: readonly NodeAddress[] | undefined;
  readonly destination: string;
  /** Leads nowhere, and is removed. */
  readonly isBlackhole?: boolean | undefined;
}
export interface Routes {
  list(signal: AbortSignal): Promise<readonly Route[]>;
  /** `hint`: something of which a name can be made. */
  create(route: Route, hint: string, signal: AbortSignal): Promise<void>;
  /** `route` as `list` told it. */
  remove(route: Route, signal: AbortSignal): Promise<void>;
}

/** Thrown where somebody else does the work: no failure. */
export class ImplementedElsewhere extends Error {
  constructor() {
    super('implemented by alternate to cloud provider');
  }
}
/** Thrown by a cloud that is not done yet: it is asked again after this time, whatever failed before. */
export class RetryLater extends Error {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message);
    this.afterMs = afterMs;
  }
}
