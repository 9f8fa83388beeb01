import { ApiError } from '../../schemas/meta/status.ts';
import type { Bus, Headers, Subscription } from '../bus.ts';
import { Encoded } from '../codec.ts';
import {
  BATCH_HEADERS,
  conflictDetails,
  EVENT_HEADERS,
  handOut,
  type Log,
  type LogBounds,
  type LogEntry,
  type NewEntry,
} from '../log.ts';
import { logToken } from '../log-key.ts';
import { event } from '../subjects.ts';
import type { World } from '../world.ts';

export interface MemoryLogOptions {
  readonly world: World;
  /** Where entries are republished with the headers that JetStream gives them, bodies as they are. */
  readonly bus?: Pick<Bus, 'publish'> | undefined;
  /** Values above it are refused as too large; default 2 MiB. */
  readonly maxValueBytes?: number | undefined;
  /** What is in it at the beginning, ascending by revision: that of another log, to go on from. */
  readonly content?: readonly LogEntry[] | undefined;
}

/** A Log in an array: every entry is "durable" when it is in it. Deterministic: nothing but the world's clock goes in. */
export function createMemoryLog(options: MemoryLogOptions): MemoryLog {
  return new Entries(options).view();
}

/** Several facades of one store each take a view: closing it ends that view alone, the entries stay. */
export interface MemoryLog extends Log {
  view(): MemoryLog;
  /** What the others promise, done at once: for who puts a network of his own in between. */
  readonly now: ImmediateLog;
}
/** Thrown: as by the methods of Log of the same names. */
export interface ImmediateLog {
  append(entry: NewEntry): number;
  appendAll(entries: readonly NewEntry[], last?: number): number;
  find(id: string): number | undefined;
  read(from: number, to?: number): Iterable<LogEntry>;
  bounds(): LogBounds;
  purge(key: string, before: number): void;
}

const NOTHING = new Uint8Array(0);

class Entries implements ImmediateLog {
  readonly #world: World;
  readonly #bus: Pick<Bus, 'publish'> | undefined;
  readonly #maxValueBytes: number;
  readonly #identity: string;
  /** Ascending by revision; purged entries are removed. */
  readonly #entries: LogEntry[] = [];
  #last = 0;
  /** Revisions held, per key. */
  readonly #byKey = new Map<string, number[]>();
  readonly #ids = new Map<string, number>();
  readonly listeners = new Set<(entry: LogEntry) => void>();

  constructor({ world, bus, maxValueBytes, content = [] }: MemoryLogOptions) {
    this.#world = world;
    this.#bus = bus;
    this.#maxValueBytes = maxValueBytes ?? 2 * 1024 * 1024;
    this.#identity = `memory-${world.ids.token()}`;
    for (const entry of content) this.#hold(entry);
  }

  view(): MemoryLog {
    return new View(this);
  }

  append(entry: NewEntry): number {
    this.#checkSize(entry);
    const known = this.#ids.get(entry.id);
    if (known !== undefined) return known;
    this.#checkExpected(entry);
    return this.#store(entry);
  }

