import type { World } from '../../bus/world.ts';
import type { ConfigMap, Pod, Secret } from '../../schemas/generated/core-v1.ts';
import { keyOf, type GroupVersionResource } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import type { ApiClient } from '../../actors/runtime/api-client.ts';
import { createInformer, type Informer } from '../../actors/runtime/informer.ts';
import { configMaps, secrets } from '../../actors/runtime/resources.ts';

interface Kinds {
  readonly configmap: ConfigMap;
  readonly secret: Secret;
}
export type ReferencedKind = keyof Kinds;
const RESOURCES: Readonly<Record<ReferencedKind, GroupVersionResource>> = { configmap: configMaps, secret: secrets };

/** How long who asks waits for the first answer of a watch. Source: kubelet watch_based_manager objectCache.Get. */
const SYNC_MS = 1_000;

/**
 * ConfigMaps and Secrets that pods of this node name. Each is watched by its name from the first time that a pod asks for
 * it until no pod that did is registered any more, or it cannot change. Source: kubelet util/manager watch_based_manager.go.
 */
export interface References {
  /** The pod may ask from now on. Again: nothing. */
  register(pod: Pod): void;
  /** The pod asks no more. */
  forget(uid: string): void;
  /** Rejects as kubelets do: `configmap "x" not found` (NotFound), or an Error: not registered, or nobody answered in time. */
  get<K extends ReferencedKind>(kind: K, pod: Pod, name: string, signal?: AbortSignal): Promise<Kinds[K]>;
  /** Hears the uids of the pods that asked for an object which has changed, come or gone. */
  onChange(listener: (uids: ReadonlySet<string>) => void): () => void;
  /** Objects that are watched or kept. */
  readonly size: number;
  stop(): void;
}
interface Item {
  readonly informer: Informer<ConfigMap | Secret>;
  readonly users: Set<string>;
}
export function createReferences({ world, client }: { readonly world: World; readonly client: ApiClient }): References {
  const items = new Map<string, Item>();
  /** Keys of the items that each registered pod asked for. */
  const asked = new Map<string, Set<string>>();
  const listeners = new Set<(uids: ReadonlySet<string>) => void>();

  function watch(kind: ReferencedKind, namespace: string, name: string): Item {
    const selection = { namespace, fieldSelector: `metadata.name=${name}` };
    const informer = createInformer<ConfigMap | Secret>({ client, world, gvr: RESOURCES[kind], selection });
    const users = new Set<string>();
    const tell = (): void => {
      if (informer.hasSynced) for (const listener of listeners) listener(users);
    };
    informer.on({ add: tell, update: tell, delete: tell });
    return { informer, users };
  }
  async function synced(kind: ReferencedKind, { hasSynced, synced: whenSynced }: Item['informer'], signal: AbortSignal | undefined): Promise<void> {
    if (hasSynced) return;
    const { clock } = world;
    const late = Promise.withResolvers<never>();
    const timer = clock.setTimeout(() => late.reject(new Error(`failed to sync ${kind} cache: timed out waiting for the condition`)), SYNC_MS);
    const onAbort = (): void => late.reject(signal!.reason as Error);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([whenSynced, late.promise]);
    } finally {
      clock.clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  } // prettier-ignore
  return {
    register({ metadata: { uid } }) {
      if (!asked.has(uid!)) asked.set(uid!, new Set());
    },
    forget(uid) {
      const keys = asked.get(uid);
      asked.delete(uid);
      for (const key of keys ?? []) {
        const item = items.get(key)!;
        item.users.delete(uid);
        if (item.users.size > 0) continue;
        items.delete(key);
        item.informer.stop();
      }
    },
    async get(kind, { metadata }, name, signal) {
      signal?.throwIfAborted();
      const namespace = metadata.namespace!;
      const keys = asked.get(metadata.uid!);
      if (keys === undefined) throw new Error(`object ${goQuote(namespace)}/${goQuote(name)} not registered`);
      const key = `${kind}/${namespace}/${name}`;
      let item = items.get(key);
      if (item === undefined) items.set(key, (item = watch(kind, namespace, name)));
      item.users.add(metadata.uid!);
      keys.add(key);
      await synced(kind, item.informer, signal);
      const object = item.informer.get(keyOf({ metadata: { namespace, name } }));
      if (object === undefined) throw new ApiError('NotFound', `${kind} ${goQuote(name)} not found`);
      // It stays as it is: nobody has to watch it.
      if (object.immutable === true) item.informer.stop();
      return object;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    get size() {
      return items.size;
    },
    stop() {
      for (const { informer } of items.values()) informer.stop();
      items.clear();
      asked.clear();
      listeners.clear();
    },
  };
}
