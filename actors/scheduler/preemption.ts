import { histogram } from './fit-error.ts';
import type { Cycle, Failure, PostFilterPlugin, Rejection } from './plugins/plugin.ts';
import type { DefaultPreemptionArgs } from './plugins/args.ts';
import { again, judge, partsOf, type Part } from './filtering.ts';
import type { NodeInfo } from './snapshot/node-info.ts';
import type { PodInfo } from './snapshot/pod-info.ts';

/** What a disruption budget allows for the pods it selects. */
export interface Budget {
  readonly namespace: string;
  readonly selects: (pod: PodInfo) => boolean;
  readonly allowed: number;
}
export interface Candidate {
  readonly node: string;
  /** By falling importance. */
  readonly victims: readonly PodInfo[];
  readonly violations: number;
}
export type Preemption =
  | { readonly candidate: Candidate }
  /** Text to append to the pod's FitError; `renounces`: an earlier nomination is void. */
  | { readonly unhelpful: string; readonly renounces: boolean };

const MIN_CANDIDATES = 100;
const MIN_CANDIDATES_PERCENTAGE = 10;

/**
 * Asks the plugins in turn what may be done, until one has an answer; what the others say is told together. Source:
 * framework RunPostFilterPlugins.
 */
export function postFilter(cycle: Cycle, failure: Failure): Preemption {
  const why: string[] = [];
  let renounces = false;
  for (const plugin of failure.profile.postFilters) {
    const result = plugin.postFilter(cycle, failure);
    if ('candidate' in result) return result;
    if (result.unhelpful !== '') why.push(result.unhelpful);
    renounces ||= result.renounces;
  }
  return { unhelpful: why.join(', '), renounces };
}
export const defaultPreemption = (args: DefaultPreemptionArgs = {}): PostFilterPlugin => ({
  name: 'DefaultPreemption',
  postFilter: (cycle, failure) => preempt(cycle, failure, args),
});

/**
 * Finds the node where evicting the fewest and least important pods would let the pod in. Decides only; evicting is the
 * actor's. Source: scheduler plugins/defaultpreemption.
 */
export function preempt(cycle: Cycle, failure: Failure, args: DefaultPreemptionArgs = {}): Preemption {
  const { profile, diagnosis, budgets, random } = failure;
  const { pod, snapshot } = cycle;
  const statusOf = (name: string): Rejection | undefined => diagnosis.perNode.get(name) ?? diagnosis.absent;
  if (pod.pod.spec?.preemptionPolicy === 'Never')
    return { unhelpful: 'preemption: not eligible due to preemptionPolicy=Never.', renounces: false };
  const nominated = snapshot.get(snapshot.nominatedNodeOf(pod.uid) ?? '');
  if (nominated !== undefined && statusOf(nominated.name)?.resolvable === true)
    for (const other of nominated.pods.values())
      if (other.priority < pod.priority && isLeavingByPreemption(other))
        return {
          unhelpful: 'preemption: not eligible due to a terminating pod on the nominated node.',
          renounces: false,
        };

  const potential = snapshot.nodes.filter((node) => statusOf(node.name)?.resolvable === true);
  const wanted = candidatesWanted(potential.length, args);
  const offset = Math.trunc(random() * potential.length);
  const parts = potential.length === 0 ? [] : partsOf(cycle, profile);
  const candidates: Candidate[] = [];
  const failures = new Map<string, readonly string[]>();
  let isHarmless = false;
  for (let i = 0; i < potential.length; i++) {
    const node = potential[(offset + i) % potential.length]!;
    const found = victimsOn(cycle, parts, node, budgets);
    if ('victims' in found) {
      candidates.push(found);
      isHarmless ||= found.violations === 0;
    } else failures.set(node.name, found.reasons);
    if (candidates.length >= wanted && isHarmless) break;
  }
  failure.candidates?.(candidates);
  const best = choose(candidates);
  if (best !== undefined) return { candidate: best };
  const absent = Array.from(
    { length: diagnosis.nodes - failures.size },
    () => 'Preemption is not helpful for scheduling',
  );
  const why = histogram([...[...failures.values()].flat(), ...absent]);
  return { unhelpful: `preemption: 0/${diagnosis.nodes} nodes are available: ${why}.`, renounces: true };
}
const candidatesWanted = (nodes: number, args: DefaultPreemptionArgs): number => {
  const share = Math.trunc((nodes * (args.minCandidateNodesPercentage ?? MIN_CANDIDATES_PERCENTAGE)) / 100);
  return Math.min(Math.max(share, args.minCandidateNodesAbsolute ?? MIN_CANDIDATES), nodes);
};

