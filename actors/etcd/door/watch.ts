import type { TimerId } from '../../../bus/world.ts';
import type { Version } from '../version.ts';
import type { Store } from '../store.ts';
import { toEtcdError } from './errors.ts';
import { isOwn, keyValue } from './keys.ts';
import type { Message } from './messages.ts';
import { coverOf } from './operations.ts';

/** One client's stream of watches: what the door needs of gRPC's. */
export interface WatchStream {
  /** False: wait for drained() before the next. */
  send(response: Message): boolean;
  /** Resolves when there is room again. */
  drained(): Promise<void>;
  /** Ends it with an error: the client opens another where it was. */
  fail(error: unknown): void;
}
interface Watch {
  readonly id: number;
  readonly covers: (key: string) => boolean;
  readonly skips: ReadonlySet<number>;
  readonly previous: boolean;
  /** It is told from time to time how far it is, when nothing else tells it. */
  readonly notify: boolean;
  /** It was told since that was last looked at. */
  told: boolean;
  /** The first revision that was not looked at yet. */
  next: number;
}
/** Source: etcd server/embed DefaultWatchProgressNotifyInterval. */
const NOTIFY_MS = 600_000;
const PUT = 0;
const DELETE = 1;
/** Beyond either a response is sent and another one begun. */
const MAX_EVENTS = 1_000;
const MAX_BYTES = 1_000_000;
/** A watch that the server names itself. Source: etcd clientv3 AutoWatchID. */
const UNNAMED = 0;

/**
 * The watches of one stream, served from the index's history: each knows how far it has come, so a slow client costs
 * nothing but its place, and one that is too slow is told that its revision is compacted.
 */
export class Watches {
  readonly #store: Store;
  readonly #stream: WatchStream;
  readonly #header: () => Message;
  readonly #watches = new Map<number, Watch>();
  #nextId = 0;
  #pumping: Promise<void> | undefined;
  #again = false;
  #closed = false;
  readonly #follow = (version?: Version): void => {
    if (version === undefined || !this.#passes(version)) void this.#pump();
  };

  #timer: TimerId | undefined;

  constructor(store: Store, stream: WatchStream, header: () => Message) {
    this.#store = store;
    this.#stream = stream;
    this.#header = header;
    store.followers.add(this.#follow);
  }
  close(): void {
    this.#closed = true;
    this.#store.followers.delete(this.#follow);
    if (this.#timer !== undefined) this.#store.options.world.clock.clearTimeout(this.#timer);
    this.#watches.clear();
  }

  /** Most entries concern none of a stream's watches: those that are up to date need not be woken for them. */
  #passes(version: Version): boolean {
    if (this.#pumping !== undefined) return false;
    const { key, revision } = version;
    const own = isOwn(key);
    let all = true;
    for (const watch of this.#watches.values())
      if (watch.next === revision && (own || !watch.covers(key))) watch.next++;
      else all = false;
    return all;
  }

  async request({ create_request, cancel_request, progress_request }: Message): Promise<void> {
    if (create_request !== undefined) await this.#create(create_request as Message);
    if (cancel_request !== undefined) this.#cancel((cancel_request as Message)['watch_id'] as number);
    if (progress_request !== undefined) await this.#progress();
  }

  async #create(request: Message): Promise<void> {
    const wanted = request['watch_id'] as number;
    if (wanted !== UNNAMED && this.#watches.has(wanted)) return this.#refuse(-1, 'etcdserver: watch ID already exists');
    while (this.#watches.has(this.#nextId)) this.#nextId++;
    const id = wanted === UNNAMED ? this.#nextId++ : wanted;
    let covers: Watch['covers'];
    try {
      covers = coverOf(request);
      await this.#store.fresh();
    } catch (error) {
      return this.#refuse(id, toEtcdError(error).details);
    }
    if (this.#closed) return;
    const start = request['start_revision'] as number;
    const next = start > 0 ? start : this.#store.index.revision + 1;
    this.#send({ header: this.#header(), watch_id: id, created: true });
    const skips = new Set(request['filters'] as Uint8Array);
    const notify = request['progress_notify'] === true;
    this.#watches.set(id, { id, covers, skips, previous: request['prev_kv'] === true, notify, told: true, next });
    if (notify) this.#arm();
    await this.#pump();
  }
  #arm(): void {
    this.#timer ??= this.#store.options.world.clock.setTimeout(() => {
      this.#timer = undefined;
      this.#arm();
      const { revision } = this.#store.index;
      for (const watch of this.#watches.values()) {
        const header = { ...this.#header(), revision };
        if (watch.notify && !watch.told && watch.next > revision) this.#send({ header, watch_id: watch.id });
        watch.told = false;
      }
    }, NOTIFY_MS);
  }
  #refuse(id: number, reason: string): void {
    this.#send({ header: this.#header(), watch_id: id, created: true, canceled: true, cancel_reason: reason });
  }
  #cancel(id: number): void {
    if (!this.#watches.delete(id)) return;
    this.#send({ header: this.#header(), watch_id: id, canceled: true });
  }
  /** Answered once every watch of the stream has what was acknowledged before. */
  async #progress(): Promise<void> {
    await this.#store.fresh();
    await this.#pump();
    const behind = Math.min(...[...this.#watches.values()].map(({ next }) => next - 1), this.#store.index.revision);
    this.#send({ header: { ...this.#header(), revision: behind }, watch_id: -1 });
  }

  /** Sends what there is, as fast as the client takes it. */
  #pump(): Promise<void> {
    this.#again = true;
    return (this.#pumping ??= this.#run());
  }
  async #run(): Promise<void> {
    // What one turn brings is looked at once.
    await Promise.resolve();
    try {
      while (this.#again && !this.#closed) {
        this.#again = false;
        for (const watch of this.#watches.values())
          while (!this.#closed && this.#watches.has(watch.id) && watch.next <= this.#store.index.revision)
            if (!this.#sendNext(watch)) await this.#stream.drained();
      }
    } catch (error) {
      // Whoever misses one event must not be shown the next.
      this.close();
      this.#stream.fail(error);
    } finally {
      this.#pumping = undefined;
    }
  }
  /** False: the client is slow. */
  #sendNext(watch: Watch): boolean {
    const { index } = this.#store;
    if (watch.next <= index.floor) {
      this.#watches.delete(watch.id);
      return this.#send({
        header: this.#header(), watch_id: watch.id, canceled: true, compact_revision: index.floor,
        cancel_reason: 'etcdserver: mvcc: required revision has been compacted',
      }); // prettier-ignore
    }
    const events: Message[] = [];
    let bytes = 0;
    let seen = index.revision;
    for (const version of index.history.after(watch.next - 1)) {
      const type = version.value === undefined ? DELETE : PUT;
      if (isOwn(version.key) || !watch.covers(version.key) || watch.skips.has(type)) continue;
      if (events.length >= MAX_EVENTS || bytes > MAX_BYTES) {
        seen = version.revision - 1;
        break;
      }
      events.push(eventOf(version, type, watch.previous));
      bytes += version.value?.length ?? 0;
    }
    watch.next = seen + 1;
    if (events.length === 0) return true;
    watch.told = true;
    return this.#send({ header: { ...this.#header(), revision: seen }, watch_id: watch.id, events });
  }
  #send(response: Message): boolean {
    return this.#closed || this.#stream.send(response);
  }
}
function eventOf(version: Version, type: number, previous: boolean): Message {
  const before = previous ? version.older : undefined;
  return { type, kv: keyValue(version), prev_kv: before?.value === undefined ? undefined : keyValue(before) };
}
