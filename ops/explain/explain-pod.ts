import { examine, type Examination } from '../../actors/scheduler/explanation/examine.ts';
import { cycleFrom } from '../../actors/scheduler/explanation/objects.ts';
import type { Profile } from '../../actors/scheduler/plugins/profile.ts';
import type { NodeInfo } from '../../actors/scheduler/snapshot/node-info.ts';
import type { World } from '../../bus/world.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import { isTerminal } from '../../schemas/helpers/pod-resources.ts';
import { clusterAt, type History } from './history.ts';
import { findMoment, type Asked, type Moment } from './moment.ts';
import { waitsFor } from './waits-for.ts';

/** Where a pod may go and why; all that `kubus explain pod --output json` prints. */
export interface PodExplanation {
  readonly pod: { readonly namespace: string; readonly name: string; readonly uid: string };
  readonly revision: number;
  readonly scheduler: string;
  /** The node that it has, and since which revision where that is known. */
  readonly bound?: { readonly node: string; readonly revision?: number } | undefined;
  /** The best first, then those that refuse, by name. */
  readonly nodes: readonly NodeExplanation[];
  /** Equal ones are drawn from. */
  readonly best: readonly string[];
  /** Where no node will do: what is told in the pod's condition and event. */
  readonly message?: string | undefined;
  /** Node that was promised to it. */
  readonly nominated?: string | undefined;
  readonly preemption?: {
    readonly node: string;
    readonly victims: readonly { readonly namespace: string; readonly name: string; readonly priority: number }[];
    readonly violatedBudgets: number;
  } | undefined; // prettier-ignore
  /** Extenders and plugins of one's own have a say too; they are not asked here. */
  readonly asksOthers?: true | undefined;
  /** Empty for a pod that has its node. */
  readonly waitsFor: readonly string[];
}
export interface NodeExplanation {
  readonly name: string;
  readonly feasible: boolean;
  /** Who refused it, and why. */
  readonly plugin?: string;
  readonly reasons?: readonly string[];
  /** Whether evicting others could change that. */
  readonly resolvable?: boolean;
  /** By plugin; those that say nothing about this pod are absent. */
  readonly scores?: Readonly<Record<string, { readonly raw: number; readonly normalized: number; readonly weight: number }>>; // prettier-ignore
  readonly total?: number;
}
/** Thrown: UserError for a pod or a moment that is not there. */
export async function explainPod(
  history: History,
  asked: Asked,
  o: {
    readonly profileFor: (schedulerName: string) => Profile | undefined;
    readonly world: World;
    /** The scheduler asks extenders or plugins of the user's own besides. */
    readonly asksOthers?: boolean | undefined;
  },
): Promise<PodExplanation> {
  const moment = await findMoment(history, asked);
  const pod = unplaced(moment.pod);
  const scheduler = pod.spec?.schedulerName || 'default-scheduler';
  const profile = o.profileFor(scheduler);
  const head = {
    pod: { namespace: pod.metadata.namespace ?? '', name: pod.metadata.name ?? '', uid: pod.metadata.uid ?? '' },
    revision: moment.revision,
    scheduler,
    bound: moment.bound,
    asksOthers: o.asksOthers === true ? (true as const) : undefined,
  };
  if (profile === undefined)
    return { ...head, nodes: [], best: [], waitsFor: [`scheduler ${JSON.stringify(scheduler)}, which is not one of this cluster's: it alone knows`] }; // prettier-ignore
  const { cycle, budgets, gate } = cycleFrom(await clusterAt(history, moment.revision), pod, o.world);
  const found = examine(cycle, { profile, budgets, random: () => 0 });
  const highest = Math.max(...found.totals);
  const { candidate } = found;
  return {
    ...head,
    nodes: nodesOf(found, cycle.snapshot.nodes),
    best: found.feasible.filter((_, i) => found.totals[i] === highest).map((node) => node.name).sort(), // prettier-ignore
    message: found.message,
    nominated: pod.status?.nominatedNodeName || undefined,
    preemption: candidate && {
      node: candidate.node,
      victims: candidate.victims.map(({ namespace, name, priority }) => ({ namespace, name, priority })),
      violatedBudgets: candidate.violations,
    },
    waitsFor: isWaiting(moment) ? waitsFor(pod, found, gate) : [],
  };
}
/** As it was before it had a node, so that this one is a node like the others. */
function unplaced(pod: Pod): Pod {
  if (!pod.spec?.nodeName) return pod;
  const { nodeName: _, ...spec } = pod.spec;
  return { ...pod, spec };
}
const isWaiting = ({ pod, bound }: Moment): boolean => bound === undefined && !isTerminal(pod);

function nodesOf(found: Examination, nodes: readonly NodeInfo[]): readonly NodeExplanation[] {
  const fitting = found.feasible.map((node, i): NodeExplanation => {
    const scores = found.scores.map(({ plugin, weight, raw, normalized }) => [plugin, { raw: raw[i]!, normalized: normalized[i]!, weight }] as const); // prettier-ignore
    return { name: node.name, feasible: true, scores: Object.fromEntries(scores), total: found.totals[i]! };
  });
  const names = new Set(fitting.map((node) => node.name));
  const refusing = nodes.filter((node) => !names.has(node.name)).map((node): NodeExplanation => {
    const { plugin, reasons, resolvable } = found.perNode.get(node.name) ?? {};
    return { name: node.name, feasible: false, ...(plugin !== undefined && { plugin, reasons: reasons!, resolvable: resolvable! }) };
  }); // prettier-ignore
  const byName = (a: NodeExplanation, b: NodeExplanation): number => a.name.localeCompare(b.name, 'en', { numeric: true }); // prettier-ignore
  return [...fitting.sort((a, b) => b.total! - a.total! || byName(a, b)), ...refusing.sort(byName)];
}
