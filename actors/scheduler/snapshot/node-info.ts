import type { Node, Taint } from '../../../schemas/generated/core-v1.ts';
import { amountsOf, type Amounts, type HostPort } from '../../../schemas/helpers/pod-resources.ts';
import type { NodeIdentity } from '../../../schemas/helpers/node-affinity.ts';
import { hasAffinity, type PodInfo } from './pod-info.ts';

/** One node with what its pods take from it; kept up to date pod by pod, never recounted. */
export class NodeInfo implements NodeIdentity {
  readonly name: string;
  /** Undefined while pods are known to sit on a node that itself is not (yet, or any more). */
  node: Node | undefined;
  labels: Readonly<Record<string, string>> = {};
  taints: readonly Taint[] = [];
  allocatable: Amounts = new Map();
  /** Bytes of the images on the node by every name they go by. */
  images: ReadonlyMap<string, number> = new Map();
  readonly requested: Amounts = new Map();
  readonly scoredRequested: Amounts = new Map();
  readonly pods = new Map<string, PodInfo>();
  readonly podsWithAffinity = new Map<string, PodInfo>();
  readonly podsWithAntiAffinity = new Map<string, PodInfo>();
  readonly ports = new Map<string, readonly HostPort[]>();

  constructor(name: string) {
    this.name = name;
  }
  setNode(node: Node | undefined): void {
    this.node = node;
    this.labels = node?.metadata.labels ?? {};
    this.taints = node?.spec?.taints ?? [];
    this.allocatable = amountsOf(node?.status?.allocatable);
    this.images = new Map(
      node?.status?.images?.flatMap((image) =>
        (image.names ?? []).map((name) => [name, image.sizeBytes ?? 0] as const),
      ),
    );
  }
  add(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    change(this.requested, pod.requests, 1);
    change(this.scoredRequested, pod.scoredRequests, 1);
    if (pod.ports.length > 0) this.ports.set(pod.uid, pod.ports);
    if (hasAffinity(pod)) this.podsWithAffinity.set(pod.uid, pod);
    if (pod.antiAffinity.length > 0) this.podsWithAntiAffinity.set(pod.uid, pod);
  }
  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    this.pods.delete(uid);
    this.ports.delete(uid);
    this.podsWithAffinity.delete(uid);
    this.podsWithAntiAffinity.delete(uid);
    change(this.requested, pod.requests, -1);
    change(this.scoredRequested, pod.scoredRequests, -1);
    return pod;
  }
}
function change(total: Amounts, by: Amounts, sign: 1 | -1): void {
  for (const [name, n] of by) total.set(name, (total.get(name) ?? 0) + sign * n);
}
