import { fitError } from '../fit-error.ts';
import type { Cycle, Rejection } from '../plugins/plugin.ts';
import type { Profile } from '../plugins/profile.ts';
import { postFilter, type Budget, type Candidate } from '../preemption.ts';
import { isEarlyRefusal, schedule } from '../schedule.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';

/** What the plugins say of a pod and every node of a cluster. */
export interface Examination {
  readonly nodes: number;
  /** Why no node was even looked at. */
  readonly reason?: string | undefined;
  /** Why each node that refuses does. */
  readonly perNode: ReadonlyMap<string, Rejection>;
  readonly feasible: readonly NodeInfo[];
  /** By plugin, one entry a feasible node; plugins without a preference for the pod are absent. */
  readonly scores: readonly PluginScores[];
  /** Weighted sums, one a feasible node. */
  readonly totals: readonly number[];
  /** What a pod that fits nowhere is told. */
  readonly message?: string | undefined;
  /** Whom it would preempt. */
  readonly candidate?: Candidate | undefined;
}
export interface PluginScores {
  readonly plugin: string;
  readonly weight: number;
  readonly raw: readonly number[];
  /** 0 to 100; times the weight is what counts. */
  readonly normalized: readonly number[];
}
/** Asks all plugins about all nodes, however many would be enough for placing the pod. */
export function examine(
  cycle: Cycle,
  o: { readonly profile: Profile; readonly budgets: readonly Budget[]; readonly random: () => number },
): Examination {
  const { profile } = o;
  let feasible: readonly NodeInfo[] = [];
  let perNode: ReadonlyMap<string, Rejection> = new Map();
  const verdict = schedule(cycle, { profile, startIndex: 0, random: o.random, percentageOfNodesToScore: 100, examined: (f, p) => ([feasible, perNode] = [f, p]) }); // prettier-ignore
  const nodes = cycle.snapshot.nodes.length;
  if ('rejected' in verdict) {
    const { rejected: diagnosis } = verdict;
    const nothing = {
      nodes,
      reason: diagnosis.reason,
      perNode: diagnosis.perNode,
      feasible: [],
      scores: [],
      totals: [],
    };
    if (nodes === 0) return { ...nothing, message: fitError(diagnosis) };
    // As the loop has it.
    if (isEarlyRefusal(diagnosis, profile)) return { ...nothing, message: fitError(diagnosis, 'not found') };
    const decision = postFilter(cycle, { profile, diagnosis, budgets: o.budgets, random: o.random });
    if ('candidate' in decision) return { ...nothing, message: fitError(diagnosis), candidate: decision.candidate };
    return { ...nothing, message: fitError(diagnosis, decision.unhelpful) };
  }
  const scores = scoresOf(cycle, profile, feasible);
  const totals = feasible.map((_, i) => scores.reduce((sum, s) => sum + s.normalized[i]! * s.weight, 0));
  return { nodes, perNode, feasible, scores, totals };
}
function scoresOf(cycle: Cycle, profile: Profile, feasible: readonly NodeInfo[]): readonly PluginScores[] {
  return profile.scores.flatMap(({ plugin, weight }) => {
    const scorer = plugin.prepareScore(cycle, feasible);
    if (scorer === undefined) return [];
    const values = Float64Array.from(feasible, (node) => scorer.score(node));
    const raw = [...values];
    scorer.normalize?.(values, feasible);
    return [{ plugin: plugin.name, weight, raw, normalized: [...values] }];
  });
}
