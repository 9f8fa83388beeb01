import type { SchedulerMetrics } from './metrics.ts';
import type { Adviser } from './outside/adviser.ts';
import type { Placing } from './placing.ts';
import type { Profile } from './plugins/profile.ts';
import type { Reserver } from './reservation.ts';

/** All that places the pods of one schedulerName. */
export interface SchedulingProfile {
  readonly schedulerName: string;
  readonly profile: Profile;
  /** 0..100; 0: by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  /** In the order in which they are asked. */
  readonly reservers: readonly Reserver[];
  readonly placing: Placing;
  /** None, as a rule: then a pod's node is found without waiting for anything. */
  readonly advisers: readonly Adviser[];
  readonly metrics?: SchedulerMetrics | undefined;
}
