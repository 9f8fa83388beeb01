import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import { identityOf, matchesNode } from '../../schemas/helpers/node-affinity.ts';
import { amountsOf, hostPorts, podRequests, portsCollide } from '../../schemas/helpers/pod-resources.ts';
import { untoleratedTaint } from '../../schemas/helpers/tolerations.ts';
import type { Ledger } from './ledger.ts';
import { admitSecurity, admitSysctls, type KernelFacts } from './security/admission.ts';

export interface Refusal {
  readonly reason: string;
  readonly message: string;
}
const refused = (predicate: string, why: string): Refusal => ({
  reason: predicate,
  message: `Predicate ${predicate} failed: ${why}`,
});

/**
 * Whether the node can take a pod beside those in the ledger; the scheduler may have been overtaken, or not asked at all.
 * The first refusal is the one that is told. Without `kernel` nothing asks for what a kernel may lack. Pure. Source: kubelet lifecycle/predicate.go.
 */
export function admit(pod: Pod, node: Node, ledger: Ledger, kernel?: KernelFacts): Refusal | undefined {
  const first = admitSysctls(pod) ?? admitPlace(pod, node, ledger);
  return first ?? (kernel && admitSecurity(pod, node, kernel));
}
function admitPlace(pod: Pod, node: Node, ledger: Ledger): Refusal | undefined {
  const os = pod.spec?.os?.name;
  if (os !== undefined && os !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  const capacity = amountsOf(node.status?.allocatable);
  const slots = capacity.get('pods') ?? 0;
  if (ledger.pods + 1 > slots) return outOf('pods', 1, ledger.pods, slots);
  for (const [name, wanted] of podRequests(pod)) {
    const total = capacity.get(name);
    // Resources that the node knows nothing of are someone else's to count.
    if (total === undefined || wanted === 0) continue;
    const taken = ledger.used.get(name) ?? 0;
    if (wanted > total - taken) return outOf(name, wanted, taken, total);
  }
  if (pod.spec !== undefined && !matchesNode(pod.spec, identityOf(node)))
    return refused('NodeAffinity', "node(s) didn't match Pod's node affinity/selector");
  const wanted = hostPorts(pod);
  const taken = ledger.ports.size === 0 || wanted.length === 0 ? [] : [...ledger.ports.values()].flat();
  if (taken.some((theirs) => wanted.some((ours) => portsCollide(ours, theirs))))
    return refused('NodePorts', "node(s) didn't have free ports for the requested pod ports");
  if (untoleratedTaint(node.spec?.taints, pod.spec?.tolerations, 'NoExecute') !== undefined)
    return refused('TaintToleration', "node(s) had taints that the pod didn't tolerate");
  return undefined;
}
const outOf = (resource: string, requested: number, used: number, capacity: number): Refusal => ({
  reason: `OutOf${resource}`,
  message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
});
