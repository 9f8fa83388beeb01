import type { Scenario } from '../scenario.ts';
import type { ScenarioName } from '../scenario-names.ts';
import { cronJobs } from './cronjobs.ts';
import { daemons } from './daemons.ts';
import { cascade, namespaceDeletion } from './deletion.ts';
import { jobs } from './jobs.ts';
import { disruption, quota } from './limits.ts';
import { rollout } from './rollout.ts';
import { stateful } from './stateful.ts';

const ALL = [rollout, stateful, daemons, jobs, cronJobs, namespaceDeletion, cascade, quota, disruption];
export const scenarioOf = (name: ScenarioName): Scenario => ALL.find((scenario) => scenario.name === name)!;
