import type { ApiClient } from '../runtime/api-client.ts';
import type { World } from '../../bus/world.ts';
import type { ConfiguredProfile } from './config/profiles.ts';
import type { Adviser } from './outside/adviser.ts';
import { defaultProfile } from './plugins/profile.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

/** What a scheduler goes by; see config/ for how it comes from a KubeSchedulerConfiguration. */
export interface SchedulerSettings {
  /** Pods of other schedulers are left alone. */
  readonly profiles: readonly (Omit<ConfiguredProfile, 'argumentsOf' | 'at' | 'weights'> &
    Partial<Pick<ConfiguredProfile, 'argumentsOf'>>)[];
  readonly initialBackoffMs?: number | undefined;
  readonly maxBackoffMs?: number | undefined;
  /** Where those who would place pods compete; default kube-system/kube-scheduler. */
  readonly lease?: { readonly namespace: string; readonly name: string } | undefined;
  /** A standby fills its caches only once it leads. Default false. */
  readonly delayCacheUntilActive?: boolean | undefined;
  /** Whoever is asked besides the plugins of this process; absent: nobody. */
  readonly outside?: ((context: OutsideContext) => Outside) | undefined;
}
export interface OutsideContext {
  readonly world: World;
  readonly client: ApiClient;
  readonly snapshot: Snapshot;
}
export interface Outside {
  /** In the order in which they are asked about pods of the scheduler of this name. */
  advisers(schedulerName: string): readonly Adviser[];
  stop(): void;
}
/** What holds where nobody has configured anything. */
export const DEFAULT_SETTINGS: SchedulerSettings = {
  profiles: [{ schedulerName: 'default-scheduler', profile: defaultProfile, percentageOfNodesToScore: 0 }],
};
