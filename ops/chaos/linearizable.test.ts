import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkLinearizable } from './linearizable.ts';
import type { Ask, Operation, Outcome } from './operation.ts';

const operation = (ask: Ask, outcome: Outcome, invokedAt: number, returnedAt: number, client = 'c'): Operation => ({
  client, key: 'k', ask, outcome, invokedAt, returnedAt,
}); // prettier-ignore
const unknown = { kind: 'unknown', why: 'no answer' } as const;
const create = (value: string): Ask => ({ kind: 'create', value });
const update = (value: string, expect: number): Ask => ({ kind: 'update', value, expect });
const done = (revision?: number, value?: string): Outcome => ({ kind: 'done', revision, value });

/** A real object that is compared and set, asked by clients whose answers come late, or are lost. */
interface Scripted {
  readonly client: number;
  readonly kind: Ask['kind'];
  readonly guess: boolean;
  readonly before: number;
  readonly after: number;
  readonly lost: boolean;
  readonly applied: boolean;
}
const script = fc.array(
  fc.record({
    client: fc.nat(3),
    kind: fc.constantFrom('get', 'create', 'update', 'delete'),
    guess: fc.boolean(),
    before: fc.nat(4),
    after: fc.nat(4),
    lost: fc.boolean(),
    applied: fc.boolean(),
  }) as fc.Arbitrary<Scripted>,
  { minLength: 1, maxLength: 40 },
);
function play(steps: readonly Scripted[]): Operation[] {
  let value: string | undefined;
  let revision = 0;
  let last = 0;
  const free = new Map<number, number>();
  return steps.flatMap(({ client, kind, guess, before, after, lost, applied }, i) => {
    const at = i * 3 + 5;
    const invokedAt = Math.max(at - before * 2, free.get(client) ?? 0);
    if (invokedAt > at) return [];
    const returnedAt = at + after * 2 + 1;
    free.set(client, returnedAt + 1);
    const expected = guess || revision === 0 ? Math.max(1, last - 1) : revision;
    const ask: Ask =
      kind === 'create' ? create(`v${i}`) : kind === 'update' ? update(`v${i}`, expected) : kind === 'get' ? { kind } : { kind, expect: guess ? expected : undefined }; // prettier-ignore
    if (lost && !applied) return [operation(ask, unknown, invokedAt, returnedAt, `c${client}`)];
    let outcome: Outcome;
    if (ask.kind === 'create') {
      if (value === undefined) outcome = done((revision = ++last), (value = ask.value));
      else outcome = { kind: 'alreadyExists' };
    } else if (value === undefined) outcome = { kind: 'notFound' };
    else if (ask.kind === 'get') outcome = done(revision, value);
    else if (ask.expect !== undefined && ask.expect !== revision) outcome = { kind: 'conflict' };
    else if (ask.kind === 'update') outcome = done((revision = ++last), (value = ask.value));
    else {
      outcome = done();
      value = undefined;
      revision = ++last;
    }
    return [operation(ask, lost ? unknown : outcome, invokedAt, returnedAt, `c${client}`)];
  });
}
const verdict = (...operations: Operation[]): string => checkLinearizable(operations).kind;

