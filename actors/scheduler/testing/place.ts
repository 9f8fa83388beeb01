import type { Node, Pod } from '../../../schemas/generated/core-v1.ts';
import type { Labels } from '../../../schemas/helpers/label-match.ts';
import type { Cycle, FilterPlugin, ScorePlugin, Selector } from '../plugins/plugin.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import { podInfo } from '../snapshot/pod-info.ts';
import { Snapshot } from '../snapshot/snapshot.ts';

/** A snapshot of nodes with pods on them. */
export function snapshotOf(
  nodes: readonly Node[],
  placed: Readonly<Record<string, readonly Pod[]>> = {},
  namespaces: Readonly<Record<string, Labels>> = {},
): Snapshot {
  const snapshot = new Snapshot((name) => namespaces[name]);
  for (const node of nodes) snapshot.setNode(node);
  for (const [node, pods] of Object.entries(placed)) for (const pod of pods) snapshot.setPod(podInfo(pod), node);
  return snapshot;
}
export const cycleOf = (pod: Pod, snapshot: Snapshot, owners?: Selector): Cycle => ({
  pod: podInfo(pod),
  snapshot,
  ownersSelector: () => owners,
});
/** What the plugin says of each node: `ok` or the reasons; `!` before reasons that no eviction can change. */
export function verdicts(plugin: FilterPlugin, pod: Pod, snapshot: Snapshot): Record<string, string> {
  const prepared = plugin.prepare(cycleOf(pod, snapshot));
  const say = (node: NodeInfo): string => {
    if (prepared === 'skip') return 'ok';
    if ('reject' in prepared) return `!${prepared.reject.reasons.join(', ')}`;
    const rejected = prepared.filter(node);
    return rejected === undefined ? 'ok' : `${rejected.resolvable ? '' : '!'}${rejected.reasons.join(', ')}`;
  };
  return Object.fromEntries(snapshot.nodes.map((node) => [node.name, say(node)]));
}
/** Normalized score of each node, unweighted; undefined: no preference. */
export function scores(
  plugin: ScorePlugin,
  pod: Pod,
  snapshot: Snapshot,
  owners?: Selector,
): Record<string, number> | undefined {
  // prettier-ignore
  const scorer = plugin.prepareScore(cycleOf(pod, snapshot, owners), snapshot.nodes);
  if (scorer === undefined) return undefined;
  const values = Float64Array.from(snapshot.nodes, (node) => scorer.score(node));
  scorer.normalize?.(values, snapshot.nodes);
  return Object.fromEntries(snapshot.nodes.map((node, i) => [node.name, values[i]!]));
}
