import { DEFAULT_POLICY, type VerificationPolicy } from '../pull-secrets/verification.ts';
import { DOOR_DEFAULTS, type DoorConfiguration } from './door-configuration.ts';

type Quantities = Readonly<Record<string, string>>;

/** What of a kubelet's configuration real nodes go by; durations as Go writes them. Source: kubelet config v1beta1. */
export interface KubeletConfiguration extends DoorConfiguration {
  readonly maxPods: number;
  /** Processes of one pod; -1: as many as all pods. */
  readonly podPidsLimit: number;
  /** Kept from pods, by resource. */
  readonly systemReserved: Quantities;
  readonly kubeReserved: Quantities;
  /** `pods`: all pods together are held to what is allocatable. */
  readonly enforceNodeAllocatable: readonly string[];
  /** Below which pods are evicted, by signal: a quantity or a percentage. */
  readonly evictionHard: Quantities;
  readonly evictionSoft: Quantities;
  readonly evictionSoftGracePeriod: Quantities;
  readonly evictionMinimumReclaim: Quantities;
  readonly evictionPressureTransitionPeriod: string;
  /** Seconds. */
  readonly evictionMaxPodGracePeriod: number;
  readonly imageGCHighThresholdPercent: number;
  readonly imageGCLowThresholdPercent: number;
  readonly imageMinimumGCAge: string;
  /** `0s`: unused images may stay for ever. */
  readonly imageMaximumGCAge: string;
  /** How long pods have to end when the node goes off; `0s`: they are not waited for. */
  readonly shutdownGracePeriod: string;
  /** The part of it that pods of the system have, after all others. */
  readonly shutdownGracePeriodCriticalPods: string;
  /** Instead of both. */
  readonly shutdownGracePeriodByPodPriority: readonly GraceOfPriority[];
  /** Whether the machine's logs are shown to who may reach the node. */
  readonly enableSystemLogHandler: boolean;
  /** After which a stream on which nothing is said is ended; `0s`: four hours. */
  readonly streamingConnectionIdleTimeout: string;
  /** How old the counts of volumes may be. */
  readonly volumeStatsAggPeriod: string;
  /** Whose credentials are looked at for images that are there. */
  readonly imagePullCredentialsVerificationPolicy: VerificationPolicy;
  readonly preloadedImagesVerificationAllowlist: readonly string[];
  /** One pull at a time. undefined: unless more are said. */
  readonly serializeImagePulls?: boolean;
  readonly maxParallelImagePulls?: number;
  /** Pulls begun a second, and at once; 0: as many as they like. */
  readonly registryPullQPS: number;
  readonly registryBurst: number;
  /** What is off unless it is asked for, by name: `CSIVolumeHealth`. */
  readonly featureGates: Readonly<Record<string, boolean>>;
}
export interface GraceOfPriority {
  readonly priority: number;
  readonly shutdownGracePeriodSeconds: number;
}
/** Source: kubelet apis/config/v1beta1 defaults.go, eviction/defaults_linux.go. */
export const DEFAULTS: KubeletConfiguration = {
  ...DOOR_DEFAULTS,
  maxPods: 110,
  podPidsLimit: -1,
  systemReserved: {},
  kubeReserved: {},
  enforceNodeAllocatable: ['pods'],
  evictionHard: {
    'memory.available': '100Mi',
    'nodefs.available': '10%',
    'nodefs.inodesFree': '5%',
    'imagefs.available': '15%',
    'imagefs.inodesFree': '5%',
  },
  evictionSoft: {},
  evictionSoftGracePeriod: {},
  evictionMinimumReclaim: {},
  evictionPressureTransitionPeriod: '5m0s',
  evictionMaxPodGracePeriod: 0,
  imageGCHighThresholdPercent: 85,
  imageGCLowThresholdPercent: 80,
  imageMinimumGCAge: '2m0s',
  imageMaximumGCAge: '0s',
  shutdownGracePeriod: '0s',
  shutdownGracePeriodCriticalPods: '0s',
  shutdownGracePeriodByPodPriority: [],
  enableSystemLogHandler: true,
  streamingConnectionIdleTimeout: '4h0m0s',
  volumeStatsAggPeriod: '1m0s',
  imagePullCredentialsVerificationPolicy: DEFAULT_POLICY,
  preloadedImagesVerificationAllowlist: [],
  registryPullQPS: 5,
  registryBurst: 10,
  featureGates: {},
};
