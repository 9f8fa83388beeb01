import type { DaemonSet } from '../../../schemas/generated/apps-v1.ts';
import type { Node, Pod, PodSpec, Toleration } from '../../../schemas/generated/core-v1.ts';
import { identityOf, matchesNode } from '../../../schemas/helpers/node-affinity.ts';
import { untoleratedTaint } from '../../../schemas/helpers/tolerations.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { podFromTemplate } from '../../runtime/pod-template.ts';

export const HASH_LABEL = 'controller-revision-hash';
export const GENERATION_LABEL = 'pod-template-generation';
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const NODE_NAME = 'metadata.name';

const tolerating = (taint: string, effect: 'NoExecute' | 'NoSchedule'): Toleration => ({ key: `node.kubernetes.io/${taint}`, operator: 'Exists', effect }); // prettier-ignore
/** What befalls nodes is no reason for daemons to leave or stay away. Source: AddOrUpdateDaemonPodTolerations. */
const TOLERATIONS: readonly Toleration[] = [
  tolerating('not-ready', 'NoExecute'),
  tolerating('unreachable', 'NoExecute'),
  tolerating('disk-pressure', 'NoSchedule'),
  tolerating('memory-pressure', 'NoSchedule'),
  tolerating('pid-pressure', 'NoSchedule'),
  tolerating('unschedulable', 'NoSchedule'),
];
const OF_HOST_NETWORK = tolerating('network-unavailable', 'NoSchedule');

/** The template's tolerations and those of all daemons; one for the same key, operator, value and effect gives way. */
export function tolerationsOf(spec: PodSpec | undefined): Toleration[] {
  const all = [...(spec?.tolerations ?? [])];
  for (const added of spec?.hostNetwork ? [...TOLERATIONS, OF_HOST_NETWORK] : TOLERATIONS) {
    if (all.some((present) => equal(present, added))) continue;
    const at = all.findIndex(
      ({ key, operator, value, effect }) =>
        key === added.key && operator === added.operator && (value ?? '') === '' && effect === added.effect,
    );
    if (at >= 0) all[at] = added;
    else all.push(added);
  }
  return all;
}

export interface Eligibility {
  /** A pod is made if there is none. */
  readonly shouldRun: boolean;
  /** A pod that is there stays. */
  readonly shouldContinue: boolean;
}
const NEITHER: Eligibility = { shouldRun: false, shouldContinue: false };
const BOTH: Eligibility = { shouldRun: true, shouldContinue: true };
const ONLY_STAY: Eligibility = { shouldRun: false, shouldContinue: true };

/** Says of each node whether the set's pods belong there. Source: NodeShouldRunDaemonPod. */
export function eligibility({ spec }: DaemonSet): (node: Node) => Eligibility {
  const pod = spec?.template.spec;
  const tolerations = tolerationsOf(pod);
  return (node) => {
    if (pod?.nodeName && pod.nodeName !== node.metadata.name) return NEITHER;
    if (pod && !matchesNode(pod, identityOf(node))) return NEITHER;
    const taints = node.spec?.taints;
    if (!taints?.length || !untoleratedTaint(taints, tolerations, 'NoExecute', 'NoSchedule')) return BOTH;
    return untoleratedTaint(taints, tolerations, 'NoExecute') ? NEITHER : ONLY_STAY;
  };
}

/** The node that a pod is on or made for; undefined when it says neither. Source: util.GetTargetNodeName. */
export function targetNode({ spec }: Pod): string | undefined {
  if (spec?.nodeName) return spec.nodeName;
  const terms = spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const term of terms ?? [])
    for (const { key, operator, values } of term.matchFields ?? [])
      if (key === NODE_NAME && operator === 'In') return values?.length === 1 ? values[0] : undefined;
  return undefined;
}

/** Counts the template's changes as older versions did; undefined when it is no number. */
export function templateGeneration({ metadata }: DaemonSet): string | undefined {
  const text = metadata.annotations?.[TEMPLATE_GENERATION];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? String(BigInt(text)) : undefined;
}
/** Whether the pod is of the present template. Source: util.IsPodUpdated. */
export function isUpdated(pod: Pod, hash: string, generation: string | undefined): boolean {
  const labels = pod.metadata.labels;
  return labels?.[HASH_LABEL] === hash || (generation !== undefined && labels?.[GENERATION_LABEL] === generation);
}

/** The set's pod for a node: the scheduler binds it, and no node but this one will do. Source: util.CreatePodTemplate. */
export function podsFor(daemonSet: DaemonSet, hash: string): (node: string) => Pod {
  const generation = templateGeneration(daemonSet);
  const pod = podFromTemplate(daemonSet, daemonSet.spec?.template);
  const spec: PodSpec = { ...pod.spec!, tolerations: tolerationsOf(pod.spec) };
  const labels = { ...pod.metadata.labels, ...(generation !== undefined && { [GENERATION_LABEL]: generation }), [HASH_LABEL]: hash }; // prettier-ignore
  const { affinity } = spec;
  return (node) => ({
    ...pod,
    metadata: { ...pod.metadata, labels },
    spec: {
      ...spec,
      affinity: {
        ...affinity,
        nodeAffinity: {
          ...affinity?.nodeAffinity,
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchFields: [{ key: NODE_NAME, operator: 'In', values: [node] }] }],
          },
        },
      },
    },
  });
}
