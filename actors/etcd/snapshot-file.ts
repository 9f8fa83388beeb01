import { open, mkdir, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { decode, encode } from '../../bus/codec.ts';
import { FORMAT_VERSION } from '../../bus/log.ts';
import { assertFormat } from './floor.ts';
import type { Index } from './index.ts';
import type { Version } from './version.ts';

/**
 * The index in a file beside the stream: a sequence of blocks, each `length, crc32, MessagePack`. The first says what
 * it is of, the last how much there must be, so that a torn or damaged file is known.
 */
interface Head {
  readonly format: number;
  /** Of the log, so that a file is never taken for another log's. */
  readonly identity: string;
  readonly revision: number;
  /** When the newest entry was written: another one at this revision is the mark of another past. */
  readonly time: number;
}
interface Tail {
  readonly versions: number;
  readonly floor: number;
  readonly forgotten: number;
}
/** key, revision, createRevision, version, time, expiresAt, id, value, lease (where there is one). */
type Row = [string, number, number, number, number, number, string, Uint8Array | null, string?];

export interface SnapshotInfo {
  readonly file: string;
  readonly revision: number;
  readonly bytes: number;
}

const SUFFIX = '.snapshot';
const PREAMBLE_BYTES = 8;
const BLOCK_KEYS = 500;
const KEPT = 2;

/**
 * Writes the index as of its present revision while it goes on changing; the file appears whole or not at all.
 * Thrown: what the file system throws.
 */
export async function writeSnapshot(index: Index, identity: string, dir: string, id: string): Promise<SnapshotInfo> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const { revision } = index;
  const time = index.history.newest()?.time ?? 0;
  const name = `${String(revision).padStart(16, '0')}-${id.replaceAll(/[^\w-]/g, '_')}${SUFFIX}`;
  const file = join(dir, name);
  const partial = `${file}.partial`;
  const handle = await open(partial, 'w', 0o600);
  let bytes = 0;
  let versions = 0;
  try {
    const head: Head = { format: FORMAT_VERSION, identity, revision, time };
    bytes += await writeBlock(handle, head);
    let key: string | undefined;
    for (;;) {
      const newest = index.cellsAfter(key, BLOCK_KEYS);
      if (newest.length === 0) break;
      const rows = newest.flatMap((version) => rowsOf(version, revision, index.floor));
      versions += rows.length;
      bytes += await writeBlock(handle, rows);
      ({ key } = newest.at(-1)!);
    }
    const tail: Tail = { versions, floor: index.floor, forgotten: index.forgotten };
    bytes += await writeBlock(handle, tail);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await rm(partial, { force: true });
    throw error;
  }
  await handle.close();
  await rename(partial, file);
  await removeOld(dir);
  return { file, revision, bytes };
}

export interface LogView {
  readonly identity: string;
  readonly last: number;
  /** When the entry was written; undefined if it is purged. */
  timeOf(revision: number): Promise<number | undefined>;
}

/**
 * Fills an empty index from the newest snapshot that is whole, of this log, and not ahead of it.
 * Returns what was tried and why it was left, for the log. Thrown: Invalid for a snapshot of a newer version.
 */
export async function readNewestSnapshot(
  createIndex: () => Index,
  dir: string,
  log: LogView,
): Promise<{ index: Index | undefined; rejected: string[] }> {
  const rejected: string[] = [];
  for (const file of (await snapshotsIn(dir)).reverse()) {
    const index = createIndex();
    const why = await readSnapshot(index, join(dir, file), log);
    if (why === undefined) return { index, rejected };
    rejected.push(`${file}: ${why}`);
  }
  return { index: undefined, rejected };
}

async function readSnapshot(index: Index, file: string, log: LogView): Promise<string | undefined> {
  const handle = await open(file, 'r');
  try {
    const blocks = readBlocks(handle);
    const head = (await blocks.next()).value as Head | undefined;
    if (typeof head?.format !== 'number') return 'damaged';
    assertFormat(head.format, `the snapshot ${file}`);
    if (head.identity !== log.identity) return 'of another log';
    if (head.revision > log.last) return `ends at revision ${head.revision}, the log at ${log.last}`;
    const time = head.time === 0 ? undefined : await log.timeOf(head.revision);
    if (time !== undefined && time !== head.time) return 'of another past: the log lost writes since';
    let count = 0;
    for await (const block of blocks) {
      if (!Array.isArray(block)) {
        const { versions, floor, forgotten } = block as Tail;
        if (versions !== count) return 'damaged: versions are missing';
        index.restored({ revision: head.revision, floor, forgotten });
        return undefined;
      }
      count += block.length;
      for (const row of block as Row[]) index.restore(versionOf(row));
    }
    return 'damaged: it has no end';
  } finally {
    await handle.close();
  }
}

/** Versions of one key up to `revision`, oldest first. */
function rowsOf(newest: Version, revision: number, floor: number): Row[] {
  const rows: Row[] = [];
  for (let v: Version | undefined = newest; v !== undefined; v = v.older) {
    if (v.revision > revision) continue;
    const id = v.revision > floor ? v.id : '';
    const row: Row = [v.key, v.revision, v.createRevision, v.version, v.time, v.expiresAt, id, v.value ?? null];
    if (v.lease !== undefined) row.push(v.lease);
    rows.push(row);
  }
  return rows.reverse();
}
const versionOf = ([key, revision, createRevision, version, time, expiresAt, id, value, lease]: Row): Version => ({
  key,
  revision,
  createRevision,
  version,
  time,
  expiresAt,
  lease,
  id,
  value: value === null ? undefined : new Uint8Array(value),
  older: undefined,
  sum: 0,
});

async function writeBlock(handle: FileHandle, content: unknown): Promise<number> {
  const payload = encode(content);
  const preamble = Buffer.alloc(PREAMBLE_BYTES);
  preamble.writeUInt32LE(payload.length, 0);
  preamble.writeUInt32LE(crc32(payload), 4);
  await handle.writev([preamble, payload]);
  return preamble.length + payload.length;
}

/** The blocks that are whole; ends at the first that is not. */
async function* readBlocks(handle: FileHandle): AsyncGenerator<unknown, undefined> {
  const { size } = await handle.stat();
  for (let position = 0; position + PREAMBLE_BYTES <= size;) {
    const preamble = Buffer.alloc(PREAMBLE_BYTES);
    await handle.read(preamble, 0, PREAMBLE_BYTES, position);
    const length = preamble.readUInt32LE(0);
    position += PREAMBLE_BYTES;
    if (position + length > size) return undefined;
    const payload = Buffer.allocUnsafeSlow(length);
    await handle.read(payload, 0, length, position);
    position += length;
    if (crc32(payload) !== preamble.readUInt32LE(4)) return undefined;
    yield decode(payload);
  }
  return undefined;
}

async function snapshotsIn(dir: string): Promise<string[]> {
  try {
    return (await readdir(dir)).filter((name) => name.endsWith(SUFFIX)).sort();
  } catch {
    return [];
  }
}
async function removeOld(dir: string): Promise<void> {
  const all = await snapshotsIn(dir);
  for (const name of all.slice(0, Math.max(0, all.length - KEPT))) await rm(join(dir, name), { force: true });
}
