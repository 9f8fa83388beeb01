import { setFlagsFromString } from 'node:v8';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { SeedResult } from '../../chaos/simulated/run.ts';
import { SCENARIO_NAMES, type ScenarioName } from '../../chaos/simulated/scenario-names.ts';
import { dim, print, printError, printJson, UserError } from '../output.ts';

export interface SimulatedChaosCommand {
  readonly scenario?: readonly string[] | undefined;
  readonly jobs?: number | undefined;
  readonly trace?: boolean | undefined;
  readonly output: 'text' | 'json';
}
const THREAD = 'chaos-simulated';

/**
 * Runs of whole clusters in simulated time, one a scenario and seed, in threads. Exit status 1 where a check fails.
 * Thrown: UserError for a scenario that does not exist.
 */
export async function simulatedChaos(seeds: readonly number[], options: SimulatedChaosCommand): Promise<void> {
  if (!isMainThread && workerData === THREAD) {
    const { serveTasks } = await import('../../chaos/simulated/sweep.ts');
    await serveTasks(parentPort!);
    return;
  }
  const isKnown = (name: string): name is ScenarioName => (SCENARIO_NAMES as readonly string[]).includes(name);
  const wished = options.scenario ?? [];
  const unknown = wished.find((name) => !isKnown(name));
  if (unknown !== undefined)
    throw new UserError(`there is no scenario "${unknown}": choose from ${SCENARIO_NAMES.join(',')}`, 2);
  const scenarios = wished.length > 0 ? wished.filter(isKnown) : SCENARIO_NAMES;
  const tasks = scenarios.flatMap((scenario) => seeds.map((seed) => ({ scenario, seed })));
  if (options.trace) {
    if (tasks.length > 1) throw new UserError('--trace tells of one run: name one --scenario and one --seed', 2);
    const { traceSeed } = await import('../../chaos/simulated/trace.ts');
    const result = await traceSeed(tasks[0]!.scenario, tasks[0]!.seed, print);
    tell(result);
    process.exit(result.violations.length > 0 ? 1 : 0);
  }
  const { sweep, YOUNG_MB } = await import('../../chaos/simulated/sweep.ts');
  // Threads have no flags of their own: those that start from here on have these.
  for (const bound of ['min', 'max']) setFlagsFromString(`--${bound}-semi-space-size=${YOUNG_MB}`);
  const enough = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      if (enough.signal.aborted) process.exit(130);
      printError('enough: the runs that have begun come to their end; once more ends at once');
      enough.abort();
    });
  const began = Date.now();
  const results: SeedResult[] = [];
  const isTerminal = process.stderr.isTTY;
  let told = 0;
  const progress = (): void => {
    const seconds = (Date.now() - began) / 1000;
    const failed = results.filter(({ violations }) => violations.length > 0).length;
    const rest = Math.round((seconds / results.length) * (tasks.length - results.length));
    const line = `${results.length} of ${tasks.length} runs, ${failed} failed, ${Math.round(seconds)} s, about ${rest} s to go`;
    if (isTerminal) process.stderr.write(`\r\u001b[K${dim(line)}`);
    // Not on a terminal: now and then a line of its own.
    else if (results.length * 10 >= tasks.length * (told + 1)) {
      told = Math.floor((results.length * 10) / tasks.length);
      printError(line);
    }
  };
  await sweep({
    tasks,
    jobs: options.jobs,
    signal: enough.signal,
    startThread: () =>
      new Worker(process.argv[1]!, {
        argv: ['chaos', '--simulated'],
        workerData: THREAD,
      }),
    onResult: (result) => {
      results.push(result);
      if (result.violations.length > 0) {
        if (isTerminal) process.stderr.write('\r\u001b[K');
        tell(result);
      }
      progress();
    },
  });
  if (isTerminal) process.stderr.write('\r\u001b[K');
  const seconds = (Date.now() - began) / 1000;
  const failed = results.filter(({ violations }) => violations.length > 0);
  const sum = (of: (result: SeedResult) => number): number => results.reduce((n, result) => n + of(result), 0);
  if (options.output === 'json') printJson({ runs: results.length, failed: failed.length, seconds, results });
  else
    print(
      `${results.length} runs of ${scenarios.join(', ')} in ${seconds.toFixed(1)} s: ${sum(({ faults }) => faults.length)} faults, ${sum(({ revisions }) => revisions)} revisions, ${Math.round(sum(({ simulatedMs }) => simulatedMs) / 60_000)} min of the clusters' time: ${failed.length === 0 ? 'no violation' : `VIOLATIONS in ${failed.length}`}`,
    );
  process.exit(failed.length > 0 ? 1 : 0);
}

function tell({ scenario, seed, violations, revisions, digest }: SeedResult): void {
  printError(`${scenario}, seed ${seed}: ${violations.length === 0 ? `no violation in ${revisions} revisions` : 'VIOLATION'} (history ${digest})`); // prettier-ignore
  for (const { check, message, revision } of violations)
    printError(`  ${check}: ${message}${revision === undefined ? '' : ` (revision ${revision})`}`);
  if (violations.length > 0) printError(`  again: kubus chaos --simulated --seed ${seed} --scenario ${scenario} --trace`); // prettier-ignore
}
