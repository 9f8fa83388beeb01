import { ApiError } from '../../schemas/meta/status.ts';
import type { Headers, Subscription } from '../bus.ts';
import { conflictDetails, EVENT_HEADERS, type Log, type LogBounds, type LogEntry, type NewEntry } from '../log.ts';
import { logToken } from '../log-key.ts';
import { event } from '../subjects.ts';
import type { World } from '../world.ts';

export interface MemoryLogOptions {
  readonly world: World;
  /** Where entries are republished with the headers that JetStream gives them, bodies as they are. */
  readonly bus?: RawPublisher | undefined;
  /** Values above it are refused as too large; default 2 MiB. */
  readonly maxValueBytes?: number | undefined;
}
/** The part of the memory bus that takes encoded bodies. */
export interface RawPublisher {
  publishRaw(subject: string, bytes: Uint8Array, headers?: Headers): void;
}

/** A Log in an array: every entry is "durable" when it is in it. Deterministic: nothing but the world's clock goes in. */
export function createMemoryLog(options: MemoryLogOptions): Log {
  return new MemoryLog(options);
}

interface Listener {
  readonly onEntry: (entry: LogEntry) => void;
}

class MemoryLog implements Log {
  readonly durable = true;
  readonly #world: World;
  readonly #bus: RawPublisher | undefined;
  readonly #maxValueBytes: number;
  readonly #identity: string;
  /** Ascending by revision; purged entries are removed. */
  #entries: LogEntry[] = [];
  #last = 0;
  readonly #newest = new Map<string, number[]>();
  readonly #ids = new Map<string, number>();
  readonly #listeners = new Set<Listener>();
  #closed = false;

  constructor({ world, bus, maxValueBytes }: MemoryLogOptions) {
    this.#world = world;
    this.#bus = bus;
    this.#maxValueBytes = maxValueBytes ?? 2 * 1024 * 1024;
    this.#identity = `memory-${world.ids.token()}`;
  }

  async append({ key, value, expect, id, headers }: NewEntry): Promise<number> {
    this.#assertOpen();
    logToken(key);
    if (value !== undefined && value.length > this.#maxValueBytes)
      throw new ApiError('RequestEntityTooLarge', `value of ${value.length} bytes is above ${this.#maxValueBytes}`);
    const known = this.#ids.get(id);
    if (known !== undefined) return known;
    const revisions = this.#newest.get(key) ?? [];
    const previous = revisions.at(-1) ?? 0;
    if (expect !== undefined && expect !== previous)
      throw new ApiError('Conflict', `wrong last revision of "${key}": ${previous}`, {
        details: conflictDetails(previous),
      });
    const revision = ++this.#last;
    const entry: LogEntry = {
      revision,
      previous,
      key,
      value: value && new Uint8Array(value),
      time: this.#world.clock.now(),
      headers: { ...headers },
      id,
    };
    revisions.push(revision);
    this.#newest.set(key, revisions);
    this.#entries.push(entry);
    this.#ids.set(id, revision);
    for (const { onEntry } of this.#listeners) onEntry(entry);
    this.#bus?.publishRaw(event(key), entry.value ?? new Uint8Array(0), republishHeaders(entry));
    return revision;
  }

  async find(id: string): Promise<number | undefined> {
    this.#assertOpen();
    return this.#ids.get(id);
  }

  async *read(from: number, to = this.#last): AsyncIterable<LogEntry> {
    this.#assertOpen();
    for (let next = from; ;) {
      const entry = this.#entries[this.#position(next)];
      if (entry === undefined || entry.revision > to) return;
      next = entry.revision + 1;
      yield entry;
    }
  }

  subscribe(onEntry: (entry: LogEntry) => void): Subscription {
    const listener = { onEntry };
    this.#listeners.add(listener);
    return { unsubscribe: () => void this.#listeners.delete(listener) };
  }

  async barrier(): Promise<void> {
    this.#assertOpen();
  }

  async bounds(): Promise<LogBounds> {
    this.#assertOpen();
    return {
      first: this.#entries[0]?.revision ?? this.#last + 1,
      last: this.#last,
      count: this.#entries.length,
      identity: this.#identity,
    };
  }

  async purge(key: string, before: number): Promise<void> {
    this.#assertOpen();
    const revisions = this.#newest.get(key) ?? [];
    const gone = new Set(revisions.filter((revision) => revision < before));
    if (gone.size === 0) return;
    const kept = revisions.filter((revision) => revision >= before);
    if (kept.length > 0) this.#newest.set(key, kept);
    else this.#newest.delete(key);
    for (const revision of gone) {
      const [entry] = this.#entries.splice(this.#position(revision), 1);
      if (entry !== undefined) this.#ids.delete(entry.id);
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#listeners.clear();
  }

  /** Index of the first entry at or after `revision`. */
  #position(revision: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#entries[middle]!.revision < revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #assertOpen(): void {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'the log is closed');
  }
}

function republishHeaders(entry: LogEntry): Headers {
  return {
    ...entry.headers,
    [EVENT_HEADERS.id]: entry.id,
    ...(entry.value === undefined && { [EVENT_HEADERS.operation]: 'DEL' }),
    [EVENT_HEADERS.revision]: String(entry.revision),
    [EVENT_HEADERS.previous]: String(entry.previous),
    [EVENT_HEADERS.time]: new Date(entry.time).toISOString(),
  };
}
