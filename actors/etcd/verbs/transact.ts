import { isNoSpace, type NewEntry } from '../../../bus/log.ts';
import { delay } from '../../../bus/world.ts';
import { ApiError, reasonOf } from '../../../schemas/meta/status.ts';
import { OWN_PREFIX } from '../leases.ts';
import type { Index } from '../index.ts';
import type { Store } from '../store.ts';
import { headersOf } from './write.ts';

/** Several keys that change together, if all are as they were when it was planned. */
export interface Transaction {
  /** Each key once. The revision that each replaces is taken from `index`. */
  readonly writes: readonly {
    readonly key: string;
    /** undefined: delete. */
    readonly value: Uint8Array | undefined;
    readonly lease?: string | undefined;
  }[];
  /** Keys that were looked at and must not have changed either. */
  readonly guards: readonly string[];
  /** Nothing at all may have been written since: what was looked at is not a list of keys. */
  readonly nothingElse: boolean;
  /** What it was planned by. */
  readonly index: Index;
}

/** As many as the log takes at once. */
export const MAX_TOGETHER = 1_000;
/** How long an outcome is pursued, and the pause between attempts. */
const PURSUE_MS = 20_000;
const PAUSE_MS = 100;
/** The key of entries that only carry a condition. */
const GUARD_KEY = `${OWN_PREFIX}guard`;

/**
 * One attempt at a transaction, pursued until its outcome is known. Resolves with the revision of the last write (the
 * others have those before it), or `conflict`: something has changed since, and the index knows of it.
 * Thrown: Timeout (outcome unknown after all), ServiceUnavailable (not stored), InternalError (the disk is full),
 * RequestEntityTooLarge, BadRequest.
 */
export async function transact(
  store: Store,
  plan: Transaction,
  signal: Pick<AbortSignal, 'aborted'>,
): Promise<number | 'conflict'> {
  const { world, maxKeys } = store.options;
  const { index, writes } = plan;
  const last = index.revision;
  if (index.keys >= maxKeys && writes.some(({ key }) => index.newest(key) === undefined))
    throw new ApiError('ServiceUnavailable', `the store holds ${index.keys} keys, as many as it is tested for`);
  const entries = [
    ...plan.guards.map((key): NewEntry => {
      const expect = index.newest(key)?.revision ?? 0;
      return { key: GUARD_KEY, value: new Uint8Array(0), expect, expectOf: key, id: world.ids.token() };
    }),
    ...writes.map(({ key, value, lease }): NewEntry => {
      const newest = index.newest(key);
      const headers = headersOf({ lease }, newest?.value === undefined ? undefined : newest);
      return { key, value, expect: newest?.revision ?? 0, id: world.ids.token(), headers };
    }),
  ];
  const end = entries.at(-1)!;
  const deadline = world.clock.now() + PURSUE_MS;
  for (let unknown: unknown; ;) {
    try {
      const revision = await store.appends.appendAll(entries, plan.nothingElse ? last : undefined);
      store.options.hooks.onWrite(true);
      if (store.index.revision < revision) await store.seen(revision);
      return revision;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason === 'Conflict' || reason === 'AlreadyExists') {
        // A first attempt that was not answered may be what stands in the way.
        await store.fresh();
        return store.index.written(end.key, end.id)?.revision ?? 'conflict';
      }
      if (reason === 'Timeout') unknown = error;
      if (reason === 'ServiceUnavailable' || isNoSpace(error)) store.options.hooks.onWrite(false);
      const pursue = (reason === 'Timeout' || reason === 'ServiceUnavailable') && !isNoSpace(error);
      if (!pursue || signal.aborted || world.clock.now() + PAUSE_MS >= deadline) throw unknown ?? error;
      await delay(world.clock, PAUSE_MS);
    }
  }
}
