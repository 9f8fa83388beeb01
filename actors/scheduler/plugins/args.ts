import type { NodeAffinity, TopologySpreadConstraint } from '../../../schemas/generated/core-v1.ts';

/**
 * What an operator may tell the plugins in a KubeSchedulerConfiguration, by upstream's names; what is absent has
 * upstream's default. Validated before it comes here. Source: kube-scheduler config v1 types_pluginargs.go, defaults.go.
 */
export interface ResourceSpec {
  readonly name: string;
  /** Default 1. */
  readonly weight?: number | undefined;
}
/** A corner of a function that is straight in between: utilization 0..100, score 0..10. */
export interface UtilizationShapePoint {
  readonly utilization: number;
  readonly score: number;
}
export interface ScoringStrategy {
  readonly type?: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio' | undefined;
  /** Default cpu and memory. */
  readonly resources?: readonly ResourceSpec[] | undefined;
  readonly requestedToCapacityRatio?: { readonly shape?: readonly UtilizationShapePoint[] | undefined } | undefined;
}
export interface NodeResourcesFitArgs {
  /** Extended resources that the filter passes over. */
  readonly ignoredResources?: readonly string[] | undefined;
  /** The same by what stands before the slash. */
  readonly ignoredResourceGroups?: readonly string[] | undefined;
  readonly scoringStrategy?: ScoringStrategy | undefined;
}
export interface NodeResourcesBalancedAllocationArgs {
  /** Default cpu and memory. */
  readonly resources?: readonly ResourceSpec[] | undefined;
}
export interface NodeAffinityArgs {
  /** Holds for every pod of the profile, besides its own. */
  readonly addedAffinity?: NodeAffinity | undefined;
}
export interface InterPodAffinityArgs {
  /** What a required term of a pod that is there weighs for one that it speaks of. Default 1. */
  readonly hardPodAffinityWeight?: number | undefined;
  readonly ignorePreferredTermsOfExistingPods?: boolean | undefined;
}
export interface PodTopologySpreadArgs {
  readonly defaultConstraints?: readonly TopologySpreadConstraint[] | undefined;
  /** Default `System`: the scheduler's own constraints, if there are none in `defaultConstraints`. */
  readonly defaultingType?: 'System' | 'List' | undefined;
}
export interface VolumeBindingArgs {
  /** Default 600. */
  readonly bindTimeoutSeconds?: number | undefined;
  /** How full storage of a node should be; read where storage capacity is scored, which it is not by default. */
  readonly shape?: readonly UtilizationShapePoint[] | undefined;
}
export interface DefaultPreemptionArgs {
  /** Of the nodes where eviction may help, at least this share is tried. Default 10. */
  readonly minCandidateNodesPercentage?: number | undefined;
  /** Default 100. */
  readonly minCandidateNodesAbsolute?: number | undefined;
}
export interface DynamicResourcesArgs {
  /** How long the filter may take on one node: a Go duration. Default 10s. */
  readonly filterTimeout?: string | undefined;
  /** How long devices may take to become ready for a pod that has its node: a Go duration. Default 600s. */
  readonly bindingTimeout?: string | undefined;
}
/** Of any plugin: no two call different things by one name. */
export interface PluginArgs
  extends
    NodeResourcesFitArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeAffinityArgs,
    InterPodAffinityArgs,
    PodTopologySpreadArgs,
    VolumeBindingArgs,
    DefaultPreemptionArgs,
    DynamicResourcesArgs {}
