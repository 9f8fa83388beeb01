import type { Pod, PodAffinityTerm, PodSpec, Toleration } from '../../../schemas/generated/core-v1.ts';
import { compileSelector, type Labels, type Matcher } from '../../../schemas/helpers/label-match.ts';
import {
  hasPodLevelRequests,
  hostPorts,
  podRequests,
  type Amounts,
  type HostPort,
} from '../../../schemas/helpers/pod-resources.ts';
import { asPropertyName } from './property-name.ts';

/** One pod affinity or anti-affinity term, compiled. */
export interface AffinityTerm {
  /** Equal keys, equal terms. */
  readonly key: string;
  readonly topologyKey: string;
  readonly weight: number;
  /** Whether a pod is one the term speaks of; `namespaceLabels` are those of its namespace. */
  readonly matches: (labels: Labels, namespace: string, namespaceLabels: Labels) => boolean;
  /** It speaks of pods by what their namespaces are labelled with. */
  readonly selectsNamespaces: boolean;
}
/** A pod as the scheduler sees it: all that its plugins read, computed once. */
export interface PodInfo {
  /** Newest seen; its status may be older than the API's. */
  pod: Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly terminating: boolean;
  readonly requests: Amounts;
  /** Of cpu and memory: with a floor for containers that name none; scoring uses these. */
  readonly scoredRequests: Amounts;
  readonly ports: readonly HostPort[];
  readonly tolerations: readonly Toleration[];
  readonly affinity: readonly AffinityTerm[];
  readonly antiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
  /** Names of the claims that its volumes name. */
  readonly claims: readonly string[];
}
/** Source: scheduler util DefaultMilliCPURequest (100m) and DefaultMemoryRequest (200 MB, counted in MiB). */
export const SCORING_FLOOR: Amounts = new Map([
  ['cpu', 100],
  ['memory', 200 * 1024 * 1024],
]);
const NO_CLAIMS: readonly string[] = [];
function claimsNamed(spec: PodSpec | undefined): readonly string[] {
  let names: string[] | undefined;
  for (const { persistentVolumeClaim } of spec?.volumes ?? [])
    if (persistentVolumeClaim !== undefined) (names ??= []).push(persistentVolumeClaim.claimName);
  return names ?? NO_CLAIMS;
}
const NO_TERMS: readonly AffinityTerm[] = [];

export function podInfo(pod: Pod): PodInfo {
  const { metadata, spec } = pod;
  const affinity = spec?.affinity;
  const term = compileTermFor(pod);
  const requests = podRequests(pod, { useStatus: true });
  const plain = (terms: readonly PodAffinityTerm[] | undefined): readonly AffinityTerm[] =>
    terms?.map((t) => term(t, 0)) ?? NO_TERMS;
  const weighted = (
    terms: readonly { podAffinityTerm: PodAffinityTerm; weight: number }[] | undefined,
  ): readonly AffinityTerm[] => terms?.map((t) => term(t.podAffinityTerm, t.weight)) ?? NO_TERMS;
  return {
    pod,
    uid: metadata.uid ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name ?? '',
    labels: metadata.labels,
    priority: spec?.priority ?? 0,
    terminating: metadata.deletionTimestamp !== undefined,
    requests,
    scoredRequests: scoredRequests(pod, requests),
    ports: hostPorts(pod),
    tolerations: spec?.tolerations ?? [],
    affinity: plain(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: plain(affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferredAffinity: weighted(affinity?.podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    preferredAntiAffinity: weighted(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    claims: claimsNamed(spec),
  };
}
/** Where the pod itself requests something, the floor is only for what nobody requests. Source: PodInfo.CalculateResource. */
function scoredRequests(pod: Pod, requests: Amounts): Amounts {
  if (!hasPodLevelRequests(pod)) return podRequests(pod, { useStatus: true, floor: SCORING_FLOOR });
  const missing = [...SCORING_FLOOR].filter(([name]) => !requests.has(name));
  return missing.length === 0 ? requests : podRequests(pod, { useStatus: true, floor: new Map(missing) });
}
/** No namespaces and no selector: the pod's own namespace. matchLabelKeys arrive merged into the selector by the apiserver. */
const compileTermFor =
  (pod: Pod) =>
  (term: PodAffinityTerm, weight: number): AffinityTerm => {
    const own = term.namespaces === undefined || term.namespaces.length === 0;
    const names = new Set(
      own && term.namespaceSelector === undefined ? [pod.metadata.namespace ?? ''] : term.namespaces,
    );
    const selector = term.namespaceSelector;
    const select: Matcher = compileSelector(term.labelSelector);
    const selectNamespace: Matcher = compileSelector(term.namespaceSelector);
    return {
      key: JSON.stringify([term.topologyKey, weight, term.labelSelector, [...names].sort(), selector]),
      selectsNamespaces:
        selector !== undefined &&
        Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length > 0,
      topologyKey: asPropertyName(term.topologyKey),
      weight,
      matches: (labels, namespace, namespaceLabels) =>
        (names.has(namespace) || selectNamespace(namespaceLabels)) && select(labels),
    };
  };
/** The name of the scheduler that is to place it. */
export const schedulerOf = (pod: Pod): string => pod.spec?.schedulerName || 'default-scheduler';
export const hasAffinity = (p: PodInfo): boolean =>
  p.affinity.length + p.antiAffinity.length + p.preferredAffinity.length + p.preferredAntiAffinity.length > 0;
