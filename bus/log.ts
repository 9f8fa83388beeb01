import type { Subscription } from './bus.ts';

/**
 * An append-only log of single-key mutations: the stream behind the KV bucket `kubus` (`bus/nats/log.ts`), or an array
 * (`bus/memory/log.ts`). Revision = position in the log. Used by `actors/etcd` alone; one conformance suite for both.
 */
export interface Log {
  /**
   * Appends one mutation; resolves with its revision once durable. `expect`: the revision of the key's newest entry
   * (0: the key has none), else `Conflict`. `id` makes a retry harmless: the revision of the first attempt is returned.
   * Thrown: ApiError Conflict (wrong `expect`), RequestEntityTooLarge, ServiceUnavailable (not stored),
   * Timeout (outcome unknown: ask `find(id)`).
   */
  append(entry: NewEntry): Promise<number>;
  /** The revision under which `id` was stored, if it was (within the duplicate window, 2 min, or by scanning the tail). */
  find(id: string): Promise<number | undefined>;
  /** Committed entries `from..to` in order, purged ones missing. */
  read(from: number, to?: number): AsyncIterable<LogEntry>;
  /** Committed entries as they are republished, in order; a gap in `revision` means read() it (or it was purged). */
  subscribe(onEntry: (entry: LogEntry) => void): Subscription;
  /** Resolves when every entry acknowledged (to anyone) before now has been handed to the subscribers. */
  barrier(): Promise<void>;
  /** First and last revision held. */
  bounds(): Promise<{ readonly first: number; readonly last: number }>;
  /** Removes all entries of `key` but the newest `keep`. */
  purge(key: string, keep: number): Promise<void>;
  close(): Promise<void>;
}
export interface NewEntry {
  readonly key: string;
  /** undefined: a tombstone. */
  readonly value: Uint8Array | undefined;
  readonly expect?: number | undefined;
  readonly id: string;
  /** The entry removes itself after this long, leaving a tombstone entry of its own. */
  readonly ttlMs?: number | undefined;
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
  readonly headers: Readonly<Record<string, string>>;
}
