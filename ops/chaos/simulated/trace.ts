import type { KubeObject } from '../../../schemas/meta/object.ts';
import { layFoundation } from './foundation.ts';
import type { Change } from './history.ts';
import { runSeed, type SeedResult } from './run.ts';
import type { ScenarioName } from './scenario-names.ts';
import { scenarioOf } from './scenarios/index.ts';

/** Runs one seed and tells all that happened, a line each: faults, what was committed and by whom, what components log. */
export async function traceSeed(name: ScenarioName, seed: number, say: (line: string) => void): Promise<SeedResult> {
  const foundation = await layFoundation();
  let began = 0;
  const at = (ms: number): string => `${((ms - began) / 1000).toFixed(3).padStart(9)} `;
  return runSeed({
    scenario: scenarioOf(name),
    seed,
    foundation,
    onStart: (history, now) => {
      began = now;
      history.onChange((change) => say(`${at(change.at)} ${describe(change)}`));
    },
    onFault: ({ fault, at: when }) =>
      say(`${at(when)} FAULT ${fault.kind} ${fault.target} for ${fault.forMs} ms${fault.amount === 0 ? '' : ` (${fault.amount})`}`), // prettier-ignore
    onMissing: (missing) => say(`${' '.repeat(10)} ${missing === undefined ? 'all is as it must be' : `to come: ${missing}`}`), // prettier-ignore
    onLog: ({ time, world, level, message, keys }) =>
      level !== 'debug' && say(`${at(time)} ${level} ${world}: ${message} ${JSON.stringify(keys)}`),
  });
}

function describe({ revision, key, before, after, term }: Change): string {
  const what = after === undefined ? (before === undefined ? 'put' : 'gone') : before === undefined ? 'new' : 'put';
  return `r${revision} ${what} ${key}${after === undefined ? '' : ` ${summary(after)}`}${term === undefined ? '' : ` by ${term.holder}`}`; // prettier-ignore
}
/** What tells most of an object's story. */
function summary({ metadata, spec, status }: KubeObject & { spec?: unknown; status?: unknown }): string {
  const of = (spec ?? {}) as Readonly<Record<string, unknown>>;
  const is = (status ?? {}) as Readonly<Record<string, unknown>>;
  const facts = {
    deleting: metadata.deletionTimestamp !== undefined || undefined,
    finalizers: metadata.finalizers,
    node: of['nodeName'],
    replicas: of['replicas'],
    phase: is['phase'],
    ready: is['readyReplicas'],
    active: is['active'],
    succeeded: is['succeeded'],
    failed: is['failed'],
  };
  return JSON.stringify(facts);
}
