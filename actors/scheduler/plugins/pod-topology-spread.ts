import type { Node } from '../../../schemas/generated/core-v1.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodTopologySpreadArgs } from './args.ts';
import {
  MAX_SCORE,
  rejection,
  type Cycle,
  type FilterPlugin,
  type NodeLike,
  type ScorePlugin,
  type Scorer,
} from './plugin.ts';
import {
  hasAllKeys,
  keysOf,
  HOSTNAME,
  ownSpreads,
  spreadsOf,
  SYSTEM_DEFAULTS,
  type Spread,
  type SpreadDefaults,
} from './spread-constraints.ts';
import { countDomains, domainsOf, lowestOf, withoutLeaving } from './spread-domains.ts';

const NAME = 'PodTopologySpread';
const SKEWED = rejection(NAME, "node(s) didn't match pod topology spread constraints", true);
const UNLABELLED = rejection(NAME, "node(s) didn't match pod topology spread constraints (missing required label)");

/** Keeps (DoNotSchedule) or likes to keep (ScheduleAnyway) the numbers of alike pods in topology domains even. */
export const podTopologySpread = (args: PodTopologySpreadArgs = {}): FilterPlugin & ScorePlugin => {
  const defaults: SpreadDefaults =
    args.defaultingType === 'List' ? { constraints: args.defaultConstraints ?? [], isSystem: false } : SYSTEM_DEFAULTS;
  return {
    name: NAME,
    dependsOnPods: true,
    prepare: (cycle) => {
      const spreads = spreadsOf(cycle, 'DoNotSchedule', defaults);
      if (spreads.length === 0) return 'skip';
      const keys = keysOf(spreads);
      const rules = spreads.map((spread) => {
        const { names, by: counted } = domainsOf(cycle, spread, keys);
        const by = withoutLeaving(cycle, spread, keys, counted);
        const self = spread.selector.matches(cycle.pod.labels) ? 1 : 0;
        return { spread, by, lowest: lowestOf({ names, by }, spread.minDomains), self };
      });
      return {
        filter: (node) => {
          for (const { spread, by, lowest, self } of rules) {
            const domain = node.labels[spread.topologyKey];
            if (domain === undefined) return UNLABELLED;
            if ((by.get(domain) ?? 0) + self - lowest > spread.maxSkew) return SKEWED;
          }
          return undefined;
        },
      };
    },
    hint: (event, pod) => {
      // Whom the profile's own constraints refused may be helped by anything.
      const spreads = ownSpreads(pod, 'DoNotSchedule');
      switch (event.type) {
        case 'node.added':
        case 'node.deleted':
          return spreads === undefined || hasAllKeys(event.node, keysOf(spreads));
        case 'node.updated':
          return spreads === undefined || counts(event.old, event.node, spreads);
        case 'pod.assigned':
        case 'pod.released':
          return (
            event.pod.namespace === pod.namespace &&
            (spreads?.some((s) => s.selector.matches(event.pod.labels)) ?? true)
          );
        case 'pod.relabelled':
          return event.pod.namespace === pod.namespace;
        default:
          return false;
      }
    },
    prepareScore: (cycle, feasible) => {
      const spreads = spreadsOf(cycle, 'ScheduleAnyway', defaults);
      const isOwn = (cycle.pod.pod.spec?.topologySpreadConstraints?.length ?? 0) > 0;
      return spreads.length === 0 ? undefined : scorer(cycle, feasible, spreads, isOwn || !defaults.isSystem);
    },
  };
};
/** Whether the node is another for these constraints than it was. Source: podtopologyspread isSchedulableAfterNodeChange. */
function counts(old: Node, { labels, node }: NodeLike, spreads: readonly Spread[]): boolean {
  const before = old.metadata.labels ?? {};
  const keys = keysOf(spreads);
  const had = hasAllKeys({ labels: before }, keys);
  if (had !== hasAllKeys({ labels }, keys)) return true;
  if (!had) return false;
  return (
    spreads.some(({ topologyKey }) => before[topologyKey] !== labels[topologyKey]) ||
    !equal(old.spec?.taints, node.spec?.taints)
  );
}
/** Those that have all the labels; the same list, if all do. */
function labelled({ snapshot }: Cycle, nodes: readonly NodeInfo[], keys: readonly string[]): readonly NodeInfo[] {
  if (snapshot.topology(keys[0]!, keys).isComplete) return nodes;
  const found = nodes.filter((node) => hasAllKeys(node, keys));
  return found.length === nodes.length ? nodes : found;
}
/** `strict`: nodes without all topology labels are ignored; the system's own defaults make do with those there are. */
function scorer(cycle: Cycle, feasible: readonly NodeInfo[], spreads: readonly Spread[], strict: boolean): Scorer {
  const { pod, snapshot } = cycle;
  const keys = strict ? keysOf(spreads) : undefined;
  const heeded = keys === undefined ? feasible : labelled(cycle, feasible, keys);
  const ignored = new Set(heeded === feasible ? [] : feasible.filter((node) => !hasAllKeys(node, keys!)));
  const rules = spreads.map((spread) => {
    const { topologyKey, selector, maxSkew } = spread;
    const isPerNode = topologyKey === HOSTNAME;
    const by = isPerNode
      ? snapshot.countPods(pod.namespace, selector.key, selector.matches)
      : domainsOf(cycle, spread, keys).by;
    const size = isPerNode
      ? heeded.length
      : countDomains(heeded, topologyKey, snapshot.topology(topologyKey, keys).values.size);
    return { topologyKey, isPerNode, by, weight: Math.log(size + 2), base: maxSkew - 1 };
  });
  return {
    score: (node) => {
      if (ignored.size > 0 && ignored.has(node)) return 0;
      let sum = 0;
      for (const { topologyKey, isPerNode, by, weight, base } of rules) {
        const domain = node.labels[topologyKey];
        if (domain === undefined) continue;
        sum += (by.get(isPerNode ? node.name : domain) ?? 0) * weight + base;
      }
      return Math.round(sum);
    },
    normalize: (scores, nodes) => {
      let [min, max] = [Infinity, 0];
      nodes.forEach((node, i) => {
        if (ignored.has(node)) return;
        min = Math.min(min, scores[i]!);
        max = Math.max(max, scores[i]!);
      });
      nodes.forEach((node, i) => {
        if (ignored.has(node)) scores[i] = 0;
        else scores[i] = max === 0 ? MAX_SCORE : Math.trunc((MAX_SCORE * (max + min - scores[i]!)) / max);
      });
    },
  };
}
