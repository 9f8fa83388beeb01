import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { ResourceClaim } from '../../../schemas/generated/resource-v1.ts';
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass } from '../../../schemas/generated/storage-v1.ts';
import type { Labels, Matcher } from '../../../schemas/helpers/label-match.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Budget, Candidate, Preemption } from '../preemption.ts';
import type { Diagnosis } from '../schedule.ts';
import type { VolumeView } from '../volumes/plan.ts';
import type { PluginArgs } from './args.ts';
import type { DeviceView } from './dynamic-resources/view.ts';
import type { Profile } from './profile.ts';

/** Why a node cannot take a pod; `resolvable` if evicting other pods could change that. */
export interface Rejection {
  readonly plugin: string;
  readonly reasons: readonly string[];
  readonly resolvable: boolean;
}
/** What all plugins read for one pod's attempt. */
export interface Cycle {
  readonly pod: PodInfo;
  readonly snapshot: Snapshot;
  /** Services and workload controllers that speak for a pod; undefined if none does. */
  readonly ownersSelector: (pod: PodInfo) => Selector | undefined;
  /** Whether devices may stand for an extended resource; absent: for none. */
  readonly isDeviceResource?: ((name: string) => boolean) | undefined;
  /** Volumes and claims; absent where nobody asks for any. */
  readonly volumes?: VolumeView | undefined;
  /** Devices and their claims; absent as long as nobody asks for any. */
  readonly devices?: DeviceView | undefined;
}
export interface Selector {
  /** Equal keys, equal selectors. */
  readonly key: string;
  readonly matches: Matcher;
}
export type NodeFilter = (node: NodeInfo) => Rejection | undefined;

/** `skip`: has nothing to say about this pod. `only`: no other node can do. `reject`: no node can do. */
export type Preparation =
  { readonly filter: NodeFilter; readonly only?: ReadonlySet<string> } | { readonly reject: Rejection } | 'skip';

export interface FilterPlugin {
  readonly name: string;
  /** What `prepare` found depends on which pods are where: it is asked again when pods are thought away, or added. */
  readonly dependsOnPods?: boolean | undefined;
  /** Called once an attempt, before any node is looked at: work that is the same for all nodes belongs here. */
  prepare(cycle: Cycle): Preparation;
  /** Whether the event could make a pod fit that this plugin has rejected. */
  hint(event: ClusterEvent, pod: PodInfo): boolean;
}
export interface Scorer {
  /** Any number; `normalize` brings it to 0..100. */
  readonly score: (node: NodeInfo) => number;
  /** In place, one entry a node of `nodes`. */
  readonly normalize?: (scores: Float64Array, nodes: readonly NodeInfo[]) => void;
}
export interface ScorePlugin {
  readonly name: string;
  /** undefined: has no preference for this pod. */
  prepareScore(cycle: Cycle, feasible: readonly NodeInfo[]): Scorer | undefined;
}
/** Asked when no node will do. */
export interface PostFilterPlugin {
  readonly name: string;
  postFilter(cycle: Cycle, failure: Failure): Preemption;
}
/** How no node came to do, and what may be done about it. */
export interface Failure {
  readonly profile: Profile;
  readonly diagnosis: Diagnosis;
  readonly budgets: readonly Budget[];
  readonly random: () => number;
  /** Hears of all nodes where eviction would help, before one is chosen. */
  readonly candidates?: (all: readonly Candidate[]) => void;
}
/** Of what may stand in a configuration by this name: everything that it is. */
export interface Plugin extends Partial<Omit<FilterPlugin & ScorePlugin & PostFilterPlugin, 'name'>> {
  readonly name: string;
}
/** Makes a plugin; without arguments as upstream has it by default. Neither it nor what it makes has effects. */
export type PluginFactory = (args?: PluginArgs) => Plugin;
export const MAX_SCORE = 100;

/** What happens to the cluster that may end a pod's waiting. */
export type ClusterEvent =
  | { readonly type: 'node.added'; readonly node: NodeLike }
  | { readonly type: 'node.updated'; readonly node: NodeLike; readonly old: Node }
  | { readonly type: 'node.deleted'; readonly node: NodeLike }
  /** A pod with a node appeared, or changed its labels. */
  | { readonly type: 'pod.assigned'; readonly pod: PodInfo }
  | { readonly type: 'pod.relabelled'; readonly pod: PodInfo; readonly old: PodInfo }
  /** A pod with a node is gone, finished, or (`old`) asks for less than before. */
  | { readonly type: 'pod.released'; readonly pod: PodInfo }
  | { readonly type: 'namespace.relabelled'; readonly name: string; readonly labels: Labels }
  /** A claim appeared or changed. */
  | { readonly type: 'claim.changed'; readonly namespace: string; readonly name: string; readonly isNew: boolean }
  | { readonly type: 'volume.changed'; readonly isNew: boolean }
  | { readonly type: 'csiNode.changed'; readonly now: CSINode; readonly old: CSINode | undefined }
  | { readonly type: 'csiDriver.changed'; readonly now: CSIDriver; readonly old: CSIDriver | undefined }
  | {
      readonly type: 'storageCapacity.changed';
      readonly now: CSIStorageCapacity;
      readonly old: CSIStorageCapacity | undefined;
    }
  | { readonly type: 'volumeAttachment.gone' }
  /** A claim of devices appeared, changed, or is gone with what it held. */
  | { readonly type: 'resourceClaim.changed'; readonly claim: ResourceClaim; readonly old: ResourceClaim | undefined }
  | { readonly type: 'deviceClass.changed' | 'resourceSlice.changed'; readonly isNew: boolean }
  | {
      readonly type: 'storageClass.changed';
      readonly storageClass: StorageClass;
      readonly old: StorageClass | undefined;
    };
export interface NodeLike {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly node: Node;
}
export const rejection = (plugin: string, reason: string, resolvable = false): Rejection => ({
  plugin,
  reasons: [reason],
  resolvable,
});
/** Scales to 0..100 by the highest; `reverse`: the highest becomes 0. Source: scheduler helper.DefaultNormalizeScore. */
export function normalizeByMax(scores: Float64Array, reverse: boolean): void {
  let max = 0;
  for (const score of scores) if (score > max) max = score;
  for (let i = 0; i < scores.length; i++) {
    const scaled = max === 0 ? 0 : Math.trunc((MAX_SCORE * scores[i]!) / max);
    scores[i] = reverse ? MAX_SCORE - scaled : scaled;
  }
}
