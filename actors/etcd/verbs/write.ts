import { conflictRevision, isNoSpace } from '../../../bus/log.ts';
import type { KeyValue, StoreFence, WriteResponse } from '../../../bus/protocol/etcd.ts';
import { delay } from '../../../bus/world.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import { assertHolder, formatFence, isHolder } from '../fence.ts';
import { formatOrigin, HEADERS } from '../headers.ts';
import type { Index } from '../index.ts';
import type { Version } from '../version.ts';
import type { Store } from '../store.ts';

export interface Write {
  readonly key: string;
  /** undefined: delete. */
  readonly value: Uint8Array | undefined;
  readonly expect?: number | undefined;
  readonly since?: number | undefined;
  readonly id: string;
  readonly ttlMs?: number | undefined;
  readonly lease?: string | undefined;
  readonly cause?: string | undefined;
  readonly fence?: StoreFence | undefined;
}

/** How long an outcome is pursued when the caller sets no earlier end. */
const PURSUE_MS = 20_000;
/**
 * A leader that was killed is not succeeded sooner: what was checked longer ago than this may have waited here, while this
 * process was paused, before the word of a successor, which must be heard first.
 */
const FENCE_MS = 200;
const FIRST_PAUSE_MS = 50;
/** Short: whoever waits should not wait longer than the log is away. */
const LONGEST_PAUSE_MS = 200;
const MAX_CONFLICTS = 32;

/**
 * One compare-and-set on the log. Every write names the revision that it replaces, also where the caller names none: so
 * the index knows what the write did, and what it wrote about the key's origin is true.
 * A write is answered once the index has it. Thrown: Timeout (outcome unknown after all), ServiceUnavailable (not
 * stored), InternalError (the disk is full), RequestEntityTooLarge, BadRequest.
 */
export async function write(
  store: Store,
  request: Write,
  signal: Pick<AbortSignal, 'aborted'>,
): Promise<WriteResponse> {
  const { key, value, expect, since = Infinity, id } = request;
  const { clock } = store.options.world;
  const deadline = clock.now() + PURSUE_MS;
  let pause = FIRST_PAUSE_MS;
  let conflicts = 0;
  let unknown: unknown;
  /** What the log says is the key's newest revision, where that is not what the index has: a purged tombstone. */
  let actual: number | undefined;
  for (let fresh = false; ;) {
    const { index } = store;
    const newest = index.newest(key);
    const current = newest?.value === undefined ? undefined : newest;
    const unexpected = expect !== undefined && expect !== (current?.revision ?? 0);
    const nothing = value === undefined && current === undefined;
    const stale = expect === 0 && current === undefined && newest !== undefined && newest.revision > since;
    if (unexpected || nothing || stale || expect === undefined || conflicts > 0 || unknown !== undefined) {
      const own = index.written(key, id);
      if (own !== undefined) return answer(own);
    }
    if (stale) return { revision: index.revision, conflict: { current: undefined } };
    if (unexpected || nothing) {
      if (!fresh) {
        await store.fresh();
        fresh = true;
        continue;
      }
      if (unexpected) return { revision: index.revision, conflict: { current: current && keyValue(current) } };
      return { revision: index.revision };
    }
    if (value !== undefined && newest === undefined && index.keys >= store.options.maxKeys)
      throw new ApiError('ServiceUnavailable', `the store holds ${index.keys} keys, as many as it is tested for`);
    let revision: number;
    try {
      if (request.fence !== undefined) {
        const isOld = clock.now() - request.fence.checkedAt > FENCE_MS;
        if (!fresh && (isOld || !isHolder(index, request.fence))) {
          await store.fresh();
          fresh = true;
          continue;
        }
        assertHolder(index, request.fence);
      }
    } catch (error) {
      // An attempt may have been stored before the leadership passed on: then this is not known to have failed.
      throw unknown ?? error;
    }
    try {
      const replaces = actual ?? newest?.revision ?? 0;
      const headers = headersOf(request, current);
      revision = await store.appends.append({ key, value, expect: replaces, id, headers });
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === 'Conflict') {
        if (++conflicts > MAX_CONFLICTS) throw busy(key);
        await store.fresh();
        fresh = true;
        actual = leftover(store.index, key, conflictRevision(error));
        continue;
      }
      const pursue = (reason === 'Timeout' || reason === 'ServiceUnavailable') && !isNoSpace(error);
      if (reason === 'Timeout') unknown = error;
      if (reason === 'ServiceUnavailable' || isNoSpace(error)) store.options.hooks.onWrite(false);
      if (!pursue) throw error;
      // Not stored, or perhaps stored: the same id again makes both the same.
      if (signal.aborted || clock.now() + pause >= deadline) throw unknown ?? error;
      await delay(clock, pause);
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
      fresh = false;
      continue;
    }
    store.options.hooks.onWrite(true);
    if (store.index.revision < revision) await store.seen(revision);
    return { revision, ...(value === undefined && current && { previous: keyValue(current) }) };
  }
}

/** A tombstone that the index has forgotten and the log not yet: to be replaced all the same. */
const leftover = (index: Index, key: string, said: number | undefined): number | undefined =>
  said !== undefined && said <= index.forgotten && index.newest(key) === undefined ? said : undefined;

export function headersOf(
  { ttlMs, lease, cause, fence }: Pick<Write, 'ttlMs' | 'lease' | 'cause' | 'fence'>,
  current: Version | undefined,
): Record<string, string> {
  const headers: Record<string, string> = {};
  if (current !== undefined) headers[HEADERS.origin] = formatOrigin(current.createRevision, current.version + 1);
  if (ttlMs !== undefined) headers[HEADERS.ttlMs] = String(Math.ceil(ttlMs));
  if (lease !== undefined) headers[HEADERS.lease] = lease;
  if (cause !== undefined) headers[HEADERS.cause] = cause;
  if (fence !== undefined) headers[HEADERS.fence] = formatFence(fence);
  return headers;
}

/** The first outcome of a write that is repeated. */
const answer = (own: Version): WriteResponse => ({
  revision: own.revision,
  ...(own.value === undefined && own.older?.value !== undefined && { previous: keyValue(own.older) }),
});

const NO_VALUE = new Uint8Array(0);
export const keyValue = ({ key, revision, createRevision, version, value }: Version, keysOnly = false): KeyValue => ({
  key,
  value: keysOnly ? NO_VALUE : (value ?? NO_VALUE),
  createRevision,
  modRevision: revision,
  version,
});

const busy = (key: string): ApiError =>
  new ApiError('ServerTimeout', `too many writers of "${key}" at once, try again`, {
    details: { retryAfterSeconds: 1 },
  });
