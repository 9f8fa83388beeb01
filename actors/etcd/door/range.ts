import { prefixEnd } from '../../../bus/protocol/etcd.ts';
import type { Version } from '../index.ts';
import { OWN_PREFIX } from '../leases.ts';
import type { Store } from '../store.ts';
import { compacted, emptyKey, futureRevision } from './errors.ts';
import { endOf, isOwn, keyOf, keyValue } from './keys.ts';
import type { Message } from './messages.ts';

/** Source: etcd server/etcdserver/txn/range.go, api/v3rpc/key.go checkRangeRequest. */
export async function range(store: Store, request: Message): Promise<Message> {
  if ((request['key'] as Uint8Array).length === 0) throw emptyKey();
  if (request['serializable'] !== true) await store.fresh();
  return rangeAt(store, request, store.index.revision);
}

/** What a range answers while the store is at `now`, without its header. */
export function rangeAt(store: Store, request: Message, now: number): Message {
  const { index } = store;
  const asked = request['revision'] as number;
  if (asked > now) throw futureRevision();
  const revision = asked > 0 ? asked : now;
  if (revision < index.floor) throw compacted();
  const key = keyOf(request['key']);
  const rangeEnd = endOf(request['range_end']);
  const limit = request['limit'] as number;
  const keysOnly = request['keys_only'] === true;
  if (isPlain(request) && !reachesOwn(key, rangeEnd)) {
    const most = request['count_only'] === true ? 0 : limit > 0 ? limit : Infinity;
    const { versions, more, count } = index.range({ key, rangeEnd, revision, limit: most, maxBytes: Infinity });
    return { kvs: versions.map((version) => keyValue(version, keysOnly)), more: most > 0 && more, count };
  }
  const found = select(index.range({ key, rangeEnd, revision, limit: Infinity, maxBytes: Infinity }).versions, request);
  const count = found.length;
  if (request['count_only'] === true) return { count };
  sort(found, request);
  const kvs = limit > 0 ? found.slice(0, limit) : found;
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
    ({ key, revision, createRevision }) =>
      !isOwn(key) &&
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
