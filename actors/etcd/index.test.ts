import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogEntry } from '../../bus/log.ts';
import { compareAnyKeys, compareKeys } from './compare.ts';
import { HEADERS } from './headers.ts';
import { Index } from './index.ts';
import { bytes, text } from './testing/rig.ts';

const entry = (revision: number, key: string, value: string | undefined, more: Partial<LogEntry> = {}): LogEntry => ({
  revision,
  previous: 0,
  key,
  value: value === undefined ? undefined : bytes(value),
  time: revision * 1000,
  headers: {},
  id: `id-${revision}`,
  ...more,
});

const order = (key: string): Buffer => Buffer.from(key.toWellFormed());
describe('order of keys', () => {
  it('is the order of their UTF-8 bytes', () => {
    const anyKey = fc.string({ unit: 'grapheme' }).map((k) => k.toWellFormed());
    fc.assert(
      fc.property(anyKey, anyKey, (a, b) => {
        expect(Math.sign(compareAnyKeys(a, b))).toBe(Math.sign(Buffer.compare(order(a), order(b))));
      }),
    );
    const plain = fc.string({ unit: fc.constantFrom('/', '.', '-', '0', 'a', 'Z', 'ä', '日', '\uffee') });
    fc.assert(
      fc.property(plain, plain, (a, b) => {
        expect(Math.sign(compareKeys(a, b))).toBe(Math.sign(Buffer.compare(order(a), order(b))));
      }),
    );
  });
  it('holds in the index, also once a key beyond the BMP has come', () => {
    const keys = ['/😀', '/\uffee', '/a', '/a/b', '/a.b', '/ab', '/a-b', '/日'];
    const index = new Index();
    keys.forEach((key, i) => index.apply(entry(i + 1, key, 'x')));
    const { versions } = index.range({ key: '/', rangeEnd: '0', revision: 99, limit: 99, maxBytes: 1e9 });
    expect(versions.map((v) => v.key)).toEqual(keys.toSorted((a, b) => Buffer.compare(order(a), order(b))));
  });
});

/** Every state that ever was, copied at each step: slow and plain. */
class Model {
  readonly states = [new Map<string, { value: string; create: number; mod: number; version: number }>()];
  readonly log: [number, string, string | undefined][] = [];
  write(key: string, value: string | undefined): void {
    const next = new Map(this.states.at(-1));
    const revision = this.states.length;
    const before = next.get(key);
    if (value === undefined) next.delete(key);
    else
      next.set(key, {
        value,
        create: before?.create ?? revision,
        mod: revision,
        version: (before?.version ?? 0) + 1,
      });
    this.states.push(next);
    this.log.push([revision, key, value]);
  }
}

const KEYS = ['/a', '/a/1', '/a/2', '/a.x', '/b', '/c'];
const key = fc.constantFrom(...KEYS);
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: fc.constant('put' as const), key, value: fc.string({ maxLength: 3 }) }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), key }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('compact' as const), back: fc.nat(6), keep: fc.nat(3) }) },
);

const digestOf = (...entries: LogEntry[]): number | undefined => {
  const index = new Index();
  for (const e of entries) index.apply(e);
  return index.digest(0, index.revision);
};

