import { isNoSpace, type Log } from '../../bus/log.ts';
import { delay, type TimerId, type World } from '../../bus/world.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import { decodeFloor, encodeFloor, FLOOR_KEY, type Floor } from './floor.ts';
import type { Index, Purge } from './index.ts';
import type { Version } from './version.ts';

export interface CompactionOptions {
  readonly world: World;
  readonly log: Log;
  readonly index: Index;
  /** How long the past can be read. */
  readonly historyMs: number;
  /**
   * How long a tombstone stays in the log, at least: a snapshot or a facade that is older cannot catch up and loads
   * anew. Far longer than a load takes: who replays must not meet a value whose tombstone goes before it gets there.
   */
  readonly tombstoneMs: number;
  /** More of the past is never kept in memory, however young it is. */
  readonly maxHistory: number;
  /** Another facade has another history: this one must load again. */
  readonly onDigestDiffers: () => void;
}

/** Versions dropped in one go: a few milliseconds in which nothing else is answered. */
const SLICE = 2_000;
const SLOW_PURGE_MS = 50;
/** Entries that a load takes between one look for what can be dropped and the next. */
const LOAD_SLICE = 2_000;
/** The store's own keys do not keep the floor moving. */
const isOwn = (key: string): boolean => key.startsWith('/kubus/');

/**
 * Moves the floor by time and purges below it. Every facade has a timer; who writes the floor's key first does the
 * purging. All others forget when they see the key change.
 */
export class Compaction {
  readonly #options: CompactionOptions;
  #timer: TimerId | undefined;
  #floor: Floor | undefined;
  #mine = '';
  #purging = Promise.resolve();
  #running = false;
  /** Length of the history at which a load looks again for what can be dropped. */
  #nextLook = LOAD_SLICE;

