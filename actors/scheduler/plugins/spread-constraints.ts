import type { TopologySpreadConstraint } from '../../../schemas/generated/core-v1.ts';
import type { LabelSelector } from '../../../schemas/meta/object.ts';
import { compileSelector } from '../../../schemas/helpers/label-match.ts';
import { constrainsNode, matchesNode } from '../../../schemas/helpers/node-affinity.ts';
import { untoleratedTaint } from '../../../schemas/helpers/tolerations.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import { asPropertyName } from '../snapshot/property-name.ts';
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
type Action = 'DoNotSchedule' | 'ScheduleAnyway';
/** What is spread where the pod says nothing itself; `isSystem`: the scheduler's own. */
export interface SpreadDefaults {
  readonly constraints: readonly TopologySpreadConstraint[];
  readonly isSystem: boolean;
}
/** Those of the pod, or of the profile for who says nothing. Source: podtopologyspread getConstraints. */
export function spreadsOf(cycle: Cycle, action: Action, defaults: SpreadDefaults): readonly Spread[] {
  const { pod } = cycle;
  const own = ownSpreads(pod, action);
  if (own !== undefined) return own;
  const wanted = defaults.constraints.filter((c) => c.whenUnsatisfiable === action);
  const selector = wanted.length === 0 ? undefined : cycle.ownersSelector(pod);
  return selector === undefined ? [] : wanted.map((c) => compile(pod, c, selector));
}
/** Those that the pod itself names; undefined: it names none at all. */
export function ownSpreads(pod: PodInfo, action: Action): readonly Spread[] | undefined {
  const own = pod.pod.spec?.topologySpreadConstraints;
  if (own === undefined || own.length === 0) return undefined;
  return own.flatMap((c) => (c.whenUnsatisfiable === action ? [compile(pod, c, selectorFor(pod, c))] : []));
}
function compile(pod: PodInfo, c: TopologySpreadConstraint, selector: Selector): Spread {
  const spec = pod.pod.spec!;
  const honorAffinity = (c.nodeAffinityPolicy ?? 'Honor') === 'Honor' && constrainsNode(spec);
  const honorTaints = c.nodeTaintsPolicy === 'Honor';
  return {
    maxSkew: c.maxSkew,
    topologyKey: asPropertyName(c.topologyKey),
    minDomains: c.minDomains ?? 1,
    selector,
    counts:
      honorAffinity || honorTaints
        ? (node) =>
            (!honorAffinity || matchesNode(spec, node)) &&
            (!honorTaints || untoleratedTaint(node.taints, pod.tolerations, 'NoSchedule', 'NoExecute') === undefined)
        : everywhere,
  };
}
/** With the pod's own values of the labels that matchLabelKeys names. */
function selectorFor(pod: PodInfo, { labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint): Selector {
  const same = labelSelector === undefined ? [] : matchLabelKeys.filter((key) => pod.labels?.[key] !== undefined);
  if (same.length === 0) return selectorOf(labelSelector);
  const expressions = same.map((key) => ({ key, operator: 'In' as const, values: [pod.labels![key]!] }));
  return selectorOf({
    ...labelSelector,
    matchExpressions: [...(labelSelector!.matchExpressions ?? []), ...expressions],
  });
}
/** An empty selector counts no pods here. Source: podtopologyspread countPodsMatchSelector. */
function selectorOf(selector: LabelSelector | undefined): Selector {
  const empty =
    Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
  return { key: JSON.stringify(selector) ?? '', matches: empty ? () => false : compileSelector(selector) };
}
/** What `counts` is for a constraint that no node is excepted from. */
export const everywhere = (): boolean => true;
/**
 * What pods without constraints of their own would like: their Service's or workload's pods spread over hosts (skew 3)
 * and zones (skew 5). Source: podtopologyspread systemDefaultConstraints.
 */
export const SYSTEM_DEFAULTS: SpreadDefaults = {
  constraints: [
    { maxSkew: 3, topologyKey: HOSTNAME, whenUnsatisfiable: 'ScheduleAnyway' },
    { maxSkew: 5, topologyKey: ZONE, whenUnsatisfiable: 'ScheduleAnyway' },
  ],
  isSystem: true,
};
export const keysOf = (spreads: readonly Spread[]): readonly string[] => spreads.map(({ topologyKey }) => topologyKey);
export const hasAllKeys = (node: Pick<NodeInfo, 'labels'>, keys: readonly string[]): boolean => {
  for (const key of keys) if (node.labels[key] === undefined) return false;
  return true;
};
