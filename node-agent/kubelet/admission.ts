import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import { identityOf, matchesNode } from '../../schemas/helpers/node-affinity.ts';
import { amountsOf, hostPorts, podRequests, portsCollide, type Amounts } from '../../schemas/helpers/pod-resources.ts';
import { untoleratedTaint } from '../../schemas/helpers/tolerations.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}
const refused = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
});

/**
 * Whether the node can take a pod beside `others`; the scheduler may have been overtaken, or not asked at all. The first
 * refusal is the one that is told. Pure. Source: kubelet lifecycle/predicate.go.
 */
export function admit(pod: Pod, node: Node, others: readonly Pod[]): Refusal | undefined {
  const os = pod.spec?.os?.name;
  if (os !== undefined && os !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  const capacity = amountsOf(node.status?.allocatable);
  const slots = capacity.get('pods') ?? 0;
  if (others.length + 1 > slots) return outOf('pods', 1, others.length, slots);
  const used: Amounts = new Map();
  for (const other of others) for (const [name, n] of podRequests(other)) used.set(name, (used.get(name) ?? 0) + n);
  for (const [name, wanted] of podRequests(pod)) {
    const total = capacity.get(name);
    // Resources that the node knows nothing of are someone else's to count.
    if (total === undefined || wanted === 0) continue;
    const taken = used.get(name) ?? 0;
    if (wanted > total - taken) return outOf(name, wanted, taken, total);
  }
  if (pod.spec !== undefined && !matchesNode(pod.spec, identityOf(node)))
    return refused('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const wanted = hostPorts(pod);
  if (wanted.length > 0 && others.some((other) => hostPorts(other).some((p) => wanted.some((w) => portsCollide(p, w)))))
    return refused('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, 'NoExecute') !== undefined)
    return refused('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}
const outOf = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});
