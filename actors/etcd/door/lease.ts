import { expiryId, leaseKey } from '../leases.ts';
import { prefixEnd } from '../../../bus/protocol/etcd.ts';
import { decode, encode } from '../../../bus/codec.ts';
import { write } from '../verbs/write.ts';
import { EtcdError, leaseNotFound } from './errors.ts';
import { bytesOf, leaseIdOf, leaseName } from './keys.ts';
import type { Gone } from './grpc-server.ts';
import type { Message } from './messages.ts';
import { MAX_CONFLICTS, type Writer } from './write.ts';

/** Source: etcd server/lease/lessor.go: MaxLeaseTTL, seconds. */
const MAX_TTL = 9_000_000_000;
const LEASES = leaseKey('');

interface Lease {
  /** Seconds. */
  readonly ttl: number;
}

/** Source: etcd server/etcdserver/v3_server.go LeaseGrant. */
export async function leaseGrant(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  const ttl = request['TTL'] as number;
  if (ttl > MAX_TTL) throw new EtcdError('outOfRange', 'too large lease TTL');
  const granted = Math.max(1, ttl);
  const given = request['ID'] as bigint;
  const id = given === 0n ? newId(writer) : given;
  const { conflict } = await keep(writer, id, granted, 0, signal);
  if (conflict !== undefined) throw new EtcdError('failedPrecondition', 'lease already exists');
  return { ID: id, TTL: granted };
}
/** 63 bits, as etcd's: clients read them as signed. */
function newId({ world }: Writer): bigint {
  const part = (): bigint => BigInt(Math.floor(world.random() * 2 ** 31));
  return (part() << 32n) | (part() << 1n) | 1n;
}
/** Part of a TTL by which a lease outlives it: a sign of life so soon after another need not be written. */
const GRACE = 0.1;
const keep = ({ store, world }: Writer, id: bigint, ttl: number, expect: number, signal: Gone) =>
  write(store, {
    key: leaseKey(leaseName(id)), value: encode({ ttl } satisfies Lease), ttlMs: ttl * 1000 * (1 + GRACE), expect, since: store.index.revision, id: world.ids.token(),
  }, signal); // prettier-ignore

export async function leaseRevoke(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  const { store, world } = writer;
  await store.fresh();
  const key = leaseKey(leaseName(request['ID'] as bigint));
  const live = store.index.live(key);
  if (live === undefined) throw leaseNotFound();
  const name = leaseName(request['ID'] as bigint);
  const attached = store.leases.keysOf(name);
  await write(store, { key, value: undefined, id: world.ids.token() }, signal);
  // Its keys go with it before anyone is told that it is gone; each facade does the same, under the same ids.
  for (const one of attached) {
    const held = store.index.live(one);
    if (held?.lease === name) await write(store, { key: one, value: undefined, expect: held.revision, id: expiryId(held.revision) }, signal); // prettier-ignore
  }
  return {};
}
/**
 * A lease that is gone is answered with a TTL of 0, which ends no stream. However many signs of life come, no more than
 * ten in the TTL are written.
 */
export async function leaseKeepAlive(writer: Writer, request: Message, signal: Gone): Promise<Message> {
  const { store, world } = writer;
  const id = request['ID'] as bigint;
  const key = leaseKey(leaseName(id));
  for (let conflicts = 0; conflicts <= MAX_CONFLICTS; conflicts++) {
    // A conflict is somebody else's sign of life, or the end.
    if (conflicts > 0 || store.index.live(key) === undefined) await store.fresh();
    const live = store.index.live(key);
    if (live === undefined) return { ID: id, TTL: 0 };
    const { ttl } = decode(live.value!) as Lease;
    if (world.clock.now() - live.time < ttl * 1000 * GRACE) return { ID: id, TTL: ttl };
    const { conflict } = await keep(writer, id, ttl, live.revision, signal);
    if (conflict === undefined) return { ID: id, TTL: ttl };
  }
  throw new EtcdError('resourceExhausted', 'too many requests');
}
export async function leaseTimeToLive({ store, world }: Writer, request: Message): Promise<Message> {
  await store.fresh();
  const id = request['ID'] as bigint;
  const name = leaseName(id);
  const live = store.index.live(leaseKey(name));
  if (live === undefined) return { ID: id, TTL: -1 };
  const { ttl } = decode(live.value!) as Lease;
  const left = Math.min(ttl, Math.max(0, Math.ceil((live.expiresAt - world.clock.now()) / 1000)));
  const keys = request['keys'] === true ? store.leases.keysOf(name).map(bytesOf) : [];
  return { ID: id, TTL: left, grantedTTL: ttl, keys };
}
export async function leaseLeases({ store }: Writer): Promise<Message> {
  await store.fresh();
  const all = { key: LEASES, rangeEnd: prefixEnd(LEASES), revision: store.index.revision, limit: Infinity, maxBytes: Infinity }; // prettier-ignore
  const { versions } = store.index.range(all);
  return { leases: versions.map(({ key }) => ({ ID: leaseIdOf(key.slice(LEASES.length)) })) };
}
