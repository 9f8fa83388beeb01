import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { Store } from '../store.ts';
import { compact } from '../verbs/compact.ts';
import { compacted, EtcdError, futureRevision } from './errors.ts';
import type { Message } from './messages.ts';

/** What clients may take this store for: kube-apiserver asks which watch features there are. */
const VERSION = '3.6.0';

export interface Identity {
  readonly member: bigint;
  readonly name: string;
  /** `https://127.0.0.1:2379` */
  readonly url: string;
}

export const memberList = ({ member, name, url }: Identity): Message => ({
  members: [{ ID: member, name, peerURLs: [url], clientURLs: [url] }],
});

/** There is no raft here: the log is the one leader, and its revision stands for raft's index. */
export const status = ({ index }: Store, { member }: Identity): Message => ({
  version: VERSION,
  dbSize: index.bytes,
  dbSizeInUse: index.bytes,
  leader: member,
  raftIndex: BigInt(index.revision),
  raftTerm: 1n,
  raftAppliedIndex: BigInt(index.revision),
  storageVersion: VERSION.replace(/\d+$/, '0'),
});

/** Source: etcd server/etcdserver/api/v3rpc/key.go Compact. */
export async function compaction(store: Store, request: Message): Promise<Message> {
  const revision = request['revision'] as number;
  await store.fresh();
  if (revision > store.index.revision) throw futureRevision();
  try {
    await compact(store, { revision });
  } catch (error) {
    throw reasonOf(error) === 'Expired' ? compacted() : error;
  }
  return {};
}

/** A checksum of all live keys and values as of a revision: the same on every facade. */
export async function hashKv(store: Store, request: Message): Promise<Message> {
  await store.fresh();
  const { index } = store;
  const asked = request['revision'] as number;
  if (asked > index.revision) throw futureRevision();
  const revision = asked > 0 ? asked : index.revision;
  if (revision < index.floor) throw compacted();
  let hash = 0;
  const all = { key: '\0', rangeEnd: '\0', revision, limit: Infinity, maxBytes: Infinity };
  for (const { key, value, revision: at } of index.range(all).versions)
    hash = crc32(value!, crc32(`${key} ${at} `, hash));
  return { hash, compact_revision: index.floor, hash_revision: revision };
}

const CHUNK = 64 << 10;
const SECTOR = 512;
/**
 * A snapshot of the store in Kubus' own format, filled up to whole sectors and followed by its SHA-256, which is what
 * `etcdctl snapshot save` checks.
 */
export async function* snapshot(store: Store): AsyncGenerator<Message> {
  let info;
  try {
    info = await store.snapshot();
  } catch (error) {
    throw new EtcdError('failedPrecondition', (error as Error).message);
  }
  const padding = (SECTOR - (info.bytes % SECTOR)) % SECTOR;
  const hash = createHash('sha256');
  const file = await open(info.file);
  try {
    let left = info.bytes + padding;
    for (let at = 0; at < info.bytes;) {
      const blob = Buffer.alloc(Math.min(CHUNK, info.bytes - at));
      const { bytesRead } = await file.read(blob, 0, blob.length, at);
      if (bytesRead === 0) throw new EtcdError('internal', 'the snapshot is shorter than it was');
      at += bytesRead;
      left -= bytesRead;
      hash.update(blob.subarray(0, bytesRead));
      yield { remaining_bytes: BigInt(left), blob: blob.subarray(0, bytesRead), version: VERSION };
    }
    const rest = Buffer.alloc(padding);
    hash.update(rest);
    yield { remaining_bytes: 0n, blob: Buffer.concat([rest, hash.digest()]), version: VERSION };
  } finally {
    await file.close();
  }
}
