import type { ApiClient, DeleteCallOptions, WriteOptions } from '../../../actors/runtime/api-client.ts';
import { delay, type Clock } from '../../../bus/world.ts';
import type { GroupVersionResource, KubeObject } from '../../../schemas/meta/object.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';

/** Somebody at a terminal who tries again until what was asked for is so. */
export interface User {
  create(resource: GroupVersionResource, object: KubeObject): Promise<void>;
  /** Changes what is there, whoever changed it meanwhile; what is not there stays so. */
  change<T extends KubeObject>(
    resource: GroupVersionResource,
    name: string,
    namespace: string | undefined,
    fn: (object: T) => T,
  ): Promise<void>;
  remove(
    resource: GroupVersionResource,
    name: string,
    namespace: string | undefined,
    options?: DeleteCallOptions,
  ): Promise<void>;
  /** Once, whatever comes of it: the reason of the refusal, or undefined. */
  attempt(fn: (api: ApiClient) => Promise<unknown>): Promise<string | undefined>;
  sleep(ms: number): Promise<void>;
}

const PAUSE_MS = 300;
const CALL_MS = 5_000;
/** More than any fault lasts. */
const PATIENCE_MS = 120_000;
/** What a user has to mend himself; all else is tried again. */
const FINAL = new Set(['BadRequest', 'Invalid', 'MethodNotAllowed', 'NotFound', 'AlreadyExists']);

export function createUser(api: ApiClient, clock: Clock): User {
  const sleep = (ms: number): Promise<void> => delay(clock, ms);
  /** Thrown: the refusal, if it is final or goes on. */
  const insist = async (fn: () => Promise<unknown>, accepted: string): Promise<void> => {
    for (const until = clock.now() + PATIENCE_MS; ;) {
      try {
        await fn();
        return;
      } catch (error) {
        const reason = reasonOf(error) ?? 'none';
        if (reason === accepted) return;
        if (FINAL.has(reason) || clock.now() >= until) throw error;
        await sleep(PAUSE_MS);
      }
    }
  };
  const options: WriteOptions = { timeoutMs: CALL_MS };
  return {
    // The answer to an earlier attempt may have been lost.
    create: (resource, object) => insist(() => api.create(resource, object, options), 'AlreadyExists'),
    change: (resource, name, namespace, fn) =>
      insist(async () => {
        const object = await api.get<KubeObject>(resource, name, namespace, options);
        await api.update(resource, fn(structuredClone(object) as never), options);
      }, 'NotFound'),
    remove: (resource, name, namespace, wish) =>
      insist(() => api.delete(resource, name, namespace, { ...options, ...wish }), 'NotFound'),
    attempt: async (fn) => {
      try {
        await fn(api);
        return undefined;
      } catch (error) {
        return reasonOf(error) ?? String(error);
      }
    },
    sleep,
  };
}
