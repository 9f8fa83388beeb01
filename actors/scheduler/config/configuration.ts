import type { PluginArgs } from '../plugins/args.ts';

/** What an operator tells a scheduler, complete: what he leaves out has upstream's default. Source: kube-scheduler config v1 types.go. */
export interface SchedulerConfiguration {
  readonly profiles: readonly ProfileConfiguration[];
  /** In the order in which they are asked. */
  readonly extenders: readonly ExtenderConfiguration[];
  /** 0..100; 0: by the number of nodes. */
  readonly percentageOfNodesToScore: number;
  readonly podInitialBackoffSeconds: number;
  readonly podMaxBackoffSeconds: number;
  /** A standby fills its caches only once it leads. */
  readonly delayCacheUntilActive: boolean;
  /** Accepted and said again; this scheduler has one thread, and elects as all components of the cluster do. */
  readonly parallelism: number;
  readonly leaderElection: LeaderElectionConfiguration;
  readonly clientConnection: ClientConnectionConfiguration;
}
export interface LeaderElectionConfiguration {
  readonly leaderElect: boolean;
  /** Go durations. */
  readonly leaseDuration: string;
  readonly renewDeadline: string;
  readonly retryPeriod: string;
  readonly resourceLock: string;
  readonly resourceName: string;
  readonly resourceNamespace: string;
}
export interface ClientConnectionConfiguration {
  readonly burst: number;
}
/** Places of the framework where plugins stand. */
export const POINTS = [
  'preFilter', 'filter', 'postFilter', 'reserve', 'preScore', 'score', 'preBind', 'bind', 'postBind', 'permit', 'preEnqueue', 'queueSort',
  'placementGenerate', 'placementScore',
] as const; // prettier-ignore
export type ExtensionPoint = (typeof POINTS)[number];

export interface PluginRef {
  readonly name: string;
  /** 0: not said. */
  readonly weight: number;
}
export interface PluginSet {
  readonly enabled: readonly PluginRef[];
  /** `*`: all that would be there by default. */
  readonly disabled: readonly PluginRef[];
}
export type PluginSets = Readonly<Record<ExtensionPoint | 'multiPoint', PluginSet>>;

export interface ProfileConfiguration {
  readonly schedulerName: string;
  /** Instead of the one for all profiles. */
  readonly percentageOfNodesToScore?: number | undefined;
  /** The defaults with what the operator changes in them. */
  readonly plugins: PluginSets;
  /** In the order of the file, those that have their defaults behind. */
  readonly pluginConfig: readonly PluginConfiguration[];
}
/** `args`: of plugins of the user's own whatever stands there. */
export interface PluginConfiguration {
  readonly name: string;
  readonly args: (PluginArgs & Readonly<Record<string, unknown>>) | undefined;
}
export interface ExtenderConfiguration {
  readonly urlPrefix: string;
  readonly filterVerb: string;
  readonly preemptVerb: string;
  readonly prioritizeVerb: string;
  readonly bindVerb: string;
  readonly weight: number;
  readonly enableHTTPS: boolean;
  readonly tlsConfig?: ExtenderTls | undefined;
  readonly httpTimeoutMs: number;
  readonly nodeCacheCapable: boolean;
  readonly managedResources: readonly { readonly name: string; readonly ignoredByScheduler: boolean }[];
  readonly ignorable: boolean;
}
/** Files are read already: `ca`, `cert` and `key` are PEM. */
export interface ExtenderTls {
  readonly insecure: boolean;
  readonly serverName?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}