/** The fewest and least important pods without which the node takes the pod. Source: SelectVictimsOnNode. */
function victimsOn(
  cycle: Cycle,
  parts: readonly Part[],
  node: NodeInfo,
  budgets: readonly Budget[],
): Candidate | { readonly reasons: readonly string[] } {
  const { pod, snapshot } = cycle;
  const potential = [...node.pods.values()].filter((p) => p.priority < pod.priority).sort(byImportance);
  if (potential.length === 0) return { reasons: ['No preemption victims found for incoming pod'] };
  const verdict = (): Rejection | undefined => judge(cycle, again(cycle, parts), node);
  return snapshot.without(potential, node.name, () => {
    const rejected = verdict();
    if (rejected !== undefined) return { reasons: rejected.reasons };
    const violating = new Set(overBudget(potential, budgets));
    const victims: PodInfo[] = [];
    let violations = 0;
    // Spare whom one can: first those whose budget would be violated, in each group the most important first.
    for (const candidate of [...violating, ...potential.filter((p) => !violating.has(p))]) {
      snapshot.setPod(candidate, node.name);
      if (verdict() === undefined) continue;
      snapshot.removePod(candidate.uid);
      victims.push(candidate);
      if (violating.has(candidate)) violations++;
    }
    if (victims.length === 0) return { reasons: [`expected at least one victim pod on node "${node.name}"`] };
    return { node: node.name, victims: victims.sort(byImportance), violations };
  });
}
function overBudget(pods: readonly PodInfo[], budgets: readonly Budget[]): readonly PodInfo[] {
  const left = budgets.map((b) => b.allowed);
  return pods.filter((pod) => {
    let over = false;
    budgets.forEach((budget, i) => {
      if (budget.namespace !== pod.namespace || !budget.selects(pod)) return;
      left[i]!--;
      if (left[i]! < 0) over = true;
    });
    return over;
  });
}
/** Source: scheduler framework/preemption pickOneNodeForPreemption. */
export function choose(candidates: readonly Candidate[]): Candidate | undefined {
  const rank = (c: Candidate): readonly number[] => [
    c.violations,
    c.victims[0]?.priority ?? 0,
    c.victims.reduce((sum, v) => sum + v.priority + 2 ** 31, 0),
    c.victims.length,
    -earliestStart(c),
  ];
  let best: Candidate | undefined;
  let bestRank: readonly number[] = [];
  for (const candidate of candidates) {
    const r = rank(candidate);
    if (best === undefined || before(r, bestRank)) [best, bestRank] = [candidate, r];
  }
  return best;
}
function before(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i]! < b[i]!;
  return false;
}
const startedAt = (p: PodInfo): number => {
  const at = p.pod.status?.startTime;
  return at === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(at);
};
/** Of the most important victims: the node whose have run the shortest loses least. */
function earliestStart(c: Candidate): number {
  const top = c.victims[0]?.priority;
  let earliest = Number.MAX_SAFE_INTEGER;
  for (const v of c.victims) if (v.priority === top) earliest = Math.min(earliest, startedAt(v));
  return earliest;
}
const byImportance = (a: PodInfo, b: PodInfo): number => b.priority - a.priority || startedAt(a) - startedAt(b);
const isLeavingByPreemption = (p: PodInfo): boolean =>
  p.terminating &&
  (p.pod.status?.conditions?.some(
    (c) => c.type === 'DisruptionTarget' && c.status === 'True' && c.reason === 'PreemptionByScheduler',
  ) ??
    false);
