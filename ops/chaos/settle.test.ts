import { describe, expect, it } from 'vitest';
import { checkLinearizable } from './linearizable.ts';
import type { Ask, Operation, Outcome } from './operation.ts';
import { settleUnknown } from './settle.ts';

const lost: Outcome = { kind: 'unknown', why: 'no answer' };
const operation = (ask: Ask, outcome: Outcome, invokedAt: number, returnedAt: number): Operation => ({
  client: 'c', key: 'k', ask, outcome, invokedAt, returnedAt,
}); // prettier-ignore
const create = (value: string): Ask => ({ kind: 'create', value });
const at = (revision: number, value: string | undefined) => ({ revision, key: 'k', value });

describe('writes without an answer', () => {
  it('are settled by what the log says of them', () => {
    const operations = [
      operation(create('a'), lost, 0, 1),
      operation({ kind: 'update', value: 'b', expect: 3 }, lost, 2, 3),
      operation({ kind: 'delete' }, lost, 4, 5),
      operation({ kind: 'get' }, { kind: 'done', revision: 3, value: 'a' }, 6, 7),
    ];
    expect(settleUnknown(operations, [at(3, 'a'), at(9, undefined)])).toEqual([
      { ...operations[0], outcome: { kind: 'done', revision: 3 }, returnedAt: Number.MAX_VALUE },
      operations[2],
      operations[3],
    ]);
  });

  it('may have been done long after their caller gave up, and not before they were asked for', () => {
    const absent = operation({ kind: 'get' }, { kind: 'notFound' }, 2, 3);
    const present = operation({ kind: 'get' }, { kind: 'done', revision: 5, value: 'a' }, 4, 5);
    const made = (when: number): Operation => operation(create('a'), lost, when, when + 0.5);
    const verdict = (...operations: Operation[]) => checkLinearizable(settleUnknown(operations, [at(5, 'a')])).kind;
    expect(verdict(made(0), absent, present)).toBe('linearizable');
    expect(verdict(absent, present, made(6))).toBe('violation');
  });

  it('let a history be decided that has too many orders otherwise', () => {
    const operations: Operation[] = [];
    const log = [];
    for (let n = 1; n <= 60; n++) {
      const ask: Ask = n === 1 ? create('v1') : { kind: 'update', value: `v${n}`, expect: n - 1 };
      operations.push(operation(ask, lost, n, n + 0.5));
      operations.push(operation({ kind: 'update', value: `never${n}`, expect: n }, lost, n, n + 0.5));
      log.push(at(n, `v${n}`));
    }
    operations.push(operation({ kind: 'get' }, { kind: 'done', revision: 60, value: 'v60' }, 100, 101));
    expect(checkLinearizable(settleUnknown(operations, log)).kind).toBe('linearizable');
    operations.push(operation({ kind: 'get' }, { kind: 'done', revision: 59, value: 'v59' }, 102, 103));
    expect(checkLinearizable(settleUnknown(operations, log)).kind).toBe('violation');
  });
});
