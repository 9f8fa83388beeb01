import type { Violation } from './committed.ts';
import type { Command } from './kubectl-user.ts';
import type { Injected } from './inject.ts';
import type { Recorded } from './run.ts';
import { ANSWER_MS } from './writer.ts';

/** How long after it was healed a process may still be catching up, ms. */
const RECOVERY_MS = 10_000;

/**
 * An API server that runs answers in time, if only to say that it cannot: silence is for those who are stopped. And what
 * it answers is success, a conflict, or a 503 or 504: nothing else is true of a store that cannot be reached.
 */
export function checkService(operations: readonly Recorded[], faults: readonly Injected[]): Violation[] {
  const violations: Violation[] = [];
  for (const { client, ask, key, outcome, invokedAt, returnedAt, server } of operations) {
    if (outcome.kind !== 'unknown') continue;
    const what = `${client}: ${ask.kind} ${key} at ${server}: ${outcome.why}`;
    const code = /^(\d{3}) /.exec(outcome.why)?.[1];
    if (code !== undefined && code !== '503' && code !== '504')
      violations.push({ check: 'service', message: `an answer that is neither yes, no nor "not now"`, facts: [what] });
    const late = code === undefined && returnedAt - invokedAt >= ANSWER_MS;
    const excused = faults.some(
      (fault) =>
        fault.from <= returnedAt &&
        fault.to + RECOVERY_MS >= invokedAt &&
        (fault.kind === 'pause' || fault.kind === 'kill') &&
        fault.members.some((name) => name.startsWith('apiserver')),
    );
    if (late && !excused) violations.push({ check: 'service', message: 'no answer in time', facts: [what] });
  }
  return violations;
}

/** Whoever works with kubectl gets through, if need be by trying again. */
export const checkCommands = (commands: readonly Command[]): Violation[] =>
  commands
    .filter(({ succeeded }) => !succeeded)
    .map(({ what, failures }) => ({ check: 'service', message: `${what} did not work`, facts: failures }));
