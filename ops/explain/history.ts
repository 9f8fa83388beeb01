import type { Bus } from '../../bus/bus.ts';
import type { KeyValue } from '../../bus/protocol/etcd.ts';
import { DECISIVE, type Decisive, type Objects } from '../../actors/scheduler/explanation/objects.ts';
import type { Pod } from '../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../schemas/meta/object.ts';
import { createRegistry } from '../../schemas/registry.ts';
import { storageKey, type Resource } from '../../schemas/resource.ts';
import { UserError } from '../cli/output.ts';
import { readStore, storeStatus, type Found, type Query } from '../store/read-store.ts';
import { readStored } from '../store/stored-value.ts';

/** A store that can be read as of any of its revisions that is still there. */
export interface History {
  read(query: Query): Promise<Found>;
  /** The newest revision, and the oldest that can still be read. */
  bounds(): Promise<{ readonly revision: number; readonly compactRevision: number }>;
}
export const historyOf = (bus: Bus): History => ({
  read: (query) => readStore(bus, query),
  bounds: () => storeStatus(bus),
});
/** A pod as it was, and when it became so. */
export interface SeenPod {
  readonly pod: Pod;
  readonly changedAt: number;
}
const registry = createRegistry();

/** By group (absent: core) and plural, in the version that is stored. */
function resourceOf(name: Decisive): Resource {
  const [plural, group = ''] = name.split('/').reverse() as [string, string?];
  return registry.all().find((r) => r.resource === plural && r.group === group)!;
}
function opened(resource: Resource, kv: KeyValue): KubeObject {
  const stored = readStored(kv);
  if ('object' in stored) return stored.object as unknown as KubeObject;
  const why = 'encrypted' in stored ? 'encrypted in the store, and only API servers have the key' : 'not readable here';
  throw new UserError(`${resource.resource} are ${why}: what decides about pods has to be read as it was written`);
}
/** The pod as of a revision (undefined: now); undefined: there was none. */
export async function podAt(history: History, namespace: string, name: string, revision?: number): Promise<SeenPod | undefined> {
  const resource = resourceOf('pods');
  const { items } = await history.read({ key: storageKey(resource, namespace, name), prefix: false, revision });
  const [kv] = items;
  return kv && { pod: opened(resource, kv), changedAt: kv.modRevision };
} // prettier-ignore

/** All that decides where pods may go, as of one revision. */
export async function clusterAt(history: History, revision: number): Promise<Objects> {
  const objects: Partial<Record<Decisive, readonly KubeObject[]>> = {};
  for (const name of DECISIVE) {
    const resource = resourceOf(name);
    const { items } = await history.read({ key: resource.storagePrefix, prefix: true, revision });
    objects[name] = items.map((kv) => opened(resource, kv));
  }
  return objects;
}
/** Names of pods that were called so elsewhere. */
export async function namespacesWith(history: History, name: string, revision: number): Promise<readonly string[]> {
  const prefix = resourceOf('pods').storagePrefix;
  const { items } = await history.read({ key: prefix, prefix: true, keysOnly: true, revision });
  return items.flatMap(({ key }) => {
    const [namespace, ...rest] = key.slice(prefix.length).split('/');
    return rest.join('/') === name ? [namespace!] : [];
  });
}
