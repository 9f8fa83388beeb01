import type { Examination } from '../../actors/scheduler/explanation/examine.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';

/** What could make a pod fit that a plugin refused; plugins of others: anything. Source: EventsToRegister of the plugins. */
const REMEDIES: Readonly<Record<string, string>> = {
  NodeUnschedulable: 'a node that is uncordoned or added, or a toleration',
  NodeName: 'the node that it names',
  TaintToleration: 'a node without those taints, or a toleration',
  NodeAffinity: 'a node with the labels that it asks for',
  NodePorts: 'its host ports to become free, or another node',
  NodeResourcesFit: 'a node with more room, or pods that leave or ask for less',
  NodeDeclaredFeatures: 'a node with the features that it needs',
  VolumeRestrictions: 'the pod that uses its volume to leave',
  NodeVolumeLimits: 'a node that takes more volumes, or pods with volumes that leave',
  VolumeBinding: 'its claims and their volumes',
  VolumeZone: 'its volumes, or nodes in their zones',
  PodTopologySpread: 'nodes or alike pods that come, leave or change their labels',
  InterPodAffinity: 'pods that it wants to be near to come, or those it must be apart from to leave',
  DynamicResources: 'its resource claims and their devices',
};

/** What a pod without a node waits for, the most pressing first. */
export function waitsFor(pod: Pod, found: Examination, gate?: string): readonly string[] {
  const gates = pod.spec?.schedulingGates ?? [];
  if (gates.length > 0) return [`its scheduling gates to be removed: ${gates.map((gate) => gate.name).join(', ')}`];
  if (pod.metadata.deletionTimestamp !== undefined) return ['nothing any more: it is being deleted'];
  if (gate !== undefined) return [`its device claims: ${gate}`];
  if (found.feasible.length > 0) return ['its turn: there are nodes that take it'];
  const { nominatedNodeName } = pod.status ?? {};
  if (nominatedNodeName) return [`the pods that were preempted for it on ${nominatedNodeName} to be gone`];
  if (found.candidate !== undefined) return [`its turn: pods on ${found.candidate.node} are to be preempted for it`];
  if (found.nodes === 0) return ['a node: there is none'];
  if (found.reason !== undefined) return [found.reason];
  const plugins = new Set([...found.perNode.values()].map((rejection) => rejection.plugin));
  return [...plugins].map((plugin) => `${REMEDIES[plugin] ?? 'any change of the cluster'} (${plugin})`);
}
