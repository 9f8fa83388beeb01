import type { Node, NodeSelectorTerm, PodSpec } from '../generated/core-v1.ts';
import { matchesRequirement, type Labels } from './label-match.ts';

export interface NodeIdentity {
  readonly name: string;
  readonly labels: Labels;
}
export const identityOf = (node: Node): NodeIdentity => ({
  name: node.metadata.name ?? '',
  labels: node.metadata.labels,
});

/** An empty term matches nothing. Source: component-helpers scheduling/corev1/nodeaffinity. */
export function matchesTerm(term: NodeSelectorTerm, node: NodeIdentity): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return false;
  for (const e of expressions) if (!matchesRequirement(e, node.labels ?? {})) return false;
  for (const f of fields) if (!matchesRequirement(f, { 'metadata.name': node.name })) return false;
  return true;
}
/** Whether a pod's nodeSelector and required node affinity admit the node. */
export function matchesNode(spec: PodSpec, node: NodeIdentity): boolean {
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (node.labels?.[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return required === undefined || required.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}
export const constrainsNode = (spec: PodSpec): boolean =>
  Object.keys(spec.nodeSelector ?? {}).length > 0 ||
  spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution !== undefined;
