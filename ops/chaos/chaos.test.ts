import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { seedsOf } from '../cli/commands/chaos.ts';
import { reportOf } from './report.ts';
import { runChaos } from './run.ts';
import { STORE_LEADER, type Fault } from './schedule.ts';
import { summarize } from './summary.ts';

let dir: string;
let program: string;
beforeAll(async () => {
  // One bundle: eleven processes start several times faster from it.
  dir = mkdtempSync(join(tmpdir(), 'kubus-bundle-'));
  program = join(dir, 'kubus.mjs');
  await promisify(execFile)(process.execPath, [join(import.meta.dirname, '../build/bundle.ts'), program]);
}, 60_000);
afterAll(() => rmSync(dir, { recursive: true, force: true }));

it('three servers and two of each go through deaths, a stop and a partition without a violation', async () => {
  const schedule: readonly Fault[] = [
    { kind: 'kill', target: 'apiserver-1', at: 500, forMs: 200 },
    { kind: 'partition', target: 'etcd-2', at: 1_500, forMs: 2_000 },
    { kind: 'pause', target: 'apiserver-2', at: 4_000, forMs: 1_500 },
    { kind: 'kill', target: STORE_LEADER, at: 6_000, forMs: 500 },
  ];
  const result = await runChaos({
    seed: 1, seconds: 13, faults: [], schedule, kubectl: true, writers: 6,
    cluster: { nats: 3, nodes: 1, program, processes: { scheduler: 1, nodes: 1 } },
  }); // prettier-ignore
  const summary = summarize(result);
  expect(result.violations).toEqual([]);
  expect(result.faults.map(({ kind }) => kind)).toEqual(['kill', 'partition', 'pause', 'kill']);
  // It was no idle run.
  expect(summary.acknowledged).toBeGreaterThan(5);
  expect(summary.watches.resumed).toBeGreaterThan(0);
  expect(summary.kubectl.commands).toBeGreaterThan(0);
  expect(summary.leaders).toBeGreaterThan(1);
  for (const { nextWriteMs } of summary.faults) expect(nextWriteMs).toBeLessThan(30_000);
  const report = reportOf([result]);
  expect(report).toContain('No violation in 1 run');
  expect(report).not.toMatch(/(?:src|href)="(?!#)/);
  for (const { members } of result.faults) expect(report).toContain(members[0]);
  // Nobody is left behind.
  expect(existsSync(result.dir)).toBe(false);
}, 240_000);

it.each([
  ['7', [7]],
  ['1..3', [1, 2, 3]],
])('--seed %s', (text, seeds) => expect(seedsOf(text)).toEqual(seeds));
it.each(['', 'x', '3..1', '1..', '1..5000', '-1'])('refuses --seed "%s"', (text) =>
  expect(() => seedsOf(text)).toThrow(/--seed must be a number, or a range/),
);
