import type { Index, Version } from '../index.ts';
import { beyond, EtcdError, emptyKey } from './errors.ts';
import { endOf, keyOf, keyValue, leaseIdOf, writableKeyOf } from './keys.ts';
import type { Message } from './messages.ts';
import { rangeAt } from './range.ts';
import { checkPut, deleteOne, onlyKeyOf, putOne, type Writer } from './write.ts';

/** Source: etcd server/embed DefaultMaxTxnOps. */
const MAX_OPERATIONS = 128;
const MAX_CONFLICTS = 32;

/**
 * A transaction that reads what it likes, and writes at most one key, which must then be the key that is compared: what
 * the log can do in one append. It is what kube-apiserver's are. Thrown: Unimplemented for any other.
 */
export async function txn(writer: Writer, request: Message, signal: AbortSignal): Promise<Message> {
  const { store } = writer;
  const compares = request['compare'] as readonly Message[];
  const branches = [operations(request, 'success'), operations(request, 'failure')] as const;
  for (const compare of compares) if ((compare['key'] as Uint8Array).length === 0) throw emptyKey();
  // At first by what the index has: a failed append tells of it if that was old.
  for (let fresh = false, conflicts = 0; ;) {
    const { index } = store;
    const now = index.revision;
    const succeeded = compares.every((compare) => holds(index, compare, now));
    const chosen = branches[succeeded ? 0 : 1];
    const writes = chosen.filter(({ kind }) => kind !== 'range');
    if (!fresh && (!succeeded || writes.length === 0)) {
      await store.fresh();
      fresh = true;
      continue;
    }
    if (writes.length === 0)
      return {
        succeeded,
        responses: chosen.map(({ body }) => ({ response_range: inside(rangeAt(store, body, now), now) })),
      };
    const key = keyOfWrite(writes);
    if (compares.some((compare) => endOf(compare['range_end']) !== undefined || keyOf(compare['key']) !== key))
      throw beyond('a transaction that writes another key than it compares');
    const current = index.live(key);
    const result = await oneWrite(writer, writes[0]!, key, { current }, signal);
    if (result === 'conflict') {
      if (++conflicts > MAX_CONFLICTS) throw new EtcdError('resourceExhausted', 'too many requests');
      await store.fresh();
      fresh = true;
      continue;
    }
    const { revision } = result;
    const responses = chosen.map((operation) =>
      operation === writes[0]
        ? result.response
        : { response_range: inside(rangeAt(store, operation.body, revision), revision) },
    );
    return { succeeded, responses };
  }
}
const inside = (answer: Message, revision: number): Message => ({ ...answer, header: { revision } });

interface Operation {
  readonly kind: 'range' | 'put' | 'delete';
  readonly body: Message;
}
function operations(request: Message, branch: string): readonly Operation[] {
  const list = request[branch] as readonly Message[];
  if (list.length > MAX_OPERATIONS) throw new EtcdError('invalidArgument', 'too many operations in txn request');
  return list.map((operation): Operation => {
    const { request_range, request_put, request_delete_range, request_txn } = operation as Readonly<
      Record<string, Message | undefined>
    >;
    if (request_txn !== undefined) throw beyond('a transaction within a transaction');
    if (request_put !== undefined) {
      checkPut(request_put);
      return { kind: 'put', body: request_put };
    }
    if (request_delete_range !== undefined) return { kind: 'delete', body: request_delete_range };
    if (request_range === undefined) throw emptyKey();
    return { kind: 'range', body: request_range };
  });
}
function keyOfWrite(writes: readonly Operation[]): string {
  const keys = writes.map(({ kind, body }) => (kind === 'put' ? writableKeyOf(body['key']) : onlyKeyOf(body)));
  if (new Set(keys).size < keys.length) throw new EtcdError('invalidArgument', 'duplicate key given in txn request');
  if (keys.length > 1) throw beyond('a transaction that writes several keys');
  return keys[0]!;
}
async function oneWrite(
  writer: Writer,
  { kind, body }: Operation,
  key: string,
  seen: { readonly current: Version | undefined },
  signal: AbortSignal,
): Promise<'conflict' | { readonly revision: number; readonly response: Message }> {
  if (kind === 'put') {
    const done = await putOne(writer, body, seen, signal);
    if (done === 'conflict') return done;
    return { revision: done.revision, response: { response_put: inside(done.answer, done.revision) } };
  }
  const done = await deleteOne(writer, key, seen, signal);
  if (done === 'conflict') return done;
  const { revision, previous } = done;
  const prev_kvs = body['prev_kv'] === true && previous !== undefined ? [keyValue(previous)] : [];
  const answer = { deleted: previous === undefined ? 0 : 1, prev_kvs };
  return { revision, response: { response_delete_range: inside(answer, revision) } };
}

/** Of a range, of each key in it; a key that is not there has zeroes, and no value that could be compared. */
function holds(index: Index, compare: Message, revision: number): boolean {
  const key = keyOf(compare['key']);
  const rangeEnd = endOf(compare['range_end']);
  if (rangeEnd === undefined) return holdsFor(index.live(key), compare);
  const { versions } = index.range({ key, rangeEnd, revision, limit: Infinity, maxBytes: Infinity });
  return versions.length === 0 ? holdsFor(undefined, compare) : versions.every((version) => holdsFor(version, compare));
}
/** By `result`: equal, greater, less, not equal. */
const RESULTS: readonly ((order: number) => boolean)[] = [(o) => o === 0, (o) => o > 0, (o) => o < 0, (o) => o !== 0];
/** By `target`: version, creation, modification, value, lease. Source: etcd server/etcdserver/txn/txn.go applyCompare. */
function holdsFor(version: Version | undefined, compare: Message): boolean {
  const order = (a: number | bigint, b: number | bigint): number => (a < b ? -1 : a > b ? 1 : 0);
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
