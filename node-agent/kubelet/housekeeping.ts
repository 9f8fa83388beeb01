import type { StatsSummary, VolumeStats } from '../../bus/protocol/node.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { Refusal } from './admission.ts';
import type { NodeContext } from './context.ts';
import type { KubeletConfiguration } from './node/configuration.ts';
import type { NodeHealth } from './node/health.ts';

/** What only a machine has: pods that use it, and an end of what there is of it. */
export interface Housekeeping {
  readonly configuration: KubeletConfiguration;
  summary(): Promise<StatsSummary>;
  /** Of the claims of its pods, as last counted. */
  claimedVolumes(): Promise<readonly VolumeStats[]>;
  health(): NodeHealth;
  /** Why a pod cannot come now; undefined: it can. */
  admit(pod: Pod): Refusal | undefined;
  /** All pods are known that are the node's. */
  start(): void;
  /** The node goes off: no pod comes any more, and those that are there end, in order and within the times configured. */
  shutdown(): Promise<void>;
  stop(): void;
}
/** What it needs of the kubelet that it belongs to. */
export interface HousekeepingHost {
  readonly node: NodeContext;
  /** `health` may say something else now. */
  readonly healthChanged: () => void;
}
