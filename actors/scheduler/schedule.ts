import { NAME as DEVICES } from './plugins/dynamic-resources/view.ts';
import type { SchedulerMetrics } from './metrics.ts';
import { judge, prepare, type Part } from './filtering.ts';
import { WITHOUT_PREFILTER, type Profile } from './plugins/profile.ts';
import { rejection, type Cycle, type Rejection, type Scorer } from './plugins/plugin.ts';
import type { NodeInfo } from './snapshot/node-info.ts';

/** What one attempt at placing a pod came to. Pure but for the draw among equally good nodes. */
export type Verdict =
  { readonly node: string; readonly feasible: number; readonly evaluated: number } | { readonly rejected: Diagnosis };

/** Why no node would do. */
export interface Diagnosis {
  readonly nodes: number;
  /** Plugins whose hints decide when the pod is tried again. */
  readonly plugins: ReadonlySet<string>;
  /** Set when a plugin refused the pod before any node was looked at. */
  readonly reason?: string;
  readonly perNode: ReadonlyMap<string, Rejection>;
  /** Holds for nodes that are not in `perNode`; absent: no eviction would help there. */
  readonly absent?: Rejection;
}
export interface ScheduleOptions {
  readonly profile: Profile;
  /** Where in the list of nodes the search begins; the caller moves it on by `evaluated`. */
  readonly startIndex: number;
  readonly random: () => number;
  /** Hears when each part began and what it came to. */
  readonly metrics?: Pick<SchedulerMetrics, 'elapsed' | 'passed' | 'evaluated'> | undefined;
  /** 0: by the number of nodes. */
  readonly percentageOfNodesToScore?: number;
  /** So many nodes that would do are enough, instead. */
  readonly enough?: number | undefined;
  /** Hears which nodes would do, and why others would not. */
  readonly examined?: (feasible: readonly NodeInfo[], perNode: ReadonlyMap<string, Rejection>) => void;
}
const MIN_FEASIBLE = 100;

/** How many feasible nodes are enough. Source: scheduler numFeasibleNodesToFind. */
export function feasibleNodesToFind(nodes: number, percentage = 0): number {
  if (nodes < MIN_FEASIBLE) return nodes;
  const share = percentage === 0 ? Math.max(50 - Math.trunc(nodes / 125), 5) : percentage;
  return Math.max(Math.trunc((nodes * share) / 100), MIN_FEASIBLE);
}

/** Nodes that would do for a pod, and why others would not. */
export interface Found {
  readonly feasible: readonly NodeInfo[];
  readonly perNode: Map<string, Rejection>;
  /** How far the search went on from where it began. */
  readonly evaluated: number;
  /** Only the node was looked at that the pod has been promised. */
  readonly isPromised: boolean;
  /** Plugins that let only some nodes be looked at. */
  readonly narrowing: readonly string[];
}

