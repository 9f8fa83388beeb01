import { prefixEnd } from '../../../bus/protocol/etcd.ts';
import type { Index } from '../index.ts';
import type { Version } from '../version.ts';
import { OWN_PREFIX } from '../leases.ts';
import type { Store } from '../store.ts';
import { compacted, EtcdError, emptyKey, futureRevision } from './errors.ts';
import { endOf, isOwn, keyOf, keyValue } from './keys.ts';
import type { Message } from './messages.ts';

/** Source: etcd server/etcdserver/txn/range.go, api/v3rpc/key.go checkRangeRequest. */
export async function range(store: Store, request: Message): Promise<Message> {
  checkRange(request);
  if (request['serializable'] !== true) await store.fresh();
  return rangeAt(store, request, store.index.revision);
}

/** Throws what etcd throws for a range that makes no sense. Source: etcd server/etcdserver/api/v3rpc/key.go checkRangeRequest. */
export function checkRange(request: Message): void {
  if ((request['key'] as Uint8Array).length === 0) throw emptyKey();
  const [order, target] = [request['sort_order'] as number, request['sort_target'] as number];
  if (!(order >= 0 && order <= DESCEND && target >= 0 && target < TARGETS.length))
    throw new EtcdError('invalidArgument', 'invalid sort option');
}
/** Throws for a revision that is not yet, or no longer, to be had. */
export function checkRevision(index: Index, request: Message, now: number): void {
  const asked = request['revision'] as number;
  if (asked > now) throw futureRevision();
  if ((asked > 0 ? asked : now) < index.floor) throw compacted();
}
/** The keys of `key` to `range_end` that are there now, but the store's own. */
export function liveIn(index: Index, request: Message): readonly Version[] {
  const [key, rangeEnd] = [keyOf(request['key']), endOf(request['range_end'])];
  const all = { key, rangeEnd, revision: index.revision, limit: Infinity, maxBytes: Infinity };
  return index.range(all).versions.filter((version) => !isOwn(version.key));
}

/** Clients take no more than 2 GiB at once, and it must be in memory as a whole, here as there. */
const MAX_ANSWER = 1 << 30;
const tooLarge = (): EtcdError =>
  new EtcdError('resourceExhausted', 'the answer is larger than 1 GiB: ask for it in pages, with a limit');

/** What a range answers while the store is at `now`, without its header. */
export function rangeAt(store: Store, request: Message, now: number): Message {
  const { index } = store;
  checkRevision(index, request, now);
  const asked = request['revision'] as number;
  const revision = asked > 0 ? asked : now;
  const key = keyOf(request['key']);
  const rangeEnd = endOf(request['range_end']);
  const limit = request['limit'] as number;
  const keysOnly = request['keys_only'] === true;
  if (isPlain(request) && !reachesOwn(key, rangeEnd)) {
    const most = request['count_only'] === true ? 0 : limit > 0 ? limit : Infinity;
    const maxBytes = keysOnly ? Infinity : MAX_ANSWER;
    const { versions, more, count } = index.range({ key, rangeEnd, revision, limit: most, maxBytes });
    if (more && versions.length < most) throw tooLarge();
    return { kvs: versions.map((version) => keyValue(version, keysOnly)), more: most > 0 && more, count };
  }
  const all = index.range({ key, rangeEnd, revision, limit: Infinity, maxBytes: Infinity }).versions;
  const others = all.filter((version) => !isOwn(version.key));
  // Of all in the range, whatever their revisions.
  const count = others.length;
  if (request['count_only'] === true) return { count };
  const found = select(others, request);
  sort(found, request);
  const kvs = limit > 0 ? found.slice(0, limit) : found;
  if (!keysOnly && kvs.reduce((sum, { value }) => sum + value!.length, 0) > MAX_ANSWER) throw tooLarge();
  return { kvs: kvs.map((version) => keyValue(version, keysOnly)), more: kvs.length < found.length, count };
}
/** In the order of keys, and all of them: nothing has to be looked at but the page. */
const isPlain = (request: Message): boolean =>
  [...BOUNDS, 'sort_order', 'sort_target'].every((name) => request[name] === 0);
/** Whether keys of the store itself may lie between. */
const reachesOwn = (key: string, end: string | undefined): boolean =>
  end !== undefined && key < prefixEnd(OWN_PREFIX) && (end === '\0' || end > OWN_PREFIX);
const BOUNDS = ['min_mod_revision', 'max_mod_revision', 'min_create_revision', 'max_create_revision'] as const;
function select(versions: readonly Version[], request: Message): Version[] {
  const [minMod, maxMod, minCreate, maxCreate] = BOUNDS.map((name) => request[name] as number);
  return versions.filter(
    ({ revision, createRevision }) =>
      !(minMod! > 0 && revision < minMod!) &&
      !(maxMod! > 0 && revision > maxMod!) &&
      !(minCreate! > 0 && createRevision < minCreate!) &&
      !(maxCreate! > 0 && createRevision > maxCreate!),
  );
}
const DESCEND = 2;
/** By `sort_target`: key, version, creation, modification, value. */
const TARGETS: readonly ((a: Version, b: Version) => number)[] = [
  () => 0,
  (a, b) => a.version - b.version,
  (a, b) => a.createRevision - b.createRevision,
  (a, b) => a.revision - b.revision,
  (a, b) => Buffer.compare(a.value!, b.value!),
];
/** The index is in the order of the keys already. */
function sort(versions: Version[], request: Message): void {
  const [order, target] = [request['sort_order'] as number, request['sort_target'] as number];
  if (target > 0) versions.sort(TARGETS[target]);
  if (order === DESCEND) versions.reverse();
}
