import { beforeAll, describe, expect, it, vi } from 'vitest';
import { layFoundation } from './foundation.ts';
import { runSeed, type Foundation } from './run.ts';
import { SCENARIO_NAMES, type ScenarioName } from './scenario-names.ts';
import { scenarioOf } from './scenarios/index.ts';

/** Of each scenario, those that last long fewer, and those that found something; `kubus chaos --simulated --seed 1..1000` goes further. */
const seedsOf = (name: ScenarioName): number[] =>
  name === 'cronjobs' ? [2] : name === 'rollout' ? [1, 2, 3, 4, 603] : [2, 3];
/** Nothing in a history may be of the machine that it was made on. */
vi.mock(import('node:os'), async (original) => {
  const asked = (): never => {
    throw new Error('the machine below was asked');
  };
  return { ...(await original()), hostname: asked, networkInterfaces: asked };
});
let foundation: Foundation;
beforeAll(async () => {
  foundation = await layFoundation();
}, 60_000);

describe.each(SCENARIO_NAMES)('%s', (name) => {
  it.each(seedsOf(name))(
    'holds all that must hold, and comes to rest as it must be: seed %i',
    async (seed) => {
      const result = await runSeed({ scenario: scenarioOf(name), seed, foundation });
      expect(result.violations).toEqual([]);
      // Something happened, and something was done to it.
      expect(result.revisions).toBeGreaterThan(50);
      expect(result.faults.length).toBeGreaterThan(0);
    },
    120_000,
  );
});

it('lives the same history from one seed, whatever ran before it, and another from another', async () => {
  const scenario = scenarioOf('daemons');
  const [first, again] = [
    await runSeed({ scenario, seed: 5, foundation }),
    await runSeed({ scenario, seed: 5, foundation: await layFoundation() }),
  ];
  expect(again).toEqual(first);
  const other = await runSeed({ scenario, seed: 6, foundation });
  expect(other.digest).not.toBe(first.digest);
}, 120_000);
