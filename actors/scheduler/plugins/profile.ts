import { balancedAllocation } from './balanced-allocation.ts';
import { imageLocality } from './image-locality.ts';
import { interPodAffinity } from './inter-pod-affinity.ts';
import { nodeAffinity } from './node-affinity.ts';
import { nodeName } from './node-name.ts';
import { nodePorts } from './node-ports.ts';
import { nodeResourcesFit } from './node-resources-fit.ts';
import { nodeUnschedulable } from './node-unschedulable.ts';
import { podTopologySpread } from './pod-topology-spread.ts';
import type { FilterPlugin, ScorePlugin } from './plugin.ts';
import { volumeBinding } from './volume-binding.ts';
import { taintToleration } from './taint-toleration.ts';

export interface Profile {
  /** In the order in which they are asked; the first to reject a node is the one that is quoted. */
  readonly filters: readonly FilterPlugin[];
  readonly scores: readonly ScorePlugin[];
}
/** Source: scheduler apis/config/v1 default_plugins.go (order and weights). */
export const defaultProfile: Profile = {
  filters: [
    nodeUnschedulable,
    nodeName,
    taintToleration,
    nodeAffinity,
    nodePorts,
    nodeResourcesFit,
    volumeBinding,
    podTopologySpread,
    interPodAffinity,
  ],
  scores: [
    taintToleration,
    nodeAffinity,
    nodeResourcesFit,
    podTopologySpread,
    interPodAffinity,
    balancedAllocation,
    imageLocality,
  ],
};
