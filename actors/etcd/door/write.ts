import type { World } from '../../../bus/world.ts';
import type { Version } from '../version.ts';
import { leaseKey } from '../leases.ts';
import type { Store } from '../store.ts';
import { MAX_TOGETHER, transact } from '../verbs/transact.ts';
import { write, type Write } from '../verbs/write.ts';
import { EtcdError, emptyKey, leaseNotFound } from './errors.ts';
import { keyValue, leaseName, writableKeyOf } from './keys.ts';
import { liveIn } from './range.ts';
import type { Gone } from './grpc-server.ts';
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

/** What a put writes over `current`. Thrown: key not found, lease not found. */
export function valueOf(
  store: Store,
  request: Message,
  current: Version | undefined,
): { readonly value: Uint8Array; readonly lease: string | undefined } {
  const [ignoreValue, ignoreLease] = [request['ignore_value'] === true, request['ignore_lease'] === true];
  if ((ignoreValue || ignoreLease) && current === undefined) throw new EtcdError('invalidArgument', 'key not found');
  const value = ignoreValue ? current!.value! : bytes(request, 'value');
  const given = request['lease'] as bigint;
  const lease = ignoreLease ? current!.lease : given === 0n ? undefined : leaseName(given);
  if (lease !== undefined && store.index.live(leaseKey(lease)) === undefined) throw leaseNotFound();
  return { value, lease };
}

/** One put if the key is what it was in `seen` (undefined: whatever it is). */
export async function putOne(
  { store, world }: Writer,
  request: Message,
  seen: { readonly current: Version | undefined } | undefined,
  signal: Gone,
): Promise<Outcome> {
  const key = writableKeyOf(request['key']);
  const kept = request['ignore_value'] === true || request['ignore_lease'] === true;
  const current = seen === undefined ? store.index.live(key) : seen.current;
  const { value, lease } = valueOf(store, request, current);
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
  signal: Gone,
): Promise<'conflict' | { readonly revision: number; readonly previous: Version | undefined }> {
  const current = seen === undefined ? store.index.live(key) : seen.current;
  if (current === undefined && seen !== undefined) return { revision: store.index.revision, previous: undefined };
  const expected = seen === undefined ? {} : { expect: current!.revision };
  const done = await send(store, { key, value: undefined, id: world.ids.token(), ...expected }, signal);
  if (done === 'conflict') return done;
  const tombstone = store.index.at(key, done.revision);
  return { revision: done.revision, previous: tombstone?.revision === done.revision ? tombstone.older : undefined };
}
async function send(store: Store, request: Write, signal: Gone): Promise<'conflict' | { revision: number }> {
  const { revision, conflict } = await write(store, request, signal);
  return conflict === undefined ? { revision } : 'conflict';
}

/** Attempts at what others change meanwhile, before the client is told to come again. */
export const MAX_CONFLICTS = 32;

export async function put(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  checkPut(request);
  for (let conflicts = 0; conflicts <= MAX_CONFLICTS; conflicts++) {
    const done = await putOne(writer, request, undefined, signal);
    if (done !== 'conflict') return { ...done.answer, header: { revision: done.revision } };
    await writer.store.fresh();
  }
  throw new EtcdError('resourceExhausted', 'too many requests');
}

/**
 * The keys of a range go together, each at a revision of its own, where etcd has one for all; beyond a thousand, a
 * thousand at a time.
 */
export async function deleteRange(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  const { store } = writer;
  if (bytes(request, 'key').length === 0) throw emptyKey();
  const key = writableKeyOf(request['key']);
  await store.fresh();
  const keys =
    bytes(request, 'range_end').length === 0 ? [key] : liveIn(store.index, request).map((version) => version.key);
  const gone: Version[] = [];
  let { revision } = store.index;
  let conflicts = 0;
  for (let at = 0; at < keys.length;) {
    const { index } = store;
    const writes = keys.slice(at, at + MAX_TOGETHER).filter((one) => index.live(one) !== undefined);
    const done = await deleteTogether(writer, writes, signal);
    if (done === 'conflict') {
      if (++conflicts > MAX_CONFLICTS) throw new EtcdError('resourceExhausted', 'too many requests');
      await store.fresh();
      continue;
    }
    gone.push(...done.gone);
    revision = Math.max(revision, done.revision);
    at += MAX_TOGETHER;
  }
  const previous = request['prev_kv'] === true ? gone.map((version) => keyValue(version)) : [];
  return { deleted: gone.length, prev_kvs: previous, header: { revision } };
}
async function deleteTogether(
  writer: Writer,
  keys: readonly string[],
  signal: Gone,
): Promise<'conflict' | { readonly revision: number; readonly gone: readonly Version[] }> {
  const { store } = writer;
  const [only] = keys;
  if (only === undefined) return { revision: 0, gone: [] };
  if (keys.length === 1) {
    const done = await deleteOne(writer, only, undefined, signal);
    if (done === 'conflict') return done;
    return { revision: done.revision, gone: done.previous?.value === undefined ? [] : [done.previous] };
  }
  const writes = keys.map((key) => ({ key, value: undefined }));
  const revision = await transact(store, { writes, guards: [], nothingElse: false, index: store.index }, signal);
  if (revision === 'conflict') return revision;
  const first = revision - keys.length + 1;
  const gone = keys.flatMap((key, i) => store.index.at(key, first + i)?.older ?? []);
  return { revision, gone };
}
