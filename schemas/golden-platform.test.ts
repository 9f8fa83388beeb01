import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { ORACLE, oracleIsPresent } from './testing/golden.ts';
import { replay } from './testing/replay.ts';
import { loadAllExpressions } from './testing/load-expressions.ts';

beforeAll(loadAllExpressions);

/** Those that need more than schemas: allocation, admission, quotas. */
const ELSEWHERE = /^kinds-(?:core|apps|batch)/;
const MORE = ['crd', 'crd-validation', 'storage-objects', 'certificates', 'dynamic-resources'];

it.skipIf(!oracleIsPresent)('writes of the other groups answer as recorded (skipped without ../shared/oracle)', () => {
  const kinds = readdirSync(join(ORACLE, 'golden')).map((f) => f.replace(/\.json$/, ''));
  const outcomes = [...kinds.filter((k) => k.startsWith('kinds-') && !ELSEWHERE.test(k)), ...MORE].flatMap(replay);
  const failures = outcomes.filter((o) => !o.matches);
  const matched = outcomes.length - failures.length;
  const show = process.env['GOLDEN']
    ? failures.map((o) => `${o.step}\n  expected ${o.expected.slice(0, 900)}\n  actual   ${o.actual.slice(0, 900)}`)
    : failures.map((o) => o.step);
  console.log(`${show.join('\n')}\n${matched} of ${outcomes.length} recorded writes match`);
  expect(matched / outcomes.length).toBeGreaterThan(0.85);
});
