import type { ConfigMap, NodeAddress } from '../../../schemas/generated/core-v1.ts';
import type { Fence } from '../../../bus/protocol/api.ts';
import { reasonOf } from '../../../schemas/meta/status.ts';
import type { ApiClient } from '../../runtime/api-client.ts';
import { configMaps } from '../../runtime/resources.ts';
import type { Route, Routes } from '../provider.ts';

/** Where the table is: `kubectl -n kube-system get configmap kubus-routes -o yaml`. */
export const TABLE = { namespace: 'kube-system', name: 'kubus-routes' };

interface Entry {
  readonly destination: string;
  readonly node: string;
  readonly addresses: readonly NodeAddress[];
}
/** A route's name: its destination in characters that keys of a ConfigMap may have. */
const nameOf = (destination: string): string => destination.replaceAll(':', '-').replace('/', '_');

/**
 * Routes between simulated nodes, which need none: a table in a ConfigMap, which people can look at and which outlives
 * whoever wrote it. Changes that are asked for at once are written together.
 */
export function localRoutes(client: ApiClient, fence?: () => Fence | undefined): Routes {
  let waiting: Map<string, Entry | null> | undefined;
  let written: Promise<void> = Promise.resolve();

  async function write(data: Readonly<Record<string, string | null>>): Promise<void> {
    const { name, namespace } = TABLE;
    const held = fence?.();
    const options = held && { fence: held };
    try {
      await client.patch(configMaps, name, namespace, 'merge', { data }, options);
    } catch (error) {
      if (reasonOf(error) !== 'NotFound') throw error;
      const present = Object.entries(data).filter((entry): entry is [string, string] => entry[1] !== null);
      await client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: TABLE, data: Object.fromEntries(present) }, options); // prettier-ignore
    }
  }
  function change(destination: string, entry: Entry | null): Promise<void> {
    if (waiting === undefined) {
      const batch = (waiting = new Map<string, Entry | null>());
      const before = written.catch(() => undefined);
      written = before.then(async () => {
        // Whoever comes while this is written is of the next.
        if (waiting === batch) waiting = undefined;
        await write(Object.fromEntries([...batch].map(([name, one]) => [name, one && JSON.stringify(one)])));
      });
    }
    waiting.set(nameOf(destination), entry);
    return written;
  }
  return {
    async list(signal) {
      let table: ConfigMap;
      try {
        table = await client.get<ConfigMap>(configMaps, TABLE.name, TABLE.namespace, { signal });
      } catch (error) {
        if (reasonOf(error) === 'NotFound') return [];
        throw error;
      }
      return Object.entries(table.data ?? {}).map(([name, text]) => routeOf(name, text));
    },
    create: ({ destination, targetNode, targetAddresses = [] }) =>
      change(destination, { destination, node: targetNode, addresses: targetAddresses }),
    remove: ({ name }) => change(name, null),
  };
}
/** What somebody else wrote leads nowhere. */
function routeOf(name: string, text: string): Route {
  try {
    const { destination, node, addresses } = JSON.parse(text) as Partial<Entry>;
    if (typeof destination === 'string' && typeof node === 'string' && Array.isArray(addresses))
      return { name, destination, targetNode: node, targetAddresses: addresses };
  } catch {
    // As one that lacks something.
  }
  return { name, destination: '', targetNode: '', isBlackhole: true };
}
