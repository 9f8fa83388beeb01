import type { NodeInfo } from '../snapshot/node-info.ts';
import type { AffinityTerm } from '../snapshot/pod-info.ts';
import type { Counted } from '../snapshot/selector-counts.ts';
import type { TermTable } from '../snapshot/term-table.ts';
import type { InterPodAffinityArgs } from './args.ts';
import { MAX_SCORE, rejection, type Cycle, type FilterPlugin, type Rejection, type ScorePlugin } from './plugin.ts';

const NAME = 'InterPodAffinity';
const NO_FRIEND = rejection(NAME, "node(s) didn't match pod affinity rules");
const FOE = rejection(NAME, "node(s) didn't match pod anti-affinity rules", true);
const UNWANTED = rejection(NAME, "node(s) didn't satisfy existing pods anti-affinity rules", true);
/** Source: InterPodAffinityArgs.HardPodAffinityWeight default. */
const HARD_AFFINITY_WEIGHT = 1;

/** Counts by the values of one of the nodes' labels. */
interface Part {
  readonly topologyKey: string;
  readonly by: Counted;
}
interface WeightedPart extends Part {
  readonly weight: number;
}
const countAt = ({ topologyKey, by }: Part, node: NodeInfo): number => {
  const value = node.labels[topologyKey];
  return value === undefined ? 0 : (by.get(value) ?? 0);
};
const hasAny = ({ by }: Part): boolean => by.size > 0;

/** Pods that must, must not, would like or would rather not share a topology domain with other pods. */
export const interPodAffinity = (args: InterPodAffinityArgs = {}): FilterPlugin & ScorePlugin => ({
  name: NAME,
  dependsOnPods: true,
  prepare: (cycle) => {
    const { pod, snapshot } = cycle;
    const unwanted = refusals(cycle);
    if (unwanted.length === 0 && pod.affinity.length === 0 && pod.antiAffinity.length === 0) return 'skip';
    const friends = pod.affinity.map(({ topologyKey }) => ({ topologyKey, by: snapshot.countMatched(pod.affinity, topologyKey) })); // prettier-ignore
    const foes = pod.antiAffinity.map((term) => ({ topologyKey: term.topologyKey, by: snapshot.countMatched([term], term.topologyKey) })); // prettier-ignore
    const ownLabels = snapshot.namespaceLabels(pod.namespace);
    const isOwnFriend = pod.affinity.every((term) => term.matches(pod.labels, pod.namespace, ownLabels));
    // The first pod of a group that wants to be together may start it anywhere.
    const startsGroup = isOwnFriend && !friends.some(hasAny);
    return { filter: (node) => judge(node, friends, foes, unwanted, startsGroup) };
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
    const parts: WeightedPart[] = [];
    const mine = (terms: readonly AffinityTerm[], sign: number): void => {
      for (const term of terms) {
        const { topologyKey, weight } = term;
        parts.push({ topologyKey, weight: sign * weight, by: snapshot.countMatched([term], topologyKey) });
      }
    };
    const ownLabels = snapshot.namespaceLabels(pod.namespace);
    const theirs = (table: TermTable, weightOf: (t: AffinityTerm) => number): void => {
      for (const { term, by } of table.values())
        if (term.matches(pod.labels, pod.namespace, ownLabels))
          parts.push({ topologyKey: term.topologyKey, weight: weightOf(term), by });
    };
    mine(pod.preferredAffinity, 1);
    mine(pod.preferredAntiAffinity, -1);
    if (hard > 0) theirs(snapshot.terms.affinity, () => hard);
    theirs(snapshot.terms.preferredAffinity, (t) => t.weight);
    theirs(snapshot.terms.preferredAntiAffinity, (t) => -t.weight);
    if (!parts.some(hasAny)) return undefined;
    const merged = parts.length > MANY_PARTS ? merge(parts) : parts;
    return {
      score: (node) => {
        let sum = 0;
        for (const part of merged) sum += part.weight * countAt(part, node);
        return sum;
      },
      normalize: stretch,
    };
  },
});
/** From so many parts on it is less to add them up first. */
const MANY_PARTS = 8;
function merge(parts: readonly WeightedPart[]): readonly WeightedPart[] {
  const sums = new Map<string, Map<string, number>>();
  for (const { topologyKey, by, weight } of parts) {
    let values = sums.get(topologyKey);
    if (values === undefined) sums.set(topologyKey, (values = new Map()));
    for (const [value, n] of by) values.set(value, (values.get(value) ?? 0) + weight * n);
  }
  return [...sums].map(([topologyKey, by]) => ({ topologyKey, by, weight: 1 }));
}
/** Domains that pods already there keep this pod out of. */
function refusals({ pod, snapshot }: Cycle): readonly Part[] {
  const ownLabels = snapshot.namespaceLabels(pod.namespace);
  const out: Part[] = [];
  for (const { term, by } of snapshot.terms.antiAffinity.values())
    if (term.matches(pod.labels, pod.namespace, ownLabels)) out.push({ topologyKey: term.topologyKey, by });
  return out;
}
function judge(
  node: NodeInfo,
  friends: readonly Part[],
  foes: readonly Part[],
  unwanted: readonly Part[],
  startsGroup: boolean,
): Rejection | undefined {
  for (const friend of friends) {
    if (node.labels[friend.topologyKey] === undefined) return NO_FRIEND;
    if (!startsGroup && countAt(friend, node) === 0) return NO_FRIEND;
  }
  for (const foe of foes) if (countAt(foe, node) > 0) return FOE;
  for (const part of unwanted) if (countAt(part, node) > 0) return UNWANTED;
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
function changedLabels(
  old: Readonly<Record<string, string>> = {},
  now: Readonly<Record<string, string>> = {},
): boolean {
  // prettier-ignore
  const keys = Object.keys(now);
  return keys.length !== Object.keys(old).length || keys.some((key) => old[key] !== now[key]);
}
