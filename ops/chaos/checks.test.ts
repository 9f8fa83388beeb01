import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkAcknowledged } from './acknowledged.ts';
import type { Committed, Term } from './committed.ts';
import { checkLeadership, reignsOf } from './leadership.ts';
import type { Operation } from './operation.ts';
import { checkWatch, type Watched } from './watch-check.ts';

const logs = fc
  .array(fc.record({ key: fc.constantFrom('a', 'b', 'c'), deleted: fc.boolean(), skip: fc.nat(3) }), {
    minLength: 3,
    maxLength: 30,
  })
  .map((changes) => {
    let revision = 0;
    const existing = new Set<string>();
    return changes.flatMap(({ key, deleted, skip }): Committed[] => {
      if (deleted && !existing.has(key)) return [];
      existing[deleted ? 'delete' : 'add'](key);
      revision += 1 + skip;
      return [{ revision, key, value: deleted ? undefined : `v${revision}` }];
    });
  })
  .filter((log) => log.length >= 3);

/** What a watcher that listed after the first `from` changes hears. */
function heard(log: readonly Committed[], from: number): Watched[] {
  const existing = new Map<string, number>();
  const move = (entry: Committed): void => {
    if (entry.value === undefined) existing.delete(entry.key);
    else existing.set(entry.key, entry.revision);
  };
  log.slice(0, from).forEach(move);
  const items: Watched[] = [{ kind: 'listed', at: 0, revision: log[from - 1]?.revision ?? 0, keys: new Map(existing) }];
  for (const entry of log.slice(from)) {
    const { key, revision, value } = entry;
    const type = value === undefined ? 'DELETED' : existing.has(key) ? 'MODIFIED' : 'ADDED';
    items.push({ kind: 'event', at: revision, type, key, revision, value });
    move(entry);
  }
  return items;
}
const check = (items: readonly Watched[], log: readonly Committed[]): string[] =>
  checkWatch({ watcher: 'w', items }, log, log.at(-1)!.revision).map(({ message }) => message);

describe('the checker of watches', () => {
  const scene = logs.chain((log) => fc.record({ log: fc.constant(log), from: fc.nat(log.length - 2), pick: fc.nat() }));
  const property = (holds: (log: readonly Committed[], items: Watched[], at: number) => void): void =>
    fc.assert(
      fc.property(scene, ({ log, from, pick }) => {
        const items = heard(log, from);
        holds(log, items, 1 + (pick % (items.length - 1)));
      }),
    );
  it('accepts a watcher that hears all, also one that is served by another in between', () =>
    property((log, items, at) => {
      expect(check(items, log)).toEqual([]);
      const revision = (items[at - 1] as { revision: number }).revision;
      const again: Watched[] = [
        { kind: 'closed', at: 0, why: 'gone' },
        { kind: 'opened', at: 0, revision, server: 'other' },
      ];
      expect(check([...items.slice(0, at), ...again, ...items.slice(at)], log)).toEqual([]);
    }));
  it('finds one event too few', () =>
    property((log, items, at) => expect(check(items.toSpliced(at, 1), log)).not.toEqual([])));
  it('finds one event that comes again', () =>
    property((log, items, at) => expect(check(items.toSpliced(at, 0, items[at]!), log)).not.toEqual([])));
  it('finds two events in the wrong order', () =>
    property((log, items, at) => {
      fc.pre(at + 1 < items.length);
      expect(check(items.with(at, items[at + 1]!).with(at + 1, items[at]!), log)).not.toEqual([]);
    }));
  it('finds an event of what never was', () =>
    property((log, items, at) => {
      const event = items[at] as Extract<Watched, { kind: 'event' }>;
      expect(check(items.with(at, { ...event, value: 'never', type: 'MODIFIED' }), log)).not.toEqual([]);
    }));
  it('finds a list that is not what was there', () =>
    property((log, items) => {
      const listed = items[0] as Extract<Watched, { kind: 'listed' }>;
      const keys = new Map([...listed.keys, ['a', 1_000]]);
      expect(check(items.with(0, { ...listed, keys }), log)).not.toEqual([]);
    }));
  it('finds a bookmark that passes over a change', () =>
    property((log, items, at) => {
      const { revision } = items[at] as { revision: number };
      expect(check(items.toSpliced(at, 0, { kind: 'bookmark', at: 0, revision }), log)).toContain(
        'w: a bookmark passed over a change',
      );
    }));
  it('finds a watcher that never came to be', () => expect(check([], [{ revision: 1, key: 'a', value: 'x' }])).toEqual(['w: it never listed'])); // prettier-ignore
});

describe('the checker of acknowledged writes', () => {
  const write = (key: string, value: string, revision: number): Operation => ({
    client: 'c', key, ask: { kind: 'create', value }, outcome: { kind: 'done', revision }, invokedAt: 0, returnedAt: 1,
  }); // prettier-ignore
  const log = [
    { revision: 1, key: 'a', value: 'x' },
    { revision: 2, key: 'b', value: 'y' },
  ];
  it.each([
    ['all are there', [write('a', 'x', 1), write('b', 'y', 2)], log, 0],
    ['one is not there', [write('a', 'x', 3)], log, 1],
    ['another is there', [write('a', 'x', 2)], log, 1],
    ['one is there twice', [], [...log, { revision: 3, key: 'a', value: 'x' }], 1],
  ])('%s', (_, operations, entries, found) => expect(checkAcknowledged(operations, entries)).toHaveLength(found));
});

describe('the checker of leaders', () => {
  const by = (revision: number, holder: string, transitions: number, lease = 'kube-system/x'): Committed => {
    const term: Term = { lease, holder, transitions };
    return { revision, key: 'k', value: 'v', term };
  };
  it.each([
    ['one leader', [by(1, 'a', 0), by(2, 'a', 0)], 0],
    ['one after the other', [by(1, 'a', 0), by(2, 'b', 1), by(3, 'b', 1), by(4, 'a', 2)], 0],
    ['two leases', [by(1, 'a', 5), by(2, 'b', 0, 'kube-system/y'), by(3, 'a', 5)], 0],
    ['an old one acts on', [by(1, 'a', 0), by(2, 'b', 1), by(3, 'a', 0)], 1],
    ['two of one term', [by(1, 'a', 1), by(2, 'b', 1)], 1],
    ['writes of nobody in particular', [{ revision: 1, key: 'k', value: 'v' }], 0],
  ])('%s', (_, log, found) => expect(checkLeadership(log)).toHaveLength(found));
  it('tells who reigned when', () =>
    expect(reignsOf([by(1, 'a', 0), by(2, 'a', 0), by(5, 'b', 1)])).toEqual([
      { term: { lease: 'kube-system/x', holder: 'a', transitions: 0 }, from: 1, to: 2, effects: 2 },
      { term: { lease: 'kube-system/x', holder: 'b', transitions: 1 }, from: 5, to: 5, effects: 1 },
    ]));
});