  appendAll(entries: readonly NewEntry[], last?: number): number {
    for (const entry of entries) this.#checkSize(entry);
    if (entries.some(({ id }) => this.#ids.has(id)))
      throw new ApiError('AlreadyExists', 'an entry with one of these ids was stored before');
    if (last !== undefined && last !== this.#last) throw wrong('the log', this.#last);
    for (const entry of entries) this.#checkExpected(entry);
    const batch = this.#world.ids.token();
    for (const [i, entry] of entries.entries()) {
      const own = { [BATCH_HEADERS.id]: batch, [BATCH_HEADERS.sequence]: String(i + 1) };
      const commit = i === entries.length - 1 ? { [BATCH_HEADERS.commit]: '1' } : {};
      this.#store({ ...entry, headers: { ...entry.headers, ...own, ...commit } });
    }
    return this.#last;
  }

  #checkSize({ key, value }: NewEntry): void {
    logToken(key);
    if (value !== undefined && value.length > this.#maxValueBytes)
      throw new ApiError('RequestEntityTooLarge', `value of ${value.length} bytes is above ${this.#maxValueBytes}`);
  }
  #checkExpected({ key, expect, expectOf = key }: NewEntry): void {
    const previous = this.#byKey.get(expectOf)?.at(-1) ?? 0;
    if (expect !== undefined && expect !== previous) throw wrong(`"${expectOf}"`, previous);
  }
  #store({ key, value, id, headers }: NewEntry): number {
    const previous = this.#byKey.get(key)?.at(-1) ?? 0;
    const revision = this.#last + 1;
    const time = this.#world.clock.now();
    const entry = { revision, previous, key, value: value && new Uint8Array(value), time, headers: { ...headers }, id };
    this.#hold(entry);
    for (const listener of this.listeners) handOut(entry, listener, this.#world.log);
    this.#bus?.publish(event(key), new Encoded(entry.value ?? NOTHING), republishHeaders(entry));
    return revision;
  }

  #hold(entry: LogEntry): void {
    const revisions = this.#byKey.get(entry.key);
    if (revisions) revisions.push(entry.revision);
    else this.#byKey.set(entry.key, [entry.revision]);
    this.#entries.push(entry);
    this.#ids.set(entry.id, entry.revision);
    this.#last = entry.revision;
  }

  find(id: string): number | undefined {
    return this.#ids.get(id);
  }

  *read(from: number, to = this.#last): Iterable<LogEntry> {
    for (let next = from; ;) {
      const entry = this.#entries[this.#position(next)];
      if (entry === undefined || entry.revision > to) return;
      next = entry.revision + 1;
      yield entry;
    }
  }

  bounds(): LogBounds {
    const { revision: first } = this.#entries[0] ?? { revision: this.#last + 1 };
    return { first, last: this.#last, count: this.#entries.length, identity: this.#identity };
  }

  purge(key: string, before: number): void {
    const revisions = this.#byKey.get(key) ?? [];
    const kept = revisions.filter((revision) => revision >= before);
    if (kept.length > 0) this.#byKey.set(key, kept);
    else this.#byKey.delete(key);
    for (const revision of revisions) {
      if (revision >= before) return;
      const [entry] = this.#entries.splice(this.#position(revision), 1);
      if (entry !== undefined) this.#ids.delete(entry.id);
    }
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
}

const wrong = (whose: string, actual: number): ApiError =>
  new ApiError('Conflict', `wrong last revision of ${whose}: ${actual}`, { details: conflictDetails(actual) });

class View implements MemoryLog {
  readonly durable = true;
  readonly replicated = false;
  readonly #entries: Entries;
  readonly #subscriptions = new Set<() => void>();
  #closed = false;

  constructor(entries: Entries) {
    this.#entries = entries;
  }
  view(): MemoryLog {
    return this.#open().view();
  }
  get now(): ImmediateLog {
    return this.#open();
  }
  async append(entry: NewEntry): Promise<number> {
    return this.#open().append(entry);
  }
  async appendAll(entries: readonly NewEntry[], last?: number): Promise<number> {
    return this.#open().appendAll(entries, last);
  }
  async find(id: string): Promise<number | undefined> {
    return this.#open().find(id);
  }
  async *read(from: number, to?: number): AsyncIterable<LogEntry> {
    yield* this.#open().read(from, to);
  }
  subscribe(onEntry: (entry: LogEntry) => void): Subscription {
    const listener = (entry: LogEntry): void => onEntry(entry);
    const { listeners } = this.#open();
    listeners.add(listener);
    const unsubscribe = (): void => void listeners.delete(listener);
    this.#subscriptions.add(unsubscribe);
    return { unsubscribe };
  }
  async barrier(): Promise<void> {
    this.#open();
  }
  async bounds(): Promise<LogBounds> {
    return this.#open().bounds();
  }
  async purge(key: string, before: number): Promise<void> {
    this.#open().purge(key, before);
  }
  async close(): Promise<void> {
    this.#closed = true;
    for (const unsubscribe of this.#subscriptions) unsubscribe();
  }
  #open(): Entries {
    if (this.#closed) throw new ApiError('ServiceUnavailable', 'the log is closed');
    return this.#entries;
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
