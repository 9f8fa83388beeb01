import type { PluginArgs, ResourceSpec, ScoringStrategy } from '../plugins/args.ts';

type Args = PluginArgs & Readonly<Record<string, unknown>>;
const BOTH: readonly ResourceSpec[] = [
  { name: 'cpu', weight: 1 },
  { name: 'memory', weight: 1 },
];
/** What is absent or 0 weighs 1. */
const weighed = (resources: readonly ResourceSpec[] = []): readonly ResourceSpec[] =>
  resources.length === 0 ? BOTH : resources.map(({ name = '', weight }) => ({ name, weight: weight || 1 }));

function strategy(given: ScoringStrategy | undefined): ScoringStrategy {
  if (given === undefined) return { type: 'LeastAllocated', resources: BOTH };
  return { ...given, type: given.type ?? ('' as 'LeastAllocated'), resources: weighed(given.resources) };
}
/** Source: kube-scheduler apis/config/v1 defaults.go SetDefaults_*Args. */
const DEFAULTS: Readonly<Record<string, (args: Args) => Args>> = {
  DefaultPreemption: (args) => ({ minCandidateNodesPercentage: 10, minCandidateNodesAbsolute: 100, ...args }),
  DynamicResources: (args) => ({ filterTimeout: '10s', bindingTimeout: '600s', ...args }),
  InterPodAffinity: (args) => ({ hardPodAffinityWeight: 1, ignorePreferredTermsOfExistingPods: false, ...args }),
  NodeResourcesBalancedAllocation: (args) => ({ ...args, resources: weighed(args.resources) }),
  NodeResourcesFit: (args) => ({ ...args, scoringStrategy: strategy(args.scoringStrategy) }),
  PodTopologySpread: (args) => ({ ...args, defaultingType: args.defaultingType || 'System' }),
  VolumeBinding: (args) => ({ bindTimeoutSeconds: 600, ...args }),
};
/** A plugin's arguments with its defaults; of others what they are. */
export const defaultArguments = (name: string, args: Args | undefined): Args | undefined =>
  Object.hasOwn(DEFAULTS, name) ? DEFAULTS[name]!(args ?? {}) : args;
