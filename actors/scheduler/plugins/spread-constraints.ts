import type { TopologySpreadConstraint } from '../../../schemas/generated/core-v1.ts';
import type { LabelSelector } from '../../../schemas/meta/object.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import { constrainsNode, matchesNode } from '../../../schemas/helpers/node-affinity.ts';
import { untoleratedTaint } from '../../../schemas/helpers/tolerations.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { Cycle, Selector } from './plugin.ts';

export const HOSTNAME = 'kubernetes.io/hostname';
const ZONE = 'topology.kubernetes.io/zone';

/** A topology spread constraint with its selector compiled and its defaults filled in. */
export interface Spread {
  readonly maxSkew: number;
  readonly topologyKey: string;
  readonly minDomains: number;
  readonly selector: Selector;
  /** Whether a node counts as a place for the pod at all (nodeAffinityPolicy, nodeTaintsPolicy). */
  readonly counts: (node: NodeInfo) => boolean;
}
export function spreadsOf(pod: PodInfo, action: 'DoNotSchedule' | 'ScheduleAnyway'): readonly Spread[] {
  const constraints = pod.pod.spec?.topologySpreadConstraints;
  return constraints === undefined
    ? []
    : constraints.filter((c) => c.whenUnsatisfiable === action).map((c) => compile(pod, c));
}
function compile(pod: PodInfo, c: TopologySpreadConstraint): Spread {
  const same = (c.matchLabelKeys ?? []).filter((key) => pod.labels?.[key] !== undefined);
  const selector: LabelSelector | undefined =
    same.length === 0 || c.labelSelector === undefined
      ? c.labelSelector
      : {
          ...c.labelSelector,
          matchLabels: {
            ...c.labelSelector.matchLabels,
            ...Object.fromEntries(same.map((key) => [key, pod.labels![key]!])),
          },
        };
  const honorAffinity = (c.nodeAffinityPolicy ?? 'Honor') === 'Honor';
  const honorTaints = c.nodeTaintsPolicy === 'Honor';
  const spec = pod.pod.spec!;
  return {
    maxSkew: c.maxSkew,
    topologyKey: c.topologyKey,
    minDomains: c.minDomains ?? 1,
    selector: selectorOf(selector),
    counts: (node) =>
      (!honorAffinity || matchesNode(spec, node)) &&
      (!honorTaints || untoleratedTaint(node.taints, pod.tolerations, 'NoSchedule', 'NoExecute') === undefined),
  };
}
/** An empty selector counts no pods here. Source: podtopologyspread countPodsMatchSelector. */
function selectorOf(selector: LabelSelector | undefined): Selector {
  const empty =
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
  return { key: JSON.stringify(selector) ?? '', matches: empty ? () => false : compileSelector(selector) };
}
const everywhere = (): boolean => true;
/**
 * What pods without constraints of their own would like: their Service's or workload's pods spread over hosts (skew 3)
 * and zones (skew 5). Source: podtopologyspread systemDefaultConstraints.
 */
export function defaultSpreads({ pod, ownersSelector }: Cycle): readonly Spread[] {
  const selector = ownersSelector(pod);
  if (selector === undefined) return [];
  const spec = pod.pod.spec!;
  const counts = constrainsNode(spec) ? (node: NodeInfo): boolean => matchesNode(spec, node) : everywhere;
  return [
    { maxSkew: 3, topologyKey: HOSTNAME, minDomains: 1, selector, counts },
    { maxSkew: 5, topologyKey: ZONE, minDomains: 1, selector, counts },
  ];
}
export const hasAllKeys = (node: NodeInfo, spreads: readonly Spread[]): boolean => {
  for (const s of spreads) if (node.labels[s.topologyKey] === undefined) return false;
  return true;
};
