import type { Committed, Violation } from './committed.ts';

/** What a watcher of one resource lived through, in the order in which it did. */
export type Watched =
  /** It listed: from here on it knows of what was at `revision`. */
  | {
      readonly kind: 'listed';
      readonly at: number;
      readonly revision: number;
      readonly keys: ReadonlyMap<string, number>;
    }
  /** A watch was opened behind `revision` with `server`. */
  | { readonly kind: 'opened'; readonly at: number; readonly revision: number; readonly server: string }
  | { readonly kind: 'closed'; readonly at: number; readonly why: string }
  | {
      readonly kind: 'event';
      readonly at: number;
      readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
      readonly key: string;
      readonly revision: number;
      readonly value: string | undefined;
    }
  | { readonly kind: 'bookmark'; readonly at: number; readonly revision: number };
export interface WatchHistory {
  readonly watcher: string;
  readonly items: readonly Watched[];
}

/**
 * Between a list and the last event that a watcher got, it got every committed change once, in order, as what it was to
 * somebody who knew the state before. `log` holds all changes of the keys that are watched. `until`: each watcher must
 * have come that far.
 */
export function checkWatch({ watcher, items }: WatchHistory, log: readonly Committed[], until: number): Violation[] {
  const violations: Violation[] = [];
  const report = (message: string, ...facts: string[]): void => {
    violations.push({ check: 'watch', message: `${watcher}: ${message}`, facts });
  };
  /** Where in the log the watcher is, and what exists there. */
  let revision: number | undefined;
  let next = 0;
  let existing = new Map<string, number>();
  for (const item of items) {
    if (item.kind === 'listed') {
      revision = item.revision;
      next = indexAfter(log, revision);
      const expected = stateAt(log, revision);
      if (!sameState(expected, item.keys))
        report(`the list at revision ${revision} is not what was there`, differences(expected, item.keys));
      existing = expected;
      continue;
    }
    if (item.kind === 'bookmark') {
      const missed = log[next];
      if (missed !== undefined && missed.revision <= item.revision)
        report(`a bookmark passed over a change`, `bookmark ${item.revision}`, told(missed));
      continue;
    }
    if (item.kind !== 'event' || revision === undefined) continue;
    if (item.revision <= revision) {
      report(`revision ${item.revision} came again, or late`, `after revision ${revision}`, `${item.type} ${item.key}`);
      continue;
    }
    revision = item.revision;
    for (let entry = log[next]; entry !== undefined && entry.revision < item.revision; entry = log[++next]) {
      report('a change was left out', told(entry), `the next event was revision ${item.revision}`);
      move(existing, entry);
    }
    const entry = log[next];
    if (entry?.revision !== item.revision) {
      report(`there was no change at revision ${item.revision}`, `${item.type} ${item.key}`);
      continue;
    }
    next++;
    const type = entry.value === undefined ? 'DELETED' : existing.has(entry.key) ? 'MODIFIED' : 'ADDED';
    if (entry.key !== item.key || type !== item.type || (type !== 'DELETED' && entry.value !== item.value))
      report(`an event tells another change than was made`, `${item.type} ${item.key} "${item.value}"`, told(entry));
    move(existing, entry);
  }
  const missing = log.slice(next).filter((entry) => entry.revision <= until);
  if (revision === undefined) report('it never listed');
  else if (missing.length > 0)
    report(`${missing.length} changes never came`, ...missing.slice(0, 5).map(told), `it had come to ${revision}`);
  return violations;
}

const told = ({ revision, key, value }: Committed): string =>
  value === undefined ? `revision ${revision}: ${key} deleted` : `revision ${revision}: ${key} = "${value}"`;
function move(state: Map<string, number>, { key, value, revision }: Committed): void {
  if (value === undefined) state.delete(key);
  else state.set(key, revision);
}
function indexAfter(log: readonly Committed[], revision: number): number {
  const index = log.findIndex((entry) => entry.revision > revision);
  return index === -1 ? log.length : index;
}
function stateAt(log: readonly Committed[], revision: number): Map<string, number> {
  const state = new Map<string, number>();
  for (const entry of log) {
    if (entry.revision > revision) break;
    move(state, entry);
  }
  return state;
}
const sameState = (a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean =>
  a.size === b.size && [...a].every(([key, revision]) => b.get(key) === revision);
const differences = (expected: ReadonlyMap<string, number>, found: ReadonlyMap<string, number>): string =>
  [...new Set([...expected.keys(), ...found.keys()])]
    .filter((key) => expected.get(key) !== found.get(key))
    .map((key) => `${key}: ${expected.get(key) ?? 'absent'} expected, ${found.get(key) ?? 'absent'} listed`)
    .join('; ');