  constructor(options: CompactionOptions) {
    this.#options = options;
  }
  get floor(): Floor | undefined {
    return this.#floor;
  }
  start(): void {
    this.#running = true;
    this.#arm();
  }
  stop(): void {
    this.#running = false;
    if (this.#timer !== undefined) this.#options.world.clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** The floor's key has changed. Thrown: Invalid for data of a newer version. */
  onFloor({ value, id }: Version): void {
    if (value === undefined) return;
    const floor = decodeFloor(value);
    this.#floor = floor;
    const { index } = this.#options;
    this.#compare(floor);
    index.raise(floor.floor, floor.forgotten);
    const mine = id !== '' && id === this.#mine;
    if (this.#running) this.#forget(mine);
  }

  /**
   * After each entry while the index loads: drops what would be dropped at once afterwards, so that memory is that of
   * the keys and of the time that can be read, not that of the log.
   */
  keepPace(): void {
    const { index } = this.#options;
    if (index.history.length < this.#nextLook) return;
    index.raise(this.#horizon(), index.forgotten);
    index.forget(Infinity);
    this.#nextLook = index.history.length + LOAD_SLICE;
  }

  /** Drops what is below the floor after loading, and purges what whoever moved it left behind. */
  async afterLoad(): Promise<void> {
    this.#forget(true);
    await this.#purging;
    await this.#sweepIfNeeded();
  }
  /** Resolves when what is to be purged is purged. */
  idle(): Promise<void> {
    return this.#purging;
  }

  /** Moves the floor as far as the time allows. True if it moved, by this facade. */
  async tick(): Promise<boolean> {
    const { world, index, historyMs, tombstoneMs } = this.#options;
    const now = world.clock.now();
    const target = this.#horizon();
    const forgotten = Math.min(index.tombstonesUpTo(now - Math.max(tombstoneMs, historyMs)), target || index.floor);
    if (!this.#worthwhile(target) && forgotten <= index.forgotten) return false;
    const moved = await this.compactTo(Math.max(target, index.floor), Math.max(forgotten, index.forgotten));
    return moved !== undefined;
  }

  /** Revision of the floor's entry, undefined if another facade moved it first. Thrown: what the log throws. */
  async compactTo(revision: number, forgotten = this.#options.index.forgotten): Promise<number | undefined> {
    const { world, log, index } = this.#options;
    const id = world.ids.token();
    const digest = index.digest(revision, index.revision);
    const value = encodeFloor({ floor: revision, forgotten, at: index.revision, digest });
    this.#mine = id;
    for (let room = false; ; room = true) {
      try {
        return await log.append({ key: FLOOR_KEY, value, expect: index.newest(FLOOR_KEY)?.revision ?? 0, id });
      } catch (error) {
        if (reasonOf(error) === 'Conflict') return undefined;
        if (!isNoSpace(error) || room) throw error;
        await this.#makeRoom(revision);
      }
    }
  }

  /**
   * The disk is so full that not even the floor can be written: purge first. Only what newer versions replace, no
   * tombstones: whoever meets the holes takes them for a floor.
   */
  async #makeRoom(revision: number): Promise<void> {
    const { log, index } = this.#options;
    const purged = new Set<string>();
    const past = Array.from(index.history.after(0));
    for (const { key, revision: at } of past) {
      if (at > revision) return;
      const kept = purged.has(key) ? undefined : index.at(key, revision);
      purged.add(key);
      if (kept?.older !== undefined) await log.purge(key, kept.revision);
    }
  }

  /** Revision up to which the past need not be kept. */
  #horizon(): number {
    const { world, index, historyMs, maxHistory } = this.#options;
    const { history } = index;
    return Math.max(history.upTo(world.clock.now() - historyMs), history.allBut(maxHistory));
  }
  #worthwhile(target: number): boolean {
    // A load has dropped more than anybody has said: the log goes by what is said.
    if (this.#options.index.floor > (this.#floor?.floor ?? 0)) return true;
    for (const { revision, key } of this.#options.index.history.after(0)) {
      if (revision > target) return false;
      if (!isOwn(key)) return true;
    }
    return false;
  }
  #arm(): void {
    const { world, historyMs } = this.#options;
    const interval = Math.min(Math.max(historyMs / 5, 1_000), 60_000) * (0.9 + world.random() / 5);
    this.#timer = world.clock.setTimeout(() => {
      void this.#round();
    }, interval);
  }
  async #round(): Promise<void> {
    try {
      if (await this.tick()) {
        await this.idle();
        await this.#sweepIfNeeded();
      }
    } catch (err) {
      this.#options.world.log.warn('compaction failed, trying again later', { err });
    }
    if (this.#running) this.#arm();
  }

  /** A facade that missed or mixed up an entry would give wrong answers for ever: compare what each has seen. */
  #compare({ floor, at, digest }: Floor): void {
    const { index, world, onDigestDiffers } = this.#options;
    const own = index.digest(floor, at);
    if (digest === undefined || own === undefined || own === digest) return;
    world.log.error('this facade has seen other entries than the one that moved the floor', { floor, at });
    if (this.#running) onDigestDiffers();
  }

  #forget(purge: boolean): void {
    this.#purging = this.#forgetAfter(this.#purging, purge);
  }
  async #forgetAfter(before: Promise<void>, purge: boolean): Promise<void> {
    await before;
    const { index, world } = this.#options;
    while (index.forgetful) {
      const purges = index.forget(SLICE);
      if (purge) await this.#purge(purges);
      else await delay(world.clock, 1);
    }
  }
  async #purge(purges: readonly Purge[]): Promise<void> {
    const { log, world } = this.#options;
    for (const { key, before } of purges) {
      const since = world.clock.now();
      try {
        await log.purge(key, before);
        // Nothing is written while the log purges, and a long log purges slowly: let writes through in between.
        const took = world.clock.now() - since;
        if (took > SLOW_PURGE_MS) await delay(world.clock, took);
      } catch (err) {
        // What stays behind is only space: the next sweep finds it.
        world.log.warn('could not purge', { key, before, err });
        if (reasonOf(err) === 'ServiceUnavailable' || reasonOf(err) === 'Timeout') return;
      }
    }
  }

  /** Purges what a facade that ended half-way left in the log: it holds more than the index then. */
  async #sweepIfNeeded(): Promise<void> {
    const { log, index } = this.#options;
    const { last, count } = await log.bounds();
    if (last !== index.revision || count <= index.entries) return;
    const leftovers = new Map<string, number>();
    for await (const { key, revision, value } of log.read(1, index.floor)) {
      const oldest = index.oldest(key);
      if (oldest !== undefined && revision < oldest.revision) leftovers.set(key, oldest.revision);
      // Of a key that is gone only what ends in a tombstone goes.
      else if (oldest === undefined && revision <= index.forgotten && value === undefined)
        leftovers.set(key, revision + 1);
    }
    await this.#purge([...leftovers].map(([key, before]) => ({ key, before })));
  }
}