describe('the linearizability checker', () => {
  it('accepts whatever a real object does, also where answers are late or lost', () => {
    fc.assert(
      fc.property(script, (steps) => {
        expect(checkLinearizable(play(steps))).toEqual({ kind: 'linearizable' });
      }),
      { numRuns: 300 },
    );
  });
  it('finds any answer of a read that is of another time than its own', () => {
    fc.assert(
      fc.property(script, fc.nat(), (steps, pick) => {
        const history = play(steps.map((one) => ({ ...one, lost: false })));
        const end = Math.max(...history.map((o) => o.returnedAt)) + 1;
        const values = history.filter(
          ({ ask, outcome }) => 'value' in ask && outcome.kind === 'done' && outcome.revision !== undefined,
        );
        fc.pre(values.length >= 2);
        // Of two values that got revisions, the first cannot be what a reader after both finds.
        const stale = values[pick % (values.length - 1)]!;
        const { revision } = stale.outcome as Extract<Outcome, { kind: 'done' }>;
        const { value } = stale.ask as Extract<Ask, { value: string }>;
        const planted = operation({ kind: 'get' }, done(revision, value), end, end + 1, 'late');
        expect(checkLinearizable([...history, planted]).kind).toBe('violation');
      }),
      { numRuns: 300 },
    );
  });
  it('finds a lost update: two writers replaced the same revision', () =>
    expect(
      verdict(
        operation(create('a'), done(1), 0, 1),
        operation(update('b', 1), done(2), 2, 5, 'x'),
        operation(update('c', 1), done(3), 3, 6, 'y'),
      ),
    ).toBe('violation'));
  it('finds an acknowledged write that nobody finds afterwards', () =>
    expect(verdict(operation(create('a'), done(1), 0, 1), operation({ kind: 'get' }, { kind: 'notFound' }, 2, 3))).toBe(
      'violation',
    ));
  it('finds a stale read', () =>
    expect(
      verdict(
        operation(create('a'), done(1), 0, 1),
        operation(update('b', 1), done(2), 2, 3),
        operation({ kind: 'get' }, done(1, 'a'), 4, 5),
      ),
    ).toBe('violation'));
  it('finds a write that was applied twice: it came back after it was replaced', () =>
    expect(
      verdict(
        operation(create('a'), done(1), 0, 1),
        operation({ kind: 'delete' }, done(), 2, 3),
        operation({ kind: 'get' }, done(3, 'a'), 4, 5),
      ),
    ).toBe('violation'));
  it('finds a deleted object that is there again', () =>
    expect(
      verdict(
        operation(create('a'), done(1), 0, 1),
        operation({ kind: 'delete' }, done(), 2, 3),
        operation(update('b', 1), done(4), 4, 5),
      ),
    ).toBe('violation'));
  it('finds a revision that goes back', () =>
    expect(
      verdict(
        operation(create('a'), done(7), 0, 1),
        operation({ kind: 'delete' }, done(), 2, 3),
        operation(create('b'), done(5), 4, 5),
      ),
    ).toBe('violation'));
  it('lets a write without an answer take effect once, any time after it was sent, or never', () => {
    const sent = operation(create('a'), unknown, 0, 1);
    const found = (at: number): Operation => operation({ kind: 'get' }, done(3, 'a'), at, at + 1, 'r');
    const absent = (at: number): Operation => operation({ kind: 'get' }, { kind: 'notFound' }, at, at + 1, 'r');
    expect(verdict(sent, absent(2), absent(4))).toBe('linearizable');
    expect(verdict(sent, absent(2), found(4))).toBe('linearizable');
    expect(verdict(sent, found(2), absent(4))).toBe('violation');
    expect(verdict(sent, found(2), operation({ kind: 'delete' }, done(), 3, 4), found(5))).toBe('violation');
  });
  it('says when it gave up, and where it looked', () => {
    const history = [operation(create('a'), done(1), 0, 1), operation({ kind: 'get' }, { kind: 'notFound' }, 2, 3)];
    expect(checkLinearizable(history, 1)).toEqual({ kind: 'undecided', key: 'k' });
    expect(checkLinearizable(history)).toEqual({ kind: 'violation', key: 'k', stuck: [history[1]] });
  });
  it('decides long histories with lost answers in reasonable time', () => {
    const history: Operation[] = [operation(create('v0'), done(1), 0, 1)];
    for (let i = 1; i < 3000; i++) {
      history.push(operation(update(`v${i}`, i), done(i + 1), i * 10, i * 10 + 5));
      if (i % 30 === 0) history.push(operation(update(`lost${i}`, i), unknown, i * 10 + 1, i * 10 + 9, 'x'));
      history.push(operation({ kind: 'get' }, done(i + 1, `v${i}`), i * 10 + 6, i * 10 + 8, 'r'));
    }
    expect(checkLinearizable(history).kind).toBe('linearizable');
  });
});
