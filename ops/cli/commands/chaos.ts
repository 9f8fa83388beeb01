import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ChaosResult } from '../../chaos/run.ts';
import { FAULTS, type FaultKind } from '../../chaos/schedule.ts';
import { simulatedChaos, type SimulatedChaosCommand } from './chaos-simulated.ts';
import { dim, print, printError, printJson, UserError } from '../output.ts';

export interface ChaosCommand extends SimulatedChaosCommand {
  readonly simulated?: boolean | undefined;
  /** `7`, or `1..20`. */
  readonly seed: string;
  readonly seconds: number;
  readonly faults: readonly string[];
  readonly nats: number;
  readonly writers: number;
  readonly kubectl?: boolean | undefined;
  readonly report?: string | undefined;
}

/** Runs of chaos, one a seed, each on a cluster of its own. Exit status 1 where a check fails. */
export async function chaos(options: ChaosCommand): Promise<void> {
  const seeds = seedsOf(options.seed, options.simulated ? MAX_SIMULATED : MAX_SEEDS);
  if (options.simulated) return simulatedChaos(seeds, options);
  const alone = options.trace ? '--trace' : options.scenario ? '--scenario' : options.jobs && '--jobs';
  if (alone) throw new UserError(`${alone} is for: kubus chaos --simulated`, 2);
  const unknown = options.faults.find((kind) => !(FAULTS as readonly string[]).includes(kind));
  if (unknown !== undefined) throw new UserError(`there is no fault "${unknown}": choose from ${FAULTS.join(',')}`, 2);
  if (options.nats !== 1 && options.nats !== 3) throw new UserError('--nats must be 1 or 3', 2);
  const [{ runChaos }, { summarize }] = await Promise.all([
    import('../../chaos/run.ts'),
    import('../../chaos/summary.ts'),
  ]);
  const enough = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      // Even then all that was started ends: see createMember.
      if (enough.signal.aborted) process.exit(130);
      printError('enough: checking what was seen so far; once more ends at once');
      enough.abort();
    });
  const results: ChaosResult[] = [];
  for (const seed of seeds) {
    if (enough.signal.aborted) break;
    printError(`seed ${seed}: ${options.seconds} s of ${options.faults.join(', ')}`);
    const result = await runChaos({
      seed,
      seconds: options.seconds,
      faults: options.faults as readonly FaultKind[],
      cluster: { nats: options.nats },
      writers: options.writers,
      kubectl: options.kubectl,
      signal: enough.signal,
      onStep: (text) => printError(dim(`  ${text}`)),
    });
    results.push(result);
    const s = summarize(result);
    if (options.output === 'text')
      print(
        `seed ${seed}: ${s.faults.length} faults, ${s.operations} operations (${s.acknowledged} writes acknowledged, ${s.unanswered} without an answer), ${s.watches.resumed} watches resumed${options.kubectl ? `, ${s.kubectl.commands} kubectl commands (tried again ${s.kubectl.repeated} times)` : ''}, longest time without a write ${Math.round(s.longestWriteGapMs)} ms: ${s.violations.length === 0 ? 'no violation' : `${s.violations.length} VIOLATIONS`}`,
      );
    if (s.violations.length > 0) printError(`  data, logs and history.json of this run: ${result.dir}`);
    for (const { check, message, facts } of result.violations.slice(0, 10)) {
      printError(`  ${check}: ${message}`);
      for (const fact of facts) printError(`    ${fact}`);
    }
  }
  if (options.report !== undefined) {
    const { reportOf } = await import('../../chaos/report.ts');
    writeFileSync(resolve(options.report), reportOf(results));
    printError(`report: ${resolve(options.report)}`);
  }
  if (options.output === 'json') printJson(results.map(summarize));
  process.exit(results.some(({ violations }) => violations.length > 0) ? 1 : 0);
}

const MAX_SEEDS = 1_000;
const MAX_SIMULATED = 100_000;
/** Thrown: UserError for what is neither a number nor a range. */
export function seedsOf(text: string, most = MAX_SEEDS): number[] {
  const match = /^(\d{1,9})(?:\.\.(\d{1,9}))?$/.exec(text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (!match || last < first || last - first >= most)
    throw new UserError(`--seed must be a number, or a range such as 1..20, not "${text}"`, 2);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
