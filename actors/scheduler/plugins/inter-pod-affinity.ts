import type { NodeInfo } from '../snapshot/node-info.ts';
import type { AffinityTerm, PodInfo } from '../snapshot/pod-info.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { TermTable } from '../snapshot/term-table.ts';
import type { InterPodAffinityArgs } from './args.ts';
import { MAX_SCORE, rejection, type Cycle, type FilterPlugin, type Rejection, type ScorePlugin } from './plugin.ts';

const NAME = 'InterPodAffinity';
const NO_FRIEND = rejection(NAME, "node(s) didn't match pod affinity rules");
const FOE = rejection(NAME, "node(s) didn't match pod anti-affinity rules", true);
const UNWANTED = rejection(NAME, "node(s) didn't satisfy existing pods anti-affinity rules", true);
/** Source: InterPodAffinityArgs.HardPodAffinityWeight default. */
const HARD_AFFINITY_WEIGHT = 1;

/** Sums by topology key, then by that key's value. */
type Topology = Map<string, Map<string, number>>;
function note(counts: Topology, key: string, node: NodeInfo, by: number): void {
  const value = node.labels[key];
  if (value === undefined) return;
  let values = counts.get(key);
  if (values === undefined) counts.set(key, (values = new Map()));
  values.set(value, (values.get(value) ?? 0) + by);
}
/** `counts` by the names of nodes, for several keys. */
function noteAll(
  snapshot: Snapshot,
  into: Topology,
  counts: ReadonlyMap<string, number>,
  keys: readonly string[],
  weight = 1,
): void {
  for (const [name, n] of counts) {
    const node = snapshot.get(name);
    if (node !== undefined) for (const key of keys) note(into, key, node, n * weight);
  }
}
const countAt = (counts: Topology, key: string, node: NodeInfo): number =>
  counts.get(key)?.get(node.labels[key] ?? '\0') ?? 0;

/** Pods that must, must not, would like or would rather not share a topology domain with other pods. */
export const interPodAffinity = (args: InterPodAffinityArgs = {}): FilterPlugin & ScorePlugin => ({
  name: NAME,
  dependsOnPods: true,
  prepare: (cycle) => {
    const { pod, snapshot } = cycle;
    const unwanted = refusals(cycle);
    if (unwanted.size === 0 && pod.affinity.length === 0 && pod.antiAffinity.length === 0) return 'skip';
    const friends: Topology = new Map();
    const foes: Topology = new Map();
    if (pod.affinity.length > 0)
      noteAll(snapshot, friends, snapshot.countMatched(pod.affinity), pod.affinity.map((term) => term.topologyKey)); // prettier-ignore
    for (const term of pod.antiAffinity) noteAll(snapshot, foes, snapshot.countMatched([term]), [term.topologyKey]);
    const ownLabels = snapshot.namespaceLabels(pod.namespace);
    const isOwnFriend = pod.affinity.every((term) => term.matches(pod.labels, pod.namespace, ownLabels));
    return { filter: (node) => judge(pod, node, friends, foes, unwanted, isOwnFriend) };
  },
  hint: (event, pod) => {
    switch (event.type) {
      case 'node.added':
        return true;
      case 'node.updated':
        return changedLabels(event.old.metadata.labels, event.node.labels);
      case 'pod.assigned':
      case 'pod.relabelled':
        return (
          pod.affinity.some((t) => t.matches(event.pod.labels, event.pod.namespace, undefined)) ||
          (event.type === 'pod.relabelled' && (pod.antiAffinity.length > 0 || event.old.antiAffinity.length > 0))
        );
      case 'pod.released':
        return pod.antiAffinity.length > 0 || event.pod.antiAffinity.length > 0;
      case 'namespace.relabelled':
        return true;
      default:
        return false;
    }
  },
  prepareScore: ({ pod, snapshot }) => {
    const prefers = pod.preferredAffinity.length > 0 || pod.preferredAntiAffinity.length > 0;
    if (!prefers && args.ignorePreferredTermsOfExistingPods === true) return undefined;
    const hard = args.hardPodAffinityWeight ?? HARD_AFFINITY_WEIGHT;
    const sums: Topology = new Map();
    const ownLabels = snapshot.namespaceLabels(pod.namespace);
    const mine = (terms: readonly AffinityTerm[], sign: number): void => {
      for (const t of terms) noteAll(snapshot, sums, snapshot.countMatched([t]), [t.topologyKey], sign * t.weight);
    };
    const theirs = (table: TermTable, weightOf: (t: AffinityTerm) => number): void => {
      for (const { term, byNode } of table.values())
        if (term.matches(pod.labels, pod.namespace, ownLabels))
          for (const [node, n] of byNode) note(sums, term.topologyKey, node, n * weightOf(term));
    };
    mine(pod.preferredAffinity, 1);
    mine(pod.preferredAntiAffinity, -1);
    if (hard > 0) theirs(snapshot.terms.affinity, () => hard);
    theirs(snapshot.terms.preferredAffinity, (t) => t.weight);
    theirs(snapshot.terms.preferredAntiAffinity, (t) => -t.weight);
    if (sums.size === 0) return undefined;
    return {
      score: (node) => {
        let sum = 0;
        for (const key of sums.keys()) sum += countAt(sums, key, node);
        return sum;
      },
      normalize: stretch,
    };
  },
});
/** Domains that pods already there keep this pod out of. */
function refusals({ pod, snapshot }: Cycle): Topology {
  const out: Topology = new Map();
  const ownLabels = snapshot.namespaceLabels(pod.namespace);
  for (const { term, byNode } of snapshot.terms.antiAffinity.values())
    if (term.matches(pod.labels, pod.namespace, ownLabels))
      for (const [node, n] of byNode) note(out, term.topologyKey, node, n);
  return out;
}
function judge(
  pod: PodInfo,
  node: NodeInfo,
  friends: Topology,
  foes: Topology,
  unwanted: Topology,
  isOwnFriend: boolean,
): Rejection | undefined {
  let befriended = true;
  for (const { topologyKey } of pod.affinity) {
    if (node.labels[topologyKey] === undefined) return NO_FRIEND;
    if (countAt(friends, topologyKey, node) === 0) befriended = false;
  }
  // The first pod of a group that wants to be together may start it anywhere.
  if (!befriended && !(friends.size === 0 && isOwnFriend)) return NO_FRIEND;
  for (const { topologyKey } of pod.antiAffinity) if (countAt(foes, topologyKey, node) > 0) return FOE;
  for (const key of unwanted.keys()) if (countAt(unwanted, key, node) > 0) return UNWANTED;
  return undefined;
}
/** Lowest becomes 0, highest 100. */
function stretch(scores: Float64Array): void {
  let [min, max] = [Infinity, -Infinity];
  for (const s of scores) {
    if (s < min) min = s;
    if (s > max) max = s;
  }
  for (let i = 0; i < scores.length; i++)
    // In this order: upstream's floating point is not quite that of integers.
    scores[i] = max > min ? Math.trunc(MAX_SCORE * ((scores[i]! - min) / (max - min))) : 0;
}
export function changedLabels(
  old: Readonly<Record<string, string>> = {},
  now: Readonly<Record<string, string>> = {},
): boolean {
  // prettier-ignore
  const keys = Object.keys(now);
  return keys.length !== Object.keys(old).length || keys.some((key) => old[key] !== now[key]);
}