/** Finds the best node for the cycle's pod, or says why there is none. */
export function schedule(cycle: Cycle, o: ScheduleOptions): Verdict {
  const { metrics } = o;
  const found = search(cycle, o);
  if ('rejected' in found) return found;
  const { feasible, evaluated } = found;
  if (feasible.length === 0) return { rejected: diagnose(cycle, found) };
  if (feasible.length === 1) return { node: feasible[0]!.name, feasible: 1, evaluated };
  const scoring = metrics?.elapsed() ?? 0;
  const best = pick(totalScores(cycle, o.profile, feasible, metrics), feasible, o.random);
  metrics?.passed('Score', 'Success', scoring);
  return { node: best.name, feasible: feasible.length, evaluated };
}
/** Nodes that would do: enough of them to choose from, or just the one that the pod has been promised. */
export function search(cycle: Cycle, o: ScheduleOptions & { readonly afresh?: boolean }): Found | { readonly rejected: Diagnosis } {
  const nodes = cycle.snapshot.nodes;
  const { metrics } = o;
  const began = metrics?.elapsed() ?? 0;
  const prepared = prepare(cycle, o.profile);
  if ('rejected' in prepared) {
    metrics?.passed('PreFilter', 'UnschedulableAndUnresolvable', began);
    return prepared;
  }
  const filtering = metrics?.passed('PreFilter', 'Success', began) ?? 0;
  for (const { plugin } of prepared.filters)
    if (!WITHOUT_PREFILTER.has(plugin.name)) metrics?.evaluated('PreFilter', plugin.name, 1);
  const { filters, only, narrowing } = prepared;
  const perNode = new Map<string, Rejection>();
  let feasible: NodeInfo[] = [];
  let evaluated = 0;
  let looked = 0;
  const look = (node: NodeInfo): void => {
    const rejected = judge(cycle, filters, node);
    if (rejected === undefined) feasible.push(node);
    else perNode.set(node.name, rejected);
  };
  const nominated = o.afresh ? undefined : cycle.snapshot.get(cycle.snapshot.nominatedNodeOf(cycle.pod.uid) ?? '');
  const isPromised = nominated !== undefined && judge(cycle, filters, nominated) === undefined;
  if (isPromised) feasible = [nominated];
  else if (only !== undefined) {
    for (const name of only) {
      const node = cycle.snapshot.get(name);
      if (node !== undefined) look(node);
    }
    looked = feasible.length + perNode.size;
    if (feasible.length === 0) {
      const absent = rejection(narrowing[0]!, `node(s) didn't satisfy plugin(s) [${narrowing.join(' ')}]`);
      for (const node of nodes) if (!only.has(node.name)) perNode.set(node.name, absent);
    }
  } else {
    // Where nothing is to be compared, one will do. Source: scheduler findNodesThatPassFilters.
    const share = o.profile.scores.length === 0 ? 1 : feasibleNodesToFind(nodes.length, o.percentageOfNodesToScore);
    const enough = o.enough ?? share;
    for (; evaluated < nodes.length && feasible.length < enough; evaluated++)
      look(nodes[(o.startIndex + evaluated) % nodes.length]!);
    looked = evaluated;
  }
  if (metrics !== undefined) countFilters(filters, perNode, looked, metrics.evaluated);
  // Upstream's is that of the last error, and no node's refusal is one.
  metrics?.passed('Filter', 'Success', filtering);
  o.examined?.(feasible, perNode);
  return { feasible, perNode, evaluated, isPromised, narrowing };
} // prettier-ignore
/** The first to refuse a node is the last that is asked about it. */
function countFilters(
  filters: readonly Part[],
  perNode: ReadonlyMap<string, Rejection>,
  looked: number,
  evaluated: SchedulerMetrics['evaluated'],
): void {
  const refused = new Map<string, number>();
  for (const { plugin } of perNode.values()) refused.set(plugin, (refused.get(plugin) ?? 0) + 1);
  let left = looked;
  for (const { plugin } of filters) {
    if (left <= 0) return;
    evaluated('Filter', plugin.name, left);
    left -= refused.get(plugin.name) ?? 0;
  }
}
/**
 * Whom a plugin refused before any node was looked at, and where no eviction helps, is told no more than this: upstream's
 * plugin for devices, which comes before DefaultPreemption, finds nothing that it had prepared. Source:
 * plugins/dynamicresources PostFilter.
 */
export const isEarlyRefusal = ({ reason, plugins, absent }: Diagnosis, { postFilters }: Profile): boolean =>
  reason !== undefined &&
  absent?.resolvable !== true &&
  !plugins.has(DEVICES) &&
  postFilters.some(({ name }) => name === DEVICES);
export const diagnose = (cycle: Cycle, { perNode, narrowing }: Pick<Found, 'perNode' | 'narrowing'>): Diagnosis => ({
  nodes: cycle.snapshot.nodes.length,
  plugins: new Set([...narrowing, ...[...perNode.values()].map((r) => r.plugin)]),
  perNode,
});

/** The node with the highest sum; equal ones are drawn from. */
export function pick(totals: Float64Array, feasible: readonly NodeInfo[], random: () => number): NodeInfo {
  let best = 0;
  let ties = 1;
  for (let i = 1; i < feasible.length; i++) {
    if (totals[i]! > totals[best]!) {
      best = i;
      ties = 1;
    } else if (totals[i] === totals[best] && random() * ++ties < 1) best = i;
  }
  return feasible[best]!;
}
/** Weighted sums, one a feasible node. */
export function totalScores(
  cycle: Cycle,
  profile: Profile,
  feasible: readonly NodeInfo[],
  metrics?: ScheduleOptions['metrics'],
): Float64Array {
  const totals = new Float64Array(feasible.length);
  const scores = new Float64Array(feasible.length);
  for (const { plugin, weight } of profile.scores) {
    const scorer: Scorer | undefined = plugin.prepareScore(cycle, feasible);
    if (scorer === undefined) continue;
    metrics?.evaluated('Score', plugin.name, feasible.length);
    for (let i = 0; i < feasible.length; i++) scores[i] = scorer.score(feasible[i]!);
    scorer.normalize?.(scores, feasible);
    for (let i = 0; i < feasible.length; i++) totals[i]! += scores[i]! * weight;
  }
  return totals;
}
