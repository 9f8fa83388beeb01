import type { Fence } from '../../../bus/protocol/api.ts';
import type { StoreFence } from '../../../bus/protocol/etcd.ts';
import { whenConverted, workedOn } from '../../../schemas/convert.ts';
import { apiVersionOf, type DynamicObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Core, Draft, ResourceRequest } from '../core.ts';
import { conflict } from '../errors.ts';
import type { Entry } from '../watch-cache/entry.ts';
import { ordered } from './metadata.ts';

/** How long a write may take to come back as an event before the caller is told that its outcome is unknown. */
const SEEN_MS = 10_000;
const LEASES = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };

/** A deposed holder's writes stop here, or at the store, which looks again before each attempt to write. */
async function checkFence(core: Core, request: ResourceRequest, fence: Fence): Promise<void> {
  // A new leader may be faster than the word of his leadership.
  if (!isHolder(core, fence)) await core.barrier();
  if (!isHolder(core, fence))
    throw conflict(request.resource, request.info.name, `${fence.holder} no longer holds ${fence.lease}`);
}
function isHolder(core: Core, fence: Fence): boolean {
  const leases = core.registry.lookup(LEASES);
  const [namespace, name] = fence.lease.split('/');
  const lease = leases && core.cache.get(leases, namespace ?? '', name ?? '');
  const spec = lease?.['spec'] as { holderIdentity?: string; leaseTransitions?: number } | undefined;
  return spec?.holderIdentity === fence.holder && (spec.leaseTransitions ?? 0) === fence.transitions;
}

/** The resource in the version in which defaults, admission and validation work: that of the store, of a custom kind that of the request. */
export function storageOf(core: Core, resource: Resource): Resource {
  if (apiVersionOf(resource) === resource.storageVersion || core.isCustom(resource)) return resource;
  return core.registry.byStorageKey(resource.storagePrefix) ?? resource;
}
/** The store looks once more, at each attempt: a write may wait there for seconds. */
function storeFence(core: Core, { fence }: ResourceRequest): StoreFence | undefined {
  const leases = fence && core.registry.lookup(LEASES);
  return (
    leases && {
      key: leases.storagePrefix + fence.lease,
      holder: fence.holder,
      transitions: fence.transitions,
      checkedAt: core.world.clock.now(),
    }
  );
}
/** What was worked on as the store gets it: in its version, the fields in the order that readers expect, without what the store itself knows. */
export async function storedForm(core: Core, resource: Resource, draft: Draft): Promise<DynamicObject> {
  const { custom } = resource.definition;
  const storage = custom ? ((await custom.versions.stored(draft)) as Draft) : ordered(storageOf(core, resource), draft);
  const { resourceVersion: _revision, ...metadata } = storage.metadata;
  return { ...storage, metadata };
}
/** The present state of an object as requests work on it. */
export function present(resource: Resource, { object }: Entry): DynamicObject | Promise<DynamicObject> {
  const compute = (): DynamicObject => workedOn(resource, object) as DynamicObject;
  return resource.definition.custom?.versions.isRemote ? whenConverted(compute) : compute();
}

/**
 * Compare-and-set; resolves once this process's own cache shows the write, so that the writer's next read sees it.
 * undefined: the key was not at `expect` (0: it exists).
 */
export async function put(
  core: Core,
  request: ResourceRequest,
  key: string,
  object: DynamicObject,
  expect: number,
): Promise<Entry | undefined> {
  const value = core.vault.seal(key, core.codec.encode(object));
  const forget = core.cache.expectOwn(key, value, object);
  const ttl = request.resource.definition.ttlSeconds;
  try {
    if (request.fence !== undefined) await checkFence(core, request, request.fence);
    const answer = await core.store.put(
      {
        key,
        value,
        expect,
        cause: request.cause,
        fence: storeFence(core, request),
        ...(ttl !== undefined && { ttlMs: ttl * 1000 }),
      },
      request.signal,
    );
    if (answer.conflict !== undefined) {
      forget();
      await core.cache.waitFor(answer.conflict.current?.modRevision ?? answer.revision, SEEN_MS);
      return undefined;
    }
    if (core.cache.revision < answer.revision) await core.cache.waitFor(answer.revision, SEEN_MS);
    const entry = core.cache.of(request.resource).byKey.get(key);
    if (entry?.revision === answer.revision) return entry;
    // Written and already overtaken: answer what was written, as the store would.
    return core.cache.detached(key, answer.revision, value);
  } catch (error) {
    forget();
    throw error;
  }
}
/** undefined: the key was not at `expect`. Otherwise the revision of the deletion, seen by the cache. */
export async function remove(
  core: Core,
  request: ResourceRequest,
  key: string,
  expect: number,
): Promise<number | undefined> {
  if (request.fence !== undefined) await checkFence(core, request, request.fence);
  const answer = await core.store.delete(
    { key, expect, cause: request.cause, fence: storeFence(core, request) },
    request.signal,
  );
  if (answer.conflict !== undefined) {
    await core.cache.waitFor(answer.conflict.current?.modRevision ?? answer.revision, SEEN_MS);
    return undefined;
  }
  if (core.cache.revision < answer.revision) await core.cache.waitFor(answer.revision, SEEN_MS);
  return answer.revision;
}

/** The newest state of a key, and whether a barrier has vouched for it. */
export interface Known {
  readonly entry: Entry | undefined;
  readonly fresh: boolean;
}
const RETRY = Symbol('retry');
export const retry: typeof RETRY = RETRY;

/**
 * Runs `attempt` on what the cache has, which may be a moment old: a refusal, a no-op or a missing object counts only
 * after a barrier has confirmed what it was based on. `attempt` answers `retry` when its compare-and-set lost.
 */
export async function guaranteed<T>(
  core: Core,
  key: string,
  resource: Resource,
  attempt: (known: Known) => Promise<T | typeof RETRY>,
): Promise<T> {
  let fresh = false;
  for (;;) {
    const cache = core.cache.of(resource);
    const entry = cache.byKey.get(key);
    if (entry === undefined && !fresh) {
      await core.barrier();
      fresh = true;
      continue;
    }
    try {
      const result = await attempt({ entry, fresh });
      if (result !== RETRY) return result;
      fresh = false;
    } catch (error) {
      if (fresh) throw error;
      await core.barrier();
      fresh = true;
      if (cache.byKey.get(key) === entry) throw error;
    }
  }
}