describe('the index', () => {
  it('agrees with a naive model under random puts, deletes and compactions, at every revision above the floor', () => {
    fc.assert(
      fc.property(fc.array(command, { maxLength: 60 }), (commands) => {
        const model = new Model();
        const index = new Index();
        /** What the log would hold, given the purges asked for. */
        let log: { revision: number; key: string }[] = [];
        for (const c of commands) {
          if (c.op === 'compact') {
            const floor = Math.max(0, index.revision - c.back);
            index.raise(floor, floor - c.keep);
            while (index.forgetful)
              for (const purge of index.forget(2))
                log = log.filter((e) => e.key !== purge.key || e.revision >= purge.before);
          } else {
            const value = c.op === 'put' ? c.value : undefined;
            model.write(c.key, value);
            index.apply(entry(model.states.length - 1, c.key, value));
            log.push({ revision: model.states.length - 1, key: c.key });
          }
        }
        expect(index.revision).toBe(model.states.length - 1);
        for (let revision = index.floor; revision <= index.revision; revision++) {
          const state = model.states[revision]!;
          const all = index.range({ key: '/', rangeEnd: '0', revision, limit: 99, maxBytes: 1e9 });
          expect(all.versions.map((v) => [v.key, text(v.value), v.createRevision, v.revision, v.version])).toEqual(
            [...state]
              .toSorted(([a], [b]) => compareKeys(a, b))
              .map(([k, s]) => [k, s.value, s.create, s.mod, s.version]),
          );
          const page = index.range({ key: '/a', rangeEnd: '/b', revision, limit: 2, maxBytes: 1e9 });
          const within = [...state.keys()].filter((k) => k >= '/a' && k < '/b').length;
          expect([page.count, page.versions.length, page.more]).toEqual([within, Math.min(2, within), within > 2]);
          for (const k of KEYS) {
            const one = index.range({ key: k, revision, limit: 1, maxBytes: 1e9 });
            expect(text(one.versions[0]?.value)).toBe(state.get(k)?.value);
          }
        }
        expect([...index.history.after(index.floor)].map((v) => [v.revision, v.key, text(v.value)])).toEqual(
          model.log.filter(([revision]) => revision > index.floor),
        );
        expect(index.keys).toBe(model.states.at(-1)!.size);
        expect(index.entries).toBe(log.length);
        const held = log.reduce((sum, { revision }) => sum + (model.log[revision - 1]![2]?.length ?? 0), 0);
        expect(index.bytes).toBe(held);
      }),
      { numRuns: 300 },
    );
  });

  it('takes origins from the writer where the key has no past any more', () => {
    const index = new Index();
    index.apply(entry(7, '/a', 'x', { headers: { [HEADERS.origin]: '3 4' } }));
    index.apply(entry(8, '/a', 'y', { headers: { [HEADERS.origin]: '1 99' } }));
    expect(index.live('/a')).toMatchObject({ createRevision: 3, version: 5 });
    index.apply(entry(9, '/b', 'y', { headers: { [HEADERS.origin]: 'nonsense' } }));
    expect(index.live('/b')).toMatchObject({ createRevision: 9, version: 1 });
  });

  it('raises its floor where entries are missing: what was there cannot be told', () => {
    const index = new Index();
    index.apply(entry(1, '/a', 'x'));
    index.apply(entry(4, '/a', 'y'));
    expect([index.floor, index.digest(1, 4), index.digest(3, 4)]).toEqual([3, undefined, expect.any(Number)]);
    expect(() => index.apply(entry(4, '/a', 'again'))).toThrow(RangeError);
  });

  it('tells histories apart that differ in one bit, one key, or one kind of entry', () => {
    const base = entry(1, '/a', 'x');
    const digests = [
      digestOf(base, entry(2, '/b', 'y')),
      digestOf(base, entry(2, '/b', 'x')),
      digestOf(base, entry(2, '/c', 'y')),
      digestOf(base, entry(2, '/b', undefined)),
      digestOf(base, entry(2, '/b', '')),
      digestOf(entry(1, '/a', 'w'), entry(2, '/b', 'y')),
      digestOf(base),
    ];
    expect(new Set(digests).size).toBe(digests.length);
  });

  it('gives the same checksum for the same stretch, however much it knows of the rest', () => {
    const whole = new Index();
    const late = new Index();
    for (let i = 1; i <= 9; i++) {
      whole.apply(entry(i, '/a', `${i}`));
      if (i > 2) late.apply(entry(i, '/a', `${i}`));
    }
    whole.raise(5, 0);
    whole.forget(99);
    expect(late.digest(1, 9)).toBeUndefined();
    expect(whole.digest(4, 9)).toBeUndefined();
    expect(late.digest(5, 8)).toBe(whole.digest(5, 8));
    expect(late.digest(5, 8)).not.toBe(whole.digest(5, 9));
  });
});
