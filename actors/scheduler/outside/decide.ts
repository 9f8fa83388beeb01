import type { Logger } from '../../../bus/world.ts';
import { rejection, type Cycle, type Rejection } from '../plugins/plugin.ts';
import { judge, prepare } from '../filtering.ts';
import { diagnose, feasibleNodesToFind, pick, search, totalScores, type Found, type ScheduleOptions, type Verdict } from '../schedule.ts'; // prettier-ignore
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { Adviser } from './adviser.ts';

interface Options extends ScheduleOptions {
  /** All interested in the pod, in the order in which they are asked. */
  readonly advisers: readonly Adviser[];
  readonly signal: AbortSignal;
  readonly log: Pick<Logger, 'warn'>;
}
/**
 * `schedule` where others are asked too: which of the nodes that would do they agree to, and which they prefer. The
 * cluster may change meanwhile: what does not do any more is not chosen. Throws what an adviser that cannot be passed over
 * does. Source: scheduler schedule_one.go findNodesThatPassExtenders, prioritizeNodes.
 */
export async function decide(cycle: Cycle, o: Options): Promise<Verdict> {
  const { advisers, signal } = o;
  const nodes = cycle.snapshot.nodes.length;
  let only: ReadonlySet<string> | undefined;
  const narrowing: string[] = [];
  for (const adviser of nodes === 0 ? [] : advisers) {
    const said = await adviser.preFilter?.(cycle.pod, signal);
    if (said === undefined) continue;
    if ('reject' in said)
      return { rejected: { nodes, plugins: new Set([adviser.name]), reason: said.reject, perNode: new Map() } };
    only = only === undefined ? said.only : new Set([...only].filter((name) => said.only.has(name)));
    narrowing.push(adviser.name);
  }
  let found = await findWith(cycle, o, only, narrowing, false);
  if ('rejected' in found) return found;
  if (found.feasible.length === 0 && found.isPromised) found = await findWith(cycle, o, only, narrowing, true);
  if ('rejected' in found) return found;
  if (found.feasible.length === 0) return { rejected: diagnose(cycle, found) };
  const { evaluated } = found;
  const given = found.feasible.length === 1 ? [] : await scoresOf(cycle, found.feasible, o);
  // Time has passed: nodes may be gone, and others may have taken what there was.
  const now = stillFeasible(cycle, o, found.feasible);
  if (now.length === 0) throw new Error(`no node does any more that did for pod ${cycle.pod.namespace}/${cycle.pod.name}`);
  if (now.length === 1) return { node: now[0]!.name, feasible: 1, evaluated };
  const totals = totalScores(cycle, o.profile, now, o.metrics);
  for (const scores of given) now.forEach((node, i) => (totals[i]! += scores.get(node.name) ?? 0));
  return { node: pick(totals, now, o.random).name, feasible: now.length, evaluated };
} // prettier-ignore

async function findWith(
  cycle: Cycle,
  o: Options,
  only: ReadonlySet<string> | undefined,
  narrowing: readonly string[],
  afresh: boolean,
): Promise<Found | Extract<Verdict, { rejected: unknown }>> {
  const filtering = o.advisers.filter((adviser) => adviser.filter !== undefined);
  const wanted = feasibleNodesToFind(cycle.snapshot.nodes.length, o.percentageOfNodesToScore);
  // Of the nodes that would do they may leave few: better to ask about all of them than in several rounds.
  const enough = filtering.length === 0 && only === undefined ? wanted : cycle.snapshot.nodes.length;
  const found = search(cycle, { ...o, enough, afresh });
  if ('rejected' in found) return found;
  let { feasible } = found;
  if (only !== undefined) {
    const absent = rejection(narrowing[0]!, `node(s) didn't satisfy plugin(s) [${narrowing.join(' ')}]`);
    for (const node of feasible) if (!only.has(node.name)) found.perNode.set(node.name, absent);
    feasible = feasible.filter((node) => only.has(node.name));
  }
  const plugins = new Set([...found.narrowing, ...narrowing]);
  for (const adviser of filtering) {
    if (feasible.length === 0) break;
    try {
      const { feasible: left, refused } = await adviser.filter!(cycle.pod, feasible, o.signal);
      if (left.length < feasible.length) plugins.add(adviser.name);
      const kept = new Set(left);
      for (const node of feasible)
        if (!kept.has(node)) found.perNode.set(node.name, refused.get(node.name) ?? silent(adviser.name));
      feasible = left;
    } catch (error) {
      if (!adviser.isIgnorable) throw error;
      o.log.warn('a scheduler extender is passed over', { extender: adviser.name, err: error });
    }
  }
  return { ...found, feasible: feasible.slice(0, wanted), narrowing: [...plugins] };
}
/** It does not say why. */
const silent = (plugin: string): Rejection => ({ plugin, reasons: [], resolvable: false });

async function scoresOf(
  cycle: Cycle,
  feasible: readonly NodeInfo[],
  { advisers, signal, log }: Options,
): Promise<readonly ReadonlyMap<string, number>[]> {
  const scoring = advisers.flatMap((adviser) =>
    adviser.score === undefined
      ? []
      : [
          adviser.score(cycle.pod, feasible, signal).catch((error: unknown) => {
            if (adviser.scoresIfItCan !== true) throw error;
            log.warn('no scores from outside the scheduler', { from: adviser.name, err: error });
            return new Map<string, number>();
          }),
        ],
  );
  return Promise.all(scoring);
}
function stillFeasible(cycle: Cycle, o: Options, feasible: readonly NodeInfo[]): readonly NodeInfo[] {
  const prepared = prepare(cycle, o.profile);
  if ('rejected' in prepared) return [];
  const { filters } = prepared;
  return feasible.filter((node) => cycle.snapshot.get(node.name) === node && judge(cycle, filters, node) === undefined);
}
