import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Labels, Matcher } from '../../../schemas/helpers/label-match.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { ImageTable, type ImageState } from './image-table.ts';
import { NodeInfo } from './node-info.ts';
import { hasAffinity, type AffinityTerm, type PodInfo } from './pod-info.ts';
import { countPods, SelectorCounts, type Counted } from './selector-counts.ts';
import { TermTable } from './term-table.ts';
import { domainIn, nameOfDomains, Topologies, type Topology } from './topologies.ts';

/**
 * The cluster as the scheduler believes it to be: what the watches say plus the pods it has assumed onto nodes whose
 * binding is under way. One thread changes and reads it, so it is updated in place and never copied.
 */
export class Snapshot {
  readonly #nodes = new Map<string, NodeInfo>();
  /** Known nodes, zones interleaved; rebuilt lazily. */
  #order: readonly NodeInfo[] | undefined;
  /** Node of each placed pod. */
  readonly #placed = new Map<string, NodeInfo>();
  readonly #assumed = new Set<string>();
  /** What the pods that are there say of others. */
  readonly terms = {
    affinity: new TermTable(),
    antiAffinity: new TermTable(),
    preferredAffinity: new TermTable(),
    preferredAntiAffinity: new TermTable(),
  } as const;
  readonly #counts = new SelectorCounts();
  readonly #topologies = new Topologies();
  /** Of pods that were leaving anyway: those that are thought away now, with their node. */
  readonly leavingAway = new Map<PodInfo, NodeInfo>();
  #supposing = 0;
  readonly #images = new ImageTable();
  /** How many pods name a claim, by namespace and name. */
  readonly #claimUsers = new Map<string, number>();
  /** Labels of a namespace, for terms that select namespaces. */
  readonly namespaceLabels: (namespace: string) => Labels;
  /** Pods that were promised a node after preemption, by node. */
  readonly nominated = new Map<string, Map<string, PodInfo>>();

