import type { KeepValue } from '../../bus/kept-values.ts';
import type { Log, LogBounds } from '../../bus/log.ts';
import { delay, type TimerId, type World } from '../../bus/world.ts';
import { ApiError, isRetryable, reasonOf } from '../../schemas/meta/status.ts';
import { Appends } from './appends.ts';
import { Compaction } from './compaction.ts';
import { Expiry } from './expiry.ts';
import { Feed, LostTrack } from './feed.ts';
import { FLOOR_KEY } from './floor.ts';
import { Index } from './index.ts';
import type { Version } from './version.ts';
import { expiryId, Leases } from './leases.ts';
import { readNewestSnapshot, writeSnapshot, type SnapshotInfo } from './snapshot-file.ts';

export interface StoreOptions {
  readonly world: World;
  readonly log: Log;
  readonly id: string;
  readonly historyMs: number;
  readonly tombstoneMs: number;
  readonly maxHistory: number;
  readonly snapshotDir: string | undefined;
  readonly snapshotMs: number;
  readonly maxKeys: number;
  readonly freeBytes: (() => number) | undefined;
  readonly keepValue?: KeepValue | undefined;
  readonly hooks: StoreHooks;
}
/** What happens to the store that its chart must know. */
export interface StoreHooks {
  readonly onBehind: () => void;
  readonly onLost: (why: string) => void;
  readonly onRefused: (error: unknown) => void;
  readonly onWrite: (accepted: boolean) => void;
}

/** Snapshots are not worth it for less. */
const SNAPSHOT_REVISIONS = 1_000;

/** The index and what keeps it true: the plain code under the chart, over which the verbs work. */
export class Store {
  readonly options: StoreOptions;
  readonly appends: Appends;
  index: Index;
  #feed: Feed;
  #compaction: Compaction;
  readonly leases: Leases;
  /** Called after each entry that went into the index, and without one when another index has taken its place. */
  readonly followers = new Set<(version?: Version) => void>();
  readonly #expiry: Expiry;
  #identity = '';
  #snapshotRevision = 0;
  #loading = false;
  #snapshotTimer: TimerId | undefined;
  #snapshotting: Promise<SnapshotInfo> | undefined;
  /** Ends what runs beside the chart. */
  #life = new AbortController();

  constructor(options: StoreOptions) {
    this.options = options;
    this.index = new Index(options.keepValue);
    this.appends = new Appends(options.world, options.log, options.freeBytes);
    this.#expiry = new Expiry(options.world, (key, revision) => void this.#expire(key, revision));
    this.leases = new Leases((key, revision) => void this.#expire(key, revision));
    [this.#feed, this.#compaction] = this.#around(this.index);
  }
  get feed(): Feed {
    return this.#feed;
  }
  get compaction(): Compaction {
    return this.#compaction;
  }

  /** Resolves when the log answers. */
  async connect(): Promise<void> {
    await this.options.log.bounds();
  }

  /** Builds the index: newest snapshot and the log's tail, or the whole log. */
  async load(signal: AbortSignal): Promise<void> {
    this.#stopTimers();
    const bounds = await this.options.log.bounds();
    try {
      await this.#loadFrom(await this.#snapshot(bounds), bounds, signal);
    } catch (error) {
      if (!(error instanceof LostTrack) || this.index.revision === 0) throw error;
      this.options.world.log.info('the snapshot is too old to catch up from; reading the whole log', { err: error });
      await this.#loadFrom(undefined, bounds, signal);
    }
    for (let after: string | undefined; ;) {
      const versions = this.index.cellsAfter(after, 10_000);
      if (versions.length === 0) break;
      for (const version of versions) if (version.value !== undefined) this.#expiry.add(version);
      for (const version of versions) this.leases.add(version);
      after = versions.at(-1)!.key;
    }
    this.leases.endOrphans(this.index);
    for (const follow of this.followers) follow();
    this.#compaction.start();
    this.#expiry.start();
    this.#armSnapshot();
    void this.#compaction.afterLoad().catch((err: unknown) => {
      this.options.world.log.warn('compaction after loading failed', { err });
    });
  }

  async catchUp(signal: AbortSignal): Promise<void> {
    for (;;) {
      try {
        return await this.#feed.catchUp(this.#identity, signal);
      } catch (error) {
        if (error instanceof LostTrack || signal.aborted || !isRetryable(error)) throw error;
        this.options.world.log.debug('catching up failed, trying again', { err: error });
        await delay(this.options.world.clock, 200, signal);
      }
    }
  }

  /** Resolves when the index has what was just written: nothing is acknowledged that the next reader would not find. */
  async seen(revision: number): Promise<void> {
    try {
      await this.#feed.reached(revision, 100);
    } catch {
      this.#feed.doubt();
      await this.#feed.reached(revision);
    }
  }

  /**
   * Resolves when everything acknowledged before now is in the index. An index that was replaced meanwhile is one that
   * still loads: whoever waited on the old one waits on, or would read next to nothing and call it the state.
   */
  async fresh(): Promise<void> {
    for (let feed: Feed | undefined; feed !== this.#feed;) {
      feed = this.#feed;
      await feed.fresh();
    }
  }

