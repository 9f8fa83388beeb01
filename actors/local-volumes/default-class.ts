import { delay, type World } from '../../bus/world.ts';
import type { StorageClass } from '../../schemas/generated/storage-v1.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient } from '../runtime/api-client.ts';
import { storageClasses } from '../runtime/resources.ts';
import { DEFAULT_CLASS } from './reconcile.ts';

/** ms: a cluster that has just begun knows nobody's rights yet. */
const FIRST_MS = 500;
const LONGEST_MS = 30_000;

/**
 * A cluster without a class for claims that name none gets one; one that has been given others keeps them. Tried until that
 * is so. Resolves then, and when `signal` is aborted.
 */
export async function ensureDefaultClass(client: ApiClient, world: World, signal: AbortSignal): Promise<void> {
  for (let wait = FIRST_MS; !signal.aborted; wait = Math.min(2 * wait, LONGEST_MS)) {
    try {
      const { items } = await client.list<StorageClass>(storageClasses, { signal });
      if (items.length === 0) await client.create(storageClasses, DEFAULT_CLASS, { signal });
      return;
    } catch (err) {
      // Another of its kind was faster.
      if (signal.aborted || reasonOf(err) === 'AlreadyExists') return;
      world.log.warn('no default StorageClass was made yet', { err });
    }
    await delay(world.clock, wait, signal).catch(() => undefined);
  }
}
