import { isNoSpace, noSpaceDetails, type Log, type NewEntry } from '../../bus/log.ts';
import type { TimerId, World } from '../../bus/world.ts';
import { ApiError, reasonOf } from '../../schemas/meta/status.ts';

const LOOK_MS = 200;
/** An append that is not answered for so long, on a disk with so little room, is never answered. */
const SILENT_MS = 600;
const ROOM_BYTES = 4 * 1024 * 1024;

interface Pending {
  readonly since: number;
  readonly reject: (error: ApiError) => void;
}

/**
 * Appends to the log, and says so when there is no room. A nats-server whose disk is full answers nothing at all, until
 * it is started again: without this a writer waits for its whole deadline and learns nothing.
 */
export class Appends {
  readonly #world: World;
  readonly #log: Log;
  readonly #freeBytes: (() => number) | undefined;
  readonly #pending = new Set<Pending>();
  #timer: TimerId | undefined;

  /** `freeBytes`: of the disk of the log, where it can be told. */
  constructor(world: World, log: Log, freeBytes: (() => number) | undefined) {
    this.#world = world;
    this.#log = log;
    this.#freeBytes = freeBytes;
  }

  /** As Log.append(). Thrown besides: InternalError for want of room, as etcd's; isNoSpace() is true of it. */
  append(entry: NewEntry): Promise<number> {
    return this.#watch(this.#log.append(entry));
  }
  /** As Log.appendAll(), and append(). */
  appendAll(entries: readonly NewEntry[], last?: number): Promise<number> {
    return this.#watch(this.#log.appendAll(entries, last));
  }

  async #watch(appending: Promise<number>): Promise<number> {
    if (this.#freeBytes === undefined) return await appending.catch(sayFull);
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const pending = { since: this.#world.clock.now(), reject };
    this.#pending.add(pending);
    if (this.#timer === undefined) this.#arm();
    appending.then(resolve, reject);
    try {
      return await promise.catch(sayFull);
    } finally {
      this.#pending.delete(pending);
    }
  }

  #arm(): void {
    this.#timer = this.#world.clock.setTimeout(() => this.#look(), LOOK_MS);
  }
  #look(): void {
    this.#timer = undefined;
    const [oldest] = this.#pending;
    if (oldest === undefined) return;
    this.#arm();
    const now = this.#world.clock.now();
    if (now - oldest.since < SILENT_MS || this.#freeBytes!() >= ROOM_BYTES) return;
    for (const { reject } of this.#pending) reject(full('the disk of the store is full: free disk space'));
  }
}

/** Source: etcd api/v3rpc/rpctypes ErrNoSpace; the API server hands it out as an InternalError. */
const full = (why: string, cause?: unknown): ApiError =>
  new ApiError('InternalError', `etcdserver: mvcc: database space exceeded: ${why}`, {
    details: noSpaceDetails,
    cause,
  });
function sayFull(error: unknown): never {
  if (!isNoSpace(error) || reasonOf(error) === 'InternalError') throw error;
  throw full((error as Error).message, error);
}
