import { storageKey } from '../../../schemas/resource.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import { badVersion, notFound, plain } from '../errors.ts';
import { tooLarge } from '../watch-cache/watch-cache.ts';

/** How long a read waits for a version that the cache has not reached. Source: cacher blockTimeout. */
const WAIT_MS = 3000;

/** A resourceVersion as a number; undefined if none was given. Throws an error without reason. */
export function parseVersion(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  if (!/^\d+$/.test(text)) throw badVersion(text);
  if (text.length > 19 && BigInt(text) > MAX_VERSION)
    throw plain(`strconv.ParseUint: parsing ${JSON.stringify(text)}: value out of range`);
  return Number(text);
}
const MAX_VERSION = 2n ** 64n - 1n;
/** The same as reads and watches word it. */
export function readVersion(text: string | null): number | undefined {
  try {
    return parseVersion(text);
  } catch (error) {
    throw plain(`resourceVersion: Invalid value: ${JSON.stringify(text)}: ${(error as Error).message}`);
  }
}
/** Any state of at least `version`: 0 is whatever is there. */
export async function waitFor(core: Core, version: number): Promise<void> {
  if (version <= core.cache.revision) return;
  await core.cache.waitFor(version, WAIT_MS).catch(() => {
    throw tooLarge(version, core.cache.revision);
  });
}

/** Without a resourceVersion the newest state, confirmed by a barrier; with one, a state not older than that. */
export function get(core: Core, request: ResourceRequest): Answer | Promise<Answer> {
  const version = request.query.size === 0 ? undefined : readVersion(request.query.get('resourceVersion'));
  if (version !== undefined && version <= core.cache.revision) return found(core, request);
  return (version === undefined ? core.barrier() : waitFor(core, version)).then(() => found(core, request));
}
function found(core: Core, request: ResourceRequest): Answer {
  const { resource, info } = request;
  const entry = core.cache.of(resource).byKey.get(storageKey(resource, info.namespace, info.name));
  if (entry === undefined) throw notFound(resource, info.name);
  return { type: 'entry', code: 200, resource, entry };
}
