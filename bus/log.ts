import { reasonOf, statusOf } from '../schemas/meta/status.ts';
import type { Subscription } from './bus.ts';
import type { Logger } from './world.ts';

/**
 * An append-only log of single-key mutations: the stream behind the KV bucket `kubus` (`bus/nats/log.ts`), or an array
 * (`bus/memory/log.ts`). Revision = position in the log. Used by `actors/etcd` alone; one conformance suite for both.
 */
export interface Log {
  /** False where a power loss may take acknowledged entries with it. */
  readonly durable: boolean;
  /** Several servers hold copies: a server that answers may be one that no longer leads, or one that lags. */
  readonly replicated: boolean;
  /**
   * Appends one mutation; resolves with its revision once durable. `expect`: the revision of the key's newest entry
   * (0: the key has none), else `Conflict` (see `conflictRevision`). `id` makes a retry harmless: the revision of the
   * first attempt is returned, also where `expect` no longer holds because of it.
   * Thrown: ApiError Conflict (wrong `expect`), BadRequest (a key that cannot be stored), RequestEntityTooLarge,
   * ServiceUnavailable (not stored), Timeout (outcome unknown: append again with the same id, or ask `find(id)`).
   */
  append(entry: NewEntry): Promise<number>;
  /**
   * Appends mutations of different keys, all or none, one after the other with nothing in between; resolves with the
   * revision of the last. At most 1,000. `last`: the revision of the log's newest entry, else Conflict.
   * Each is shown to subscribers, but the last alone says that it is (`isOpen`). Dearer than as many appends where the
   * log is fsynced: for what must come together, not for speed.
   * Thrown: as append(); Timeout, and AlreadyExists: a first attempt with one of these ids was stored, with all of them.
   */
  appendAll(entries: readonly NewEntry[], last?: number): Promise<number>;
  /** The revision under which `id` was stored, if it was (within the duplicate window, 2 min, or by scanning the tail). */
  find(id: string): Promise<number | undefined>;
  /**
   * Committed entries `from..to` in order, purged ones missing; without `to` up to the last one held when it was asked.
   * Thrown: Timeout, ServiceUnavailable. It never ends early in silence.
   */
  read(from: number, to?: number): AsyncIterable<LogEntry>;
  /**
   * Committed entries as they are republished, in order; a gap in `revision` means read() it (or it was purged).
   * `onDoubt` is called when entries may have been missed without a later one to show it: read() the tail.
   * What `onEntry` throws is told in the log of the process: neither the writer nor another subscriber is to blame for it.
   */
  subscribe(onEntry: (entry: LogEntry) => void, onDoubt?: () => void): Subscription;
  /** Resolves when every entry acknowledged (to anyone) before now has been handed to the subscribers. */
  barrier(): Promise<void>;
  bounds(): Promise<LogBounds>;
  /**
   * Removes the entries of `key` below revision `before`. (By revision, not "all but the newest n": an entry that
   * arrives between the decision and the purge must not shift what is removed.)
   */
  purge(key: string, before: number): Promise<void>;
  close(): Promise<void>;
}
export interface LogBounds {
  /** First and last revision held; `last` keeps its value when the entry itself was purged. */
  readonly first: number;
  readonly last: number;
  /** Entries held. */
  readonly count: number;
  /** Names this log for good: another stream of the same name is another log. */
  readonly identity: string;
}
export interface NewEntry {
  /** Begins with `/`. */
  readonly key: string;
  /** undefined: a tombstone. */
  readonly value: Uint8Array | undefined;
  readonly expect?: number | undefined;
  /** Of appendAll(): whose newest revision `expect` is, if not `key`'s; that key is in no entry of the same call. */
  readonly expectOf?: string | undefined;
  /** [A-Za-z0-9_-]+ */
  readonly id: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}
export interface LogEntry {
  readonly revision: number;
  /** Revision of the key's previous entry, 0 if none (or unknown, in read()). */
  readonly previous: number;
  readonly key: string;
  readonly value: Uint8Array | undefined;
  /** Milliseconds since the epoch, as the log stamped it. */
  readonly time: number;
  /** Those of the entry, and what the log added: the names that begin with `Nats-` and `KV-`. */
  readonly headers: Readonly<Record<string, string>>;
  /** '' for an entry written by something else than this interface. */
  readonly id: string;
}

/** Refused by a newer program's data: the number in the log's metadata and in snapshots. Raise it with each change. */
export const FORMAT_VERSION = 1;

/** Headers of a republished entry on `kubus.v1.event.<key>`. */
export const EVENT_HEADERS = {
  revision: 'Nats-Sequence',
  previous: 'Nats-Last-Sequence',
  time: 'Nats-Time-Stamp',
  id: 'Nats-Msg-Id',
  /** `DEL` or `PURGE` on a tombstone, absent on a value. */
  operation: 'KV-Operation',
} as const;

/** On entries that came together: all but the last have a number and no commit. */
export const BATCH_HEADERS = {
  id: 'Nats-Batch-Id',
  sequence: 'Nats-Batch-Sequence',
  commit: 'Nats-Batch-Commit',
} as const;
/** More entries of the same appendAll() follow: whoever shows it now shows half of what came together. */
export const isOpen = ({ headers }: LogEntry): boolean =>
  headers[BATCH_HEADERS.sequence] !== undefined && headers[BATCH_HEADERS.commit] === undefined;

/** To one subscriber; see `Log.subscribe`. */
export function handOut(entry: LogEntry, onEntry: (entry: LogEntry) => void, log: Logger): void {
  try {
    onEntry(entry);
  } catch (err) {
    log.error('a subscriber of the log failed', { key: entry.key, revision: entry.revision, err });
  }
}

const NO_SPACE_CAUSE = 'LogFull';
/** The `details` of the ServiceUnavailable that append() throws when it will not get better by trying again. */
export const noSpaceDetails = { causes: [{ reason: NO_SPACE_CAUSE, message: 'no space left' }] };
export const isNoSpace = (error: unknown): boolean =>
  statusOf(error)?.details?.causes?.some((c) => c.reason === NO_SPACE_CAUSE) ?? false;

const CONFLICT_CAUSE = 'LogRevision';
/** The `details` of the Conflict that append() throws. */
export const conflictDetails = (
  actual: number | undefined,
): { causes?: { reason: string; field: string; message: string }[] } =>
  actual === undefined ? {} : { causes: [{ reason: CONFLICT_CAUSE, field: 'revision', message: String(actual) }] };
/** Of a Conflict thrown by append(): the revision that the key's newest entry really has, if the log said so. */
export function conflictRevision(error: unknown): number | undefined {
  if (reasonOf(error) !== 'Conflict') return undefined;
  const cause = statusOf(error)?.details?.causes?.find((c) => c.reason === CONFLICT_CAUSE);
  return cause?.message === undefined ? undefined : Number(cause.message);
}
