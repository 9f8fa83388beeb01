/** In the order in which they are run; apart from what they are, which the command line need not load to name them. */
export const SCENARIO_NAMES = [
  'rollout', 'stateful', 'daemons', 'jobs', 'cronjobs', 'namespace', 'cascade', 'quota', 'disruption',
] as const; // prettier-ignore
export type ScenarioName = (typeof SCENARIO_NAMES)[number];
