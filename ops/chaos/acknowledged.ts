import type { Committed, Violation } from './committed.ts';
import type { Operation } from './operation.ts';

/** Every write that was acknowledged is in the log once, at the revision that its writer was told, with its value. */
export function checkAcknowledged(operations: readonly Operation[], log: readonly Committed[]): Violation[] {
  const violations: Violation[] = [];
  const report = (message: string, ...facts: string[]): void => {
    violations.push({ check: 'acknowledged', message, facts });
  };
  const byRevision = new Map(log.map((entry) => [entry.revision, entry]));
  const byValue = Map.groupBy(
    log.filter(({ value }) => value !== undefined),
    ({ key, value }) => `${key} ${value}`,
  );
  for (const [written, entries] of byValue)
    if (entries.length > 1)
      report(
        `"${written}" was written more than once`,
        entries.map(({ revision }) => `revision ${revision}`).join(', '),
      );
  for (const { client, key, ask, outcome } of operations) {
    if (outcome.kind !== 'done' || (ask.kind !== 'create' && ask.kind !== 'update')) continue;
    const entry = byRevision.get(outcome.revision ?? 0);
    const what = `${client}: ${ask.kind} of ${key} to "${ask.value}" was acknowledged at revision ${outcome.revision}`;
    if (entry === undefined) report('an acknowledged write is not in the log', what);
    else if (entry.key !== key || entry.value !== ask.value)
      report('the log has another write at an acknowledged revision', what, `there: ${entry.key} "${entry.value}"`);
  }
  return violations;
}