  /** Writes a snapshot now; one at a time. Thrown: BadRequest where no folder for them was given. */
  async snapshot(): Promise<SnapshotInfo> {
    const { snapshotDir, id } = this.options;
    if (snapshotDir === undefined) throw new ApiError('BadRequest', 'this etcd was started without a snapshot folder');
    this.#snapshotting ??= writeSnapshot(this.index, this.#identity, snapshotDir, id).finally(() => {
      this.#snapshotting = undefined;
    });
    const info = await this.#snapshotting;
    this.#snapshotRevision = info.revision;
    return info;
  }

  async drain(): Promise<void> {
    const complete = !this.#feed.behind;
    this.close();
    const grown = this.index.revision - this.#snapshotRevision;
    if (this.options.snapshotDir === undefined || !complete || grown < SNAPSHOT_REVISIONS) return;
    try {
      await this.snapshot();
    } catch (err) {
      this.options.world.log.warn('could not write the snapshot', { err });
    }
  }
  close(): void {
    this.#stopTimers();
    this.#feed.stop();
  }

  async #snapshot(bounds: LogBounds): Promise<Index | undefined> {
    const { snapshotDir, world, log, keepValue } = this.options;
    // Who has to load a second time does not trust what it has.
    const again = this.#identity !== '';
    if (snapshotDir === undefined || bounds.last === 0 || again) return undefined;
    const timeOf = async (revision: number): Promise<number | undefined> => {
      for await (const { time } of log.read(revision, revision)) return time;
      return undefined;
    };
    const { index, rejected } = await readNewestSnapshot(() => new Index(keepValue), snapshotDir, {
      ...bounds,
      timeOf,
    });
    if (rejected.length > 0) world.log.warn('snapshots were left aside', { rejected });
    return index;
  }

  async #loadFrom(snapshot: Index | undefined, bounds: LogBounds, signal: AbortSignal): Promise<void> {
    this.#feed.stop();
    this.#expiry.clear();
    this.leases.clear();
    this.index = snapshot ?? new Index(this.options.keepValue);
    this.#snapshotRevision = this.index.revision;
    this.#identity = bounds.identity;
    [this.#feed, this.#compaction] = this.#around(this.index);
    this.#feed.start();
    this.#loading = true;
    try {
      await this.#feed.catchUp(bounds.identity, signal, snapshot === undefined);
    } finally {
      this.#loading = false;
    }
    await this.options.log.barrier();
  }

  #around(index: Index): [Feed, Compaction] {
    const { world, log, historyMs, tombstoneMs, maxHistory, hooks } = this.options;
    const compaction = new Compaction({
      world,
      log,
      index,
      historyMs,
      tombstoneMs,
      maxHistory,
      onDigestDiffers: () => hooks.onLost('another facade has another history'),
    });
    const onApplied = (version: Version): void => {
      if (this.#loading) compaction.keepPace();
      else {
        if (version.expiresAt > 0) this.#expiry.add(version);
        this.leases.follow(version, index);
        for (const follow of this.followers) follow(version);
      }
      if (version.key !== FLOOR_KEY) return;
      try {
        compaction.onFloor(version);
      } catch (error) {
        hooks.onRefused(error);
        throw error;
      }
    };
    return [new Feed(world, log, index, { onApplied, onBehind: hooks.onBehind }), compaction];
  }

  /** Every facade tries; the id is the same for all, so one tombstone comes of it. */
  async #expire(key: string, revision: number): Promise<void> {
    const { log, world } = this.options;
    const { signal } = this.#life;
    for (
      let wait = 500;
      !signal.aborted && this.index.newest(key)?.revision === revision;
      wait = Math.min(wait * 2, 30_000)
    ) {
      try {
        await log.append({ key, value: undefined, expect: revision, id: expiryId(revision) });
        return;
      } catch (err) {
        if (reasonOf(err) === 'Conflict') return;
        world.log.debug('could not expire a key, trying again', { key, err });
        if (signal.aborted) return;
        await delay(world.clock, wait, signal).catch(() => undefined);
      }
    }
  }

  #armSnapshot(): void {
    const { world, snapshotDir, snapshotMs } = this.options;
    if (snapshotDir === undefined) return;
    this.#snapshotTimer = world.clock.setTimeout(() => {
      const grown = this.index.revision - this.#snapshotRevision;
      const done = grown < SNAPSHOT_REVISIONS ? Promise.resolve() : this.snapshot();
      done
        .catch((err: unknown) => world.log.warn('could not write the snapshot', { err }))
        .finally(() => {
          if (this.#snapshotTimer !== undefined) this.#armSnapshot();
        });
    }, snapshotMs);
  }
  #stopTimers(): void {
    this.#life.abort();
    this.#life = new AbortController();
    this.#compaction.stop();
    this.#expiry.stop();
    if (this.#snapshotTimer !== undefined) this.options.world.clock.clearTimeout(this.#snapshotTimer);
    this.#snapshotTimer = undefined;
  }
}
