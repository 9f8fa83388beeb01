import { prefixEnd } from '../../../bus/protocol/etcd.ts';
import { compareAnyKeys } from '../compare.ts';
import type { Index } from '../index.ts';
import type { Version } from '../version.ts';
import { EtcdError, emptyKey } from './errors.ts';
import { endOf, keyOf, leaseIdOf, writableKeyOf } from './keys.ts';
import type { Message } from './messages.ts';
import { checkRange } from './range.ts';
import { checkPut } from './write.ts';

/** Source: etcd server/embed DefaultMaxTxnOps; transactions within take from it. */
const MAX_OPERATIONS = 128;

/** A transaction as it was asked for, checked: what it may do does not contradict itself. */
export interface Transaction {
  readonly compares: readonly Message[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}
export interface Operation {
  readonly kind: 'range' | 'put' | 'delete' | 'txn';
  readonly body: Message;
  /** Of a transaction within. */
  readonly inner?: Transaction;
}

/**
 * Thrown: InvalidArgument for what makes no sense, before anything is looked at.
 * Source: etcd server/etcdserver/api/v3rpc/key.go checkTxnRequest, checkIntervals.
 */
export function readTransaction(request: Message): Transaction {
  const transaction = read(request, MAX_OPERATIONS);
  for (const branch of [transaction.success, transaction.failure]) checkOverlaps(branch);
  return transaction;
}
function read(request: Message, most: number): Transaction {
  const [compares, success, failure] = (['compare', 'success', 'failure'] as const).map(
    (name) => request[name] as readonly Message[],
  ) as [readonly Message[], readonly Message[], readonly Message[]];
  const count = Math.max(compares.length, success.length, failure.length);
  if (count > most) throw new EtcdError('invalidArgument', 'too many operations in txn request');
  for (const compare of compares) {
    if ((compare['key'] as Uint8Array).length === 0) throw emptyKey();
    keyOf(compare['key']);
  }
  const operation = (one: Message): Operation => readOperation(one, most - count);
  return { compares, success: success.map(operation), failure: failure.map(operation) };
}
function readOperation(operation: Message, most: number): Operation {
  const { request_range, request_put, request_delete_range, request_txn } = operation as Readonly<
    Record<string, Message | undefined>
  >;
  if (request_txn !== undefined) return { kind: 'txn', body: request_txn, inner: read(request_txn, most) };
  if (request_put !== undefined) {
    checkPut(request_put);
    writableKeyOf(request_put['key']);
    return { kind: 'put', body: request_put };
  }
  if (request_delete_range !== undefined) {
    if ((request_delete_range['key'] as Uint8Array).length === 0) throw emptyKey();
    writableKeyOf(request_delete_range['key']);
    return { kind: 'delete', body: request_delete_range };
  }
  if (request_range === undefined) throw new EtcdError('invalidArgument', 'key not found');
  checkRange(request_range);
  return { kind: 'range', body: request_range };
}

interface Written {
  readonly puts: ReadonlySet<string>;
  readonly deletes: readonly ((key: string) => boolean)[];
}
/** No key may be put twice, or put and deleted; of the two branches of a transaction within only one comes to be. */
function checkOverlaps(operations: readonly Operation[]): Written {
  const deletes = operations.filter(({ kind }) => kind === 'delete').map(({ body }) => coverOf(body));
  const puts = new Set<string>();
  const put = (key: string): void => {
    if (puts.has(key) || deletes.some((covers) => covers(key)))
      throw new EtcdError('invalidArgument', 'duplicate key given in txn request');
    puts.add(key);
  };
  for (const { inner } of operations) {
    if (inner === undefined) continue;
    const [then, otherwise] = [checkOverlaps(inner.success), checkOverlaps(inner.failure)];
    for (const key of new Set([...then.puts, ...otherwise.puts])) put(key);
    deletes.push(...then.deletes, ...otherwise.deletes);
  }
  for (const { kind, body } of operations) if (kind === 'put') put(keyOf(body['key']));
  return { puts, deletes };
}

/** Whether a key lies in `key` to `range_end`. */
export function coverOf(request: Message): (key: string) => boolean {
  const key = keyOf(request['key']);
  const end = endOf(request['range_end']);
  if (end === undefined) return (other) => other === key;
  if (end === '\0') return (other) => compareAnyKeys(other, key) >= 0;
  if (end === prefixEnd(key)) return (other) => other.startsWith(key);
  return (other) => compareAnyKeys(other, key) >= 0 && compareAnyKeys(other, end) < 0;
}

/** What a transaction does where the store is as it is. */
export interface Path {
  readonly succeeded: boolean;
  readonly steps: readonly (Operation & { readonly path?: Path })[];
}
/** All is compared before anything is done. `compared` takes what was looked at. Source: etcd server/etcdserver/txn compareToPath. */
export function choosePath(index: Index, transaction: Transaction, compared: Message[]): Path {
  compared.push(...transaction.compares);
  const succeeded = transaction.compares.every((compare) => holds(index, compare));
  const steps = transaction[succeeded ? 'success' : 'failure'].map((step) =>
    step.inner === undefined ? step : { ...step, path: choosePath(index, step.inner, compared) },
  );
  return { succeeded, steps };
}
/** Of a range, of each key in it; a key that is not there has zeroes, and no value that could be compared. */
function holds(index: Index, compare: Message): boolean {
  const key = keyOf(compare['key']);
  const rangeEnd = endOf(compare['range_end']);
  if (rangeEnd === undefined) return holdsFor(index.live(key), compare);
  const all = { key, rangeEnd, revision: index.revision, limit: Infinity, maxBytes: Infinity };
  const { versions } = index.range(all);
  return versions.length === 0 ? holdsFor(undefined, compare) : versions.every((version) => holdsFor(version, compare));
}
/** By `result`: equal, greater, less, not equal. */
const RESULTS: readonly ((order: number) => boolean)[] = [(o) => o === 0, (o) => o > 0, (o) => o < 0, (o) => o !== 0];
const order = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : a > b ? 1 : 0);
/** By `target`: version, creation, modification, value, lease. Source: etcd server/etcdserver/txn/txn.go applyCompare. */
function holdsFor(version: Version | undefined, compare: Message): boolean {
  const check = RESULTS[compare['result'] as number] ?? (() => false);
  switch (compare['target']) {
    case 0:
      return check(order(version?.version ?? 0, compare['version'] as number));
    case 1:
      return check(order(version?.createRevision ?? 0, compare['create_revision'] as number));
    case 2:
      return check(order(version?.revision ?? 0, compare['mod_revision'] as number));
    case 3:
      return version !== undefined && check(Buffer.compare(version.value!, compare['value'] as Uint8Array));
    default:
      return check(order(version?.lease === undefined ? 0n : leaseIdOf(version.lease), compare['lease'] as bigint));
  }
}
