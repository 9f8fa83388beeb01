import type { ContainerImage, Node, Taint } from '../../../schemas/generated/core-v1.ts';
import { amountsOf, type Amounts, type HostPort } from '../../../schemas/helpers/pod-resources.ts';
import type { NodeIdentity } from '../../../schemas/helpers/node-affinity.ts';
import type { PodInfo } from './pod-info.ts';

let latestVersion = 0;
/** One node with what its pods take from it; kept up to date pod by pod, never recounted. */
export class NodeInfo implements NodeIdentity {
  readonly name: string;
  /** Another whenever the node or its pods are; no two nodes ever have the same. */
  version = ++latestVersion;
  /** Undefined while pods are known to sit on a node that itself is not (yet, or any more). */
  node: Node | undefined;
  labels: Readonly<Record<string, string>> = {};
  taints: readonly Taint[] = [];
  allocatable: Amounts = new Map();
  /** What the images on the node are called. */
  images: ReadonlySet<string> = new Set();
  readonly requested: Amounts = new Map();
  readonly scoredRequested: Amounts = new Map();
  readonly pods = new Map<string, PodInfo>();
  readonly ports = new Map<string, readonly HostPort[]>();

  constructor(name: string) {
    this.name = name;
  }
  setNode(node: Node | undefined): void {
    this.version = ++latestVersion;
    this.node = node;
    this.labels = node?.metadata.labels ?? {};
    this.taints = node?.spec?.taints ?? [];
    this.allocatable = amountsOf(node?.status?.allocatable);
    this.images = namesOf(node?.status?.images);
  }
  add(pod: PodInfo): void {
    this.version = ++latestVersion;
    this.pods.set(pod.uid, pod);
    change(this.requested, pod.requests, 1);
    change(this.scoredRequested, pod.scoredRequests, 1);
    if (pod.ports.length > 0) this.ports.set(pod.uid, pod.ports);
  }
  remove(uid: string): PodInfo | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    this.version = ++latestVersion;
    this.pods.delete(uid);
    this.ports.delete(uid);
    change(this.requested, pod.requests, -1);
    change(this.scoredRequested, pod.scoredRequests, -1);
    return pod;
  }
}
function change(total: Amounts, by: Amounts, sign: 1 | -1): void {
  for (const [name, n] of by) total.set(name, (total.get(name) ?? 0) + sign * n);
}
const NO_IMAGES: ReadonlySet<string> = new Set();
function namesOf(images: readonly ContainerImage[] | undefined): ReadonlySet<string> {
  return images === undefined || images.length === 0 ? NO_IMAGES : new Set(images.flatMap(({ names = [] }) => names));
}
