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
  HOSTNAME,
  ownSpreads,
  spreadsOf,
  SYSTEM_DEFAULTS,
  type Spread,
  type SpreadDefaults,
} from './spread-constraints.ts';

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
      const { pod, snapshot } = cycle;
      const spreads = spreadsOf(cycle, 'DoNotSchedule', defaults);
      if (spreads.length === 0) return 'skip';
      const rules = spreads.map((spread) => {
        const perNode = snapshot.countPods(pod.namespace, spread.selector.key, spread.selector.matches);
        const domains = new Map<string, number>();
        for (const node of snapshot.nodes) {
          if (!hasAllKeys(node, spreads) || !spread.counts(node)) continue;
          const domain = node.labels[spread.topologyKey]!;
          domains.set(domain, (domains.get(domain) ?? 0) + (perNode.get(node.name) ?? 0));
        }
        // They were never counted, and are taken off all the same. Source: podtopologyspread updateWithPod.
        for (const [gone, node] of snapshot.leavingAway) {
          if (gone.namespace !== pod.namespace || !spread.selector.matches(gone.labels)) continue;
          if (!hasAllKeys(node, spreads) || !spread.counts(node)) continue;
          const domain = node.labels[spread.topologyKey]!;
          domains.set(domain, (domains.get(domain) ?? 0) - 1);
        }
        // With fewer domains than wanted the missing ones count as empty.
        let lowest = domains.size === 0 ? Number.MAX_SAFE_INTEGER : Infinity;
        for (const n of domains.values()) lowest = Math.min(lowest, n);
        if (domains.size < spread.minDomains) lowest = 0;
        return { spread, domains, lowest, self: spread.selector.matches(pod.labels) ? 1 : 0 };
      });
      return {
        filter: (node) => {
          for (const { spread, domains, lowest, self } of rules) {
            const domain = node.labels[spread.topologyKey];
            if (domain === undefined) return UNLABELLED;
            if ((domains.get(domain) ?? 0) + self - lowest > spread.maxSkew) return SKEWED;
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
          return spreads === undefined || hasAllKeys(event.node, spreads);
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
  const had = hasAllKeys({ labels: before }, spreads);
  if (had !== hasAllKeys({ labels }, spreads)) return true;
  if (!had) return false;
  return (
    spreads.some(({ topologyKey }) => before[topologyKey] !== labels[topologyKey]) ||
    !equal(old.spec?.taints, node.spec?.taints)
  );
}
/** `strict`: nodes without all topology labels are ignored; the system's own defaults make do with those there are. */
function scorer(
  { pod, snapshot }: Cycle,
  feasible: readonly NodeInfo[],
  spreads: readonly Spread[],
  strict: boolean,
): Scorer {
  // prettier-ignore
  const ignored = new Set(strict ? feasible.filter((node) => !hasAllKeys(node, spreads)) : []);
  const rules = spreads.map((spread) => {
    const perNode = snapshot.countPods(pod.namespace, spread.selector.key, spread.selector.matches);
    const domains = new Map<string, number>();
    if (spread.topologyKey !== HOSTNAME) {
      for (const node of feasible) if (!ignored.has(node)) domains.set(node.labels[spread.topologyKey] ?? '', 0);
      for (const node of snapshot.nodes) {
        const domain = node.labels[spread.topologyKey] ?? '';
        const sum = domains.get(domain);
        if (sum === undefined || (strict && !hasAllKeys(node, spreads)) || !spread.counts(node)) continue;
        domains.set(domain, sum + (perNode.get(node.name) ?? 0));
      }
    }
    const size = spread.topologyKey === HOSTNAME ? feasible.length - ignored.size : domains.size;
    return { spread, perNode, domains, weight: Math.log(size + 2) };
  });
  return {
    score: (node) => {
      if (ignored.has(node)) return 0;
      let sum = 0;
      for (const { spread, perNode, domains, weight } of rules) {
        const domain = node.labels[spread.topologyKey];
        if (domain === undefined) continue;
        const n = spread.topologyKey === HOSTNAME ? (perNode.get(node.name) ?? 0) : domains.get(domain)!;
        sum += n * weight + (spread.maxSkew - 1);
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
