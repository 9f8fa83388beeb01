import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { Decision } from '../../runtime/intent.ts';
import { nodes } from '../../runtime/resources.ts';

export const TTL = 'node.alpha.kubernetes.io/ttl';
/** From and up to how many nodes; ranges overlap, so that a node more or less does not change all. Source: ttlBoundaries. */
const STEPS = [
  { from: 0, to: 100, seconds: 0 },
  { from: 90, to: 500, seconds: 15 },
  { from: 450, to: 1_000, seconds: 30 },
  { from: 900, to: 2_000, seconds: 60 },
  { from: 1_800, to: Infinity, seconds: 300 },
] as const;

/** The step of a cluster that was at `step` and has `count` nodes now. */
export function stepOf(count: number, step: number): number {
  let now = step;
  while (count > STEPS[now]!.to) now++;
  while (count < STEPS[now]!.from) now--;
  return now;
}
export const ttlOf = (step: number): string => String(STEPS[step]!.seconds);
export const says = ({ metadata }: Node, ttl: string): boolean => metadata.annotations?.[TTL] === ttl;

/**
 * Tells kubelets for how long they may use Secrets and ConfigMaps without asking: the longer the more of them there are.
 * Source: pkg/controller/ttl.
 */
export function reconcile({ node, ttl }: { readonly node: Node; readonly ttl: string }): Decision {
  if (says(node, ttl)) return { intents: [] };
  const patch = { metadata: { annotations: { [TTL]: ttl } } };
  return { intents: [{ op: 'patch', gvr: nodes, namespace: undefined, name: node.metadata.name!, type: 'strategic', patch, tolerate: ['NotFound'] }] }; // prettier-ignore
}
