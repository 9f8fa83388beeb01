import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { finish, upForTest, type TestCluster } from '../testing/cluster.ts';

const ORACLE = join(import.meta.dirname, '../../../shared/oracle');
/** Scenarios that came to us by asking the real server: `record` of the kit makes `golden/` from `scenarios/`. */
const OWN = import.meta.dirname;
/** Steps that must agree with the recording: all there are. Never lower it. */
const AT_LEAST = 1681;

interface Report {
  readonly passed: number;
  readonly failed: number;
  readonly steps: readonly Step[];
}
interface Step {
  readonly scenario: string;
  readonly step: string;
  readonly pass: boolean;
  readonly differences?: readonly unknown[];
}
/** What a reader of a failed run needs. */
const told = (steps: readonly Step[]): string[] =>
  steps.filter((s) => !s.pass).map((s) => `${s.scenario}: ${s.step}: ${JSON.stringify(s.differences).slice(0, 2_000)}`);

describe.skipIf(!existsSync(ORACLE))(
  'recordings of the real kube-apiserver (../shared/oracle; skipped where it is not there)',
  () => {
    let cluster: TestCluster;
    let dir: string;
    beforeAll(async () => {
      dir = mkdtempSync(join(tmpdir(), 'kubus-recorded-'));
      cluster = await upForTest(['--only', 'etcd,apiserver'], { dir });
    });
    afterAll(async () => {
      await cluster.stop();
      rmSync(dir, { recursive: true, force: true });
    });
    it(`answers at least ${AT_LEAST} steps as it did`, { timeout: 240_000 }, async () => {
      const steps = await check([]);
      const differ = steps.filter((s) => !s.pass);
      console.log(`recorded steps: ${steps.length - differ.length} of ${steps.length} agree`);
      // Some steps want their answer within a second or two, which is not theirs while other tests have the machine: scenarios
      // in which one differs are played once more, by themselves, and have to agree then.
      for (const scenario of new Set(differ.map((s) => s.scenario))) {
        const again = await check(['--only', scenario]);
        console.log(
          `played again: ${scenario}; before: ${told(differ.filter((s) => s.scenario === scenario)).join('\n')}`,
        );
        expect(told(again)).toEqual([]);
        expect(again.length, scenario).toBeGreaterThan(0);
      }
      expect(steps.length).toBeGreaterThanOrEqual(AT_LEAST);
    });
    it('answers every step of our own scenarios as it did', { timeout: 240_000 }, async () => {
      const steps = await check(['--suite', join(OWN, 'scenarios'), '--golden', join(OWN, 'golden')]);
      expect(told(steps)).toEqual([]);
      expect(steps.length).toBeGreaterThan(0);
    });
    async function check(args: readonly string[]): Promise<Report['steps']> {
      const report = join(dir, 'report.json');
      const command = [
        join(ORACLE, 'run.mjs'),
        'check',
        '--kubeconfig',
        cluster.kubeconfig,
        '--quiet',
        '--json',
        report,
      ];
      await finish(process.execPath, [...command, ...args], process.env);
      return (JSON.parse(readFileSync(report, 'utf8')) as Report).steps;
    }
  },
);
