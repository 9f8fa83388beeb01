import { crc32 } from 'node:zlib';
import { parseOrigin } from './headers.ts';

/** One state of one key. Mutable only where the index itself forgets: `older` and `id` below the floor. */
export interface Version {
  readonly key: string;
  readonly revision: number;
  /** Of the write that brought the key into being; of the deleted object on a tombstone. */
  readonly createRevision: number;
  /** Writes since creation, 1 for the first; 0 on a tombstone. */
  readonly version: number;
  /** undefined: a tombstone. */
  readonly value: Uint8Array | undefined;
  readonly time: number;
  /** Milliseconds since the epoch; 0: never. */
  readonly expiresAt: number;
  /** Id of the lease that the key lives by. */
  readonly lease: string | undefined;
  /** Of the write, for as long as a repetition may come. */
  id: string;
  older: Version | undefined;
  /** Sum of the checksums of all entries up to this one, from wherever this index began: only differences mean something. */
  sum: number;
}

/** What the key was at `revision`. */
export function asOf(newest: Version, revision: number): Version | undefined {
  let version: Version | undefined = newest;
  while (version !== undefined && version.revision > revision) version = version.older;
  return version;
}

/** When the key came into being, and its how-manieth state an entry is. */
export function originOf(
  revision: number,
  value: Uint8Array | undefined,
  before: Version | undefined,
  header: string | undefined,
): { createRevision: number; version: number } {
  const live = before?.value === undefined ? undefined : before;
  if (value === undefined) return { createRevision: live?.createRevision ?? 0, version: 0 };
  if (live !== undefined) return { createRevision: live.createRevision, version: live.version + 1 };
  // Nothing known of the key: it is new, or what came before is purged, and then the writer has told.
  return (before === undefined ? parseOrigin(header) : undefined) ?? { createRevision: revision, version: 1 };
}

/** Of what the entry says, and where. */
export function checksum({ key, value, revision }: Version): number {
  const name = crc32(key, value === undefined ? 1 : 0);
  return Math.imul((value === undefined ? name : crc32(value, name)) ^ revision, 0x9e3779b1) >>> 0;
}