  constructor(namespaceLabels: (namespace: string) => Labels = () => undefined) {
    this.namespaceLabels = namespaceLabels;
  }
  get nodes(): readonly NodeInfo[] {
    return (this.#order ??= interleaveZones([...this.#nodes.values()].filter((n) => n.node !== undefined)));
  }
  sizes(): { readonly assumed_pods: number; readonly nodes: number; readonly pods: number } {
    return { assumed_pods: this.#assumed.size, nodes: this.nodes.length, pods: this.#placed.size };
  }
  get(name: string): NodeInfo | undefined {
    const info = this.#nodes.get(name);
    return info?.node === undefined ? undefined : info;
  }
  setNode(node: Node): void {
    const info = this.#info(node.metadata.name ?? '');
    const zone = zoneOf(info);
    const fresh = info.node === undefined;
    this.#images.remove(info.images);
    this.#relabel(info, node);
    this.#images.add(node.status?.images);
    if (fresh || zoneOf(info) !== zone) this.#order = undefined;
  }
  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (info === undefined) return;
    this.#images.remove(info.images);
    this.#relabel(info, undefined);
    this.#order = undefined;
    if (info.pods.size === 0) this.#nodes.delete(name);
  }
  /** Domains of nodes, and whether all nodes are in one; see `domainIn`. */
  topology(topologyKey: string, keys: readonly string[] | undefined): Topology {
    return this.#topologies.get(topologyKey, keys, this.nodes);
  }
  /** A pod that the API says is on a node; replaces what was assumed or known of it. */
  setPod(pod: PodInfo, node: string): void {
    this.removePod(pod.uid);
    this.#place(pod, node);
  }
  removePod(uid: string): void {
    this.#assumed.delete(uid);
    const info = this.#placed.get(uid);
    if (info === undefined) return;
    this.#placed.delete(uid);
    const pod = info.remove(uid)!;
    if (this.#supposing > 0 && pod.terminating) this.leavingAway.set(pod, info);
    this.#noteClaims(pod, -1);
    this.#notePod(pod, info, -1);
    if (info.pods.size === 0 && info.node === undefined) this.#nodes.delete(info.name);
  }
  /** Counts a pod as on `node` before the API has confirmed it; undone by `forget`, confirmed by `setPod`. */
  assume(pod: PodInfo, node: string): void {
    this.setPod(pod, node);
    this.#assumed.add(pod.uid);
  }
  forget(uid: string): void {
    if (this.#assumed.has(uid)) this.removePod(uid);
  }
  isAssumed(uid: string): boolean {
    return this.#assumed.has(uid);
  }
  /** The pod that was assumed is there, and no other than it was believed to be. */
  confirm(uid: string): void {
    this.#assumed.delete(uid);
  }
  infoOf(uid: string): PodInfo | undefined {
    return this.#placed.get(uid)?.pods.get(uid);
  }
  nodeOf(uid: string): string | undefined {
    return this.#placed.get(uid)?.name;
  }
  /** Pods per node that `matches` in `namespace`, but for those that are leaving; `key` names the selector. */
  countPods(namespace: string, key: string, matches: Matcher): Counted {
    const accepts = countable(namespace, matches);
    const question = { key: `spread\n${namespace}\n${key}`, accepts, valueOf: nameOf };
    return this.#counts.get(question, this.#nodes.values());
  }
  /** The same per domain, see `domainIn`. */
  countPodsIn(
    namespace: string,
    key: string,
    matches: Matcher,
    topologyKey: string,
    keys: readonly string[] | undefined,
  ): Counted {
    const question = {
      key: `domains\n${nameOfDomains(topologyKey, keys)}\n${namespace}\n${key}`,
      accepts: countable(namespace, matches),
      valueOf: domainIn(topologyKey, keys),
    };
    return this.#counts.get(question, this.#nodes.values());
  }
  /** Pods that all of the terms speak of, by their nodes' values of a label. */
  countMatched(terms: readonly AffinityTerm[], topologyKey: string): Counted {
    const accepts = (pod: PodInfo): boolean => {
      for (const term of terms)
        if (!term.matches(pod.labels, pod.namespace, this.namespaceLabels(pod.namespace))) return false;
      return true;
    };
    // What namespaces are labelled with may change, which nobody counts anew.
    const valueOf = ({ labels }: NodeInfo): string | undefined => labels[topologyKey];
    if (terms.some((term) => term.selectsNamespaces)) return countPods({ accepts, valueOf }, this.#nodes.values());
    const key = `${topologyKey}\n${terms.length === 1 ? terms[0]!.key : terms.map((term) => term.key).join('\n')}`;
    return this.#counts.get({ key, accepts, valueOf }, this.#nodes.values());
  }
  /** undefined: the image is on no node. */
  image(name: string): ImageState | undefined {
    return this.#images.get(name);
  }
  /** Whether a pod on some node names the claim. */
  isClaimUsed(namespace: string, name: string): boolean {
    return this.#claimUsers.has(`${namespace}/${name}`);
  }
  /** Runs `fn` as if `pods` were not (or were) on `node`. */
  without<T>(pods: readonly PodInfo[], node: string, fn: () => T): T {
    const assumed = pods.map((pod) => this.#assumed.has(pod.uid));
    this.#supposing++;
    for (const pod of pods) this.removePod(pod.uid);
    try {
      return fn();
    } finally {
      pods.forEach((pod, i) => (assumed[i] ? this.assume(pod, node) : this.setPod(pod, node)));
      this.#supposing--;
    }
  }
  with<T>(pods: readonly PodInfo[], node: string, fn: () => T): T {
    const added = pods.filter((pod) => !this.#placed.has(pod.uid));
    for (const pod of added) this.#place(pod, node);
    try {
      return fn();
    } finally {
      for (const pod of added) this.removePod(pod.uid);
    }
  }
  nominate(pod: PodInfo, node: string): void {
    this.denominate(pod.uid);
    const there = this.nominated.get(node) ?? new Map<string, PodInfo>();
    this.nominated.set(node, there.set(pod.uid, pod));
  }
  nominatedNodeOf(uid: string): string | undefined {
    for (const [node, pods] of this.nominated) if (pods.has(uid)) return node;
    return undefined;
  }
  denominate(uid: string): void {
    for (const [node, pods] of this.nominated) if (pods.delete(uid) && pods.size === 0) this.nominated.delete(node);
  }
  #place(pod: PodInfo, node: string): void {
    const info = this.#info(node);
    info.add(pod);
    this.#noteClaims(pod, 1);
    this.#placed.set(pod.uid, info);
    if (pod.terminating) this.leavingAway.delete(pod);
    this.#notePod(pod, info, 1);
  }
  /** Pods are counted by what their nodes are labelled with. */
  #relabel(info: NodeInfo, node: Node | undefined): void {
    const isElsewhere =
      (info.node === undefined) !== (node === undefined) || !equal(info.labels, node?.metadata.labels ?? {});
    if (isElsewhere) this.#topologies.changed();
    const isAnother = isElsewhere && info.pods.size > 0;
    if (isAnother) for (const pod of info.pods.values()) this.#notePod(pod, info, -1);
    info.setNode(node);
    if (isAnother) for (const pod of info.pods.values()) this.#notePod(pod, info, 1);
  }
  #notePod(pod: PodInfo, node: NodeInfo, by: 1 | -1): void {
    this.#counts.note(node, pod, by);
    if (!hasAffinity(pod)) return;
    const { affinity, antiAffinity, preferredAffinity, preferredAntiAffinity } = this.terms;
    affinity.note(pod.affinity, node, by);
    antiAffinity.note(pod.antiAffinity, node, by);
    preferredAffinity.note(pod.preferredAffinity, node, by);
    preferredAntiAffinity.note(pod.preferredAntiAffinity, node, by);
  }
  #noteClaims(pod: PodInfo, by: 1 | -1): void {
    for (const name of pod.claims) {
      const key = `${pod.namespace}/${name}`;
      const users = (this.#claimUsers.get(key) ?? 0) + by;
      if (users === 0) this.#claimUsers.delete(key);
      else this.#claimUsers.set(key, users);
    }
  }
  #info(name: string): NodeInfo {
    let info = this.#nodes.get(name);
    if (info === undefined) this.#nodes.set(name, (info = new NodeInfo(name)));
    return info;
  }
}
const nameOf = ({ name }: NodeInfo): string => name;
const countable =
  (namespace: string, matches: Matcher) =>
  (pod: PodInfo): boolean =>
    pod.namespace === namespace && !pod.terminating && matches(pod.labels);
const zoneOf = (node: NodeInfo): string =>
  `${node.labels['topology.kubernetes.io/region'] ?? ''}/${node.labels['topology.kubernetes.io/zone'] ?? ''}`;

/** One node of each zone in turn, so that a search cut short has seen all zones. Source: scheduler cache node_tree.go. */
function interleaveZones(nodes: readonly NodeInfo[]): readonly NodeInfo[] {
  const zones = [...Map.groupBy(nodes, zoneOf).values()];
  if (zones.length <= 1) return nodes;
  const out: NodeInfo[] = [];
  for (let i = 0; out.length < nodes.length; i++) for (const zone of zones) if (i < zone.length) out.push(zone[i]!);
  return out;
}
