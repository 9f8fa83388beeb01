import type { Committed, Term, Violation } from './committed.ts';

/** Who acted for a lease from which revision on. */
export interface Reign {
  readonly term: Term;
  readonly from: number;
  readonly to: number;
  readonly effects: number;
}

/** The terms under which something was done, in the order in which they began to act. */
export function reignsOf(log: readonly Committed[]): Reign[] {
  const reigns = new Map<string, { term: Term; from: number; to: number; effects: number }>();
  for (const { revision, term } of log) {
    if (term === undefined) continue;
    const id = `${term.lease} ${term.transitions} ${term.holder}`;
    const reign = reigns.get(id);
    if (reign === undefined) reigns.set(id, { term, from: revision, to: revision, effects: 1 });
    else {
      reign.to = revision;
      reign.effects++;
    }
  }
  return [...reigns.values()];
}

/** One leader's effects at a time: none of an older term follows one of a newer, and a term has one holder. */
export function checkLeadership(log: readonly Committed[]): Violation[] {
  const violations: Violation[] = [];
  const newest = new Map<string, { term: Term; revision: number }>();
  for (const { revision, key, term } of log) {
    if (term === undefined) continue;
    const before = newest.get(term.lease);
    if (before !== undefined && term.transitions <= before.term.transitions) {
      if (term.transitions === before.term.transitions && term.holder === before.term.holder) continue;
      violations.push({
        check: 'leadership',
        message: `${term.lease}: ${term.holder} acted after its time`,
        facts: [
          `revision ${revision}: ${key} by ${term.holder}, term ${term.transitions}`,
          `revision ${before.revision}: ${before.term.holder} had begun to act, term ${before.term.transitions}`,
        ],
      });
      continue;
    }
    newest.set(term.lease, { term, revision });
  }
  return violations;
}
