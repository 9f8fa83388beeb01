#!/usr/bin/env node
/**
 * `./kubus test [vitest options]`: the checks (types, lint, format, unused code) and then every test. Ends with the line
 * `N passed, N failed, N skipped` of real counts: each check is one, each test is one.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const env = {
  ...process.env,
  PATH: `${join(root, 'node_modules/.bin')}${delimiter}${process.env['PATH']}`,
  NODE_OPTIONS: '--disable-warning=ExperimentalWarning',
};
const args = process.argv.slice(2);
let passed = 0;
let failed = 0;
const run = (command: string, ...rest: string[]): number => {
  const began = performance.now();
  const { status } = spawnSync(command, rest, { cwd: root, env, stdio: 'inherit' });
  console.log(
    `${status === 0 ? 'ok  ' : 'FAIL'} ${command} ${rest.join(' ')} (${((performance.now() - began) / 1000).toFixed(1)} s)`,
  );
  return status ?? 1;
};
const check = (command: string, ...rest: string[]): void => {
  if (run(command, ...rest) === 0) passed++;
  else failed++;
};

// Types of the kinds come first: everything is checked against them.
if (run(process.execPath, 'ops/generate/types.ts') !== 0) process.exit(1);
if (args.length === 0) {
  check('tsc');
  // What runs in a browser has other types.
  check('tsc', '-p', 'ops/console/page');
  check('oxlint', '--type-aware');
  check('prettier', '--check', '--log-level', 'warn', '.');
  check('knip', '--no-progress');
}
const report = mkdtempSync(join(tmpdir(), 'kubus-test-'));
const status = run(
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${join(report, 'r.json')}`,
  ...args,
);
let skipped = 0;
try {
  const r = JSON.parse(readFileSync(join(report, 'r.json'), 'utf8')) as {
    numPassedTests: number;
    numFailedTests: number;
    numPendingTests: number;
    numTodoTests: number;
    numFailedTestSuites: number;
  };
  passed += r.numPassedTests;
  // A file that does not load has no tests to count, and is a failure all the same; so is an error outside of any test.
  failed += Math.max(
    r.numFailedTests,
    r.numFailedTestSuites > 0 && r.numFailedTests === 0 ? r.numFailedTestSuites : 0,
    status === 0 ? 0 : 1,
  );
  skipped = r.numPendingTests + r.numTodoTests;
} catch {
  failed++;
}
rmSync(report, { recursive: true, force: true });
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
