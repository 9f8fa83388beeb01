import type { World } from '../../../bus/world.ts';
import type { Version } from '../index.ts';
import { leaseKey } from '../leases.ts';
import type { Store } from '../store.ts';
import { write, type Write } from '../verbs/write.ts';
import { beyond, EtcdError, emptyKey, leaseNotFound } from './errors.ts';
import { endOf, isOwn, keyValue, leaseName, writableKeyOf } from './keys.ts';
import type { Message } from './messages.ts';

export interface Writer {
  readonly store: Store;
  readonly world: World;
}
type Outcome = 'conflict' | { readonly revision: number; readonly answer: Message };

/** Throws what etcd throws for a put that makes no sense. Source: etcd server/etcdserver/api/v3rpc/key.go checkPutRequest. */
export function checkPut(request: Message): void {
  if (bytes(request, 'key').length === 0) throw emptyKey();
  if (request['ignore_value'] === true && bytes(request, 'value').length > 0)
    throw new EtcdError('invalidArgument', 'value is provided');
  if (request['ignore_lease'] === true && request['lease'] !== 0n)
    throw new EtcdError('invalidArgument', 'lease is provided');
}
const bytes = (request: Message, name: string): Uint8Array => request[name] as Uint8Array;

/** One put if the key is what it was in `seen` (undefined: whatever it is). */
export async function putOne(
  { store, world }: Writer,
  request: Message,
  seen: { readonly current: Version | undefined } | undefined,
  signal: AbortSignal,
): Promise<Outcome> {
  const key = writableKeyOf(request['key']);
  const kept = request['ignore_value'] === true || request['ignore_lease'] === true;
  const current = seen === undefined ? store.index.live(key) : seen.current;
  if (kept && current === undefined) throw new EtcdError('invalidArgument', 'key not found');
  const value = request['ignore_value'] === true ? current!.value! : bytes(request, 'value');
  const given = request['lease'] as bigint;
  const lease = request['ignore_lease'] === true ? current!.lease : given === 0n ? undefined : leaseName(given);
  if (lease !== undefined && store.index.live(leaseKey(lease)) === undefined) throw leaseNotFound();
  const expected = seen !== undefined || kept ? { expect: current?.revision ?? 0, since: store.index.revision } : {};
  const done = await send(store, { key, value, lease, id: world.ids.token(), ...expected }, signal);
  if (done === 'conflict') return done;
  const before = request['prev_kv'] === true ? store.index.at(key, done.revision)?.older : undefined;
  return { revision: done.revision, answer: { prev_kv: before?.value === undefined ? undefined : keyValue(before) } };
}
/** One key's deletion if it is what it was in `seen`. */
export async function deleteOne(
  { store, world }: Writer,
  key: string,
  seen: { readonly current: Version | undefined } | undefined,
  signal: AbortSignal,
): Promise<'conflict' | { readonly revision: number; readonly previous: Version | undefined }> {
  const current = seen === undefined ? store.index.live(key) : seen.current;
  if (current === undefined && seen !== undefined) return { revision: store.index.revision, previous: undefined };
  const expected = seen === undefined ? {} : { expect: current!.revision };
  const done = await send(store, { key, value: undefined, id: world.ids.token(), ...expected }, signal);
  if (done === 'conflict') return done;
  const tombstone = store.index.at(key, done.revision);
  return { revision: done.revision, previous: tombstone?.revision === done.revision ? tombstone.older : undefined };
}
async function send(store: Store, request: Write, signal: AbortSignal): Promise<'conflict' | { revision: number }> {
  const { revision, conflict } = await write(store, request, signal);
  return conflict === undefined ? { revision } : 'conflict';
}

export async function put(writer: Writer, request: Message, signal: AbortSignal): Promise<Message> {
  checkPut(request);
  for (;;) {
    const done = await putOne(writer, request, undefined, signal);
    if (done !== 'conflict') return done.answer;
    await writer.store.fresh();
  }
}

/** Keys of a range go one after the other: each at a revision of its own, where etcd has one for all. */
export async function deleteRange(writer: Writer, request: Message, signal: AbortSignal): Promise<Message> {
  const { store } = writer;
  if (bytes(request, 'key').length === 0) throw emptyKey();
  const key = writableKeyOf(request['key']);
  const rangeEnd = endOf(request['range_end']);
  await store.fresh();
  const all = { key, rangeEnd, revision: store.index.revision, limit: Infinity, maxBytes: Infinity };
  const gone: Version[] = [];
  for (const version of store.index.range(all).versions) {
    if (isOwn(version.key)) continue;
    const done = await deleteOne(writer, version.key, undefined, signal);
    if (done !== 'conflict' && done.previous?.value !== undefined) gone.push(done.previous);
  }
  const previous = request['prev_kv'] === true ? gone.map((version) => keyValue(version)) : [];
  return { deleted: gone.length, prev_kvs: previous };
}
/** The one key of a deletion in a transaction. */
export function onlyKeyOf(request: Message): string {
  if (bytes(request, 'key').length === 0) throw emptyKey();
  if (bytes(request, 'range_end').length > 0) throw beyond('a transaction that deletes a range');
  return writableKeyOf(request['key']);
}
