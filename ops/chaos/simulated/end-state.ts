import type { SimulatedProcesses } from './cluster.ts';
import type { History } from './history.ts';
import { nameOf } from './invariant.ts';

/** What must not be there once all is quiet: what belongs to nobody that exists, or is on its way out. */
export function dangling(history: History): string | undefined {
  for (const object of history.all()) {
    if (object.metadata.deletionTimestamp !== undefined) return `${nameOf(object)} is still being deleted`;
    const owners = object.metadata.ownerReferences ?? [];
    const gone = owners.find(({ uid }) => history.withUid(uid) === undefined);
    if (gone) return `${nameOf(object)} belongs to ${gone.kind} ${gone.name}, which is not there any more`;
  }
  return undefined;
}

/** Every API server shows what the log holds, no more and no less. */
export async function staleCaches(cluster: SimulatedProcesses, history: History): Promise<string[]> {
  // What was written last is on its way.
  await cluster.simulation.advance(2_000);
  const wrong: string[] = [];
  for (const { name, kind } of cluster.processes.values()) {
    if (kind !== 'apiserver') continue;
    const cache = cluster.apiserver(name)?.core.cache;
    if (!cache) continue;
    for (const [key, revision] of history.revisions) {
      if (!key.startsWith('/registry/')) continue;
      // A resource's objects lie below one segment of the key, or below two.
      const held = prefixesOf(key)
        .map((prefix) => cache.below(prefix).byKey.get(key)?.revision)
        .find((one) => one !== undefined);
      if (held !== revision) wrong.push(`${name} has ${key} at revision ${held}, the log at ${revision}`);
    }
  }
  return wrong.slice(0, 3);
}
function prefixesOf(key: string): string[] {
  const first = key.indexOf('/', '/registry/'.length);
  return [key.slice(0, first + 1), key.slice(0, key.indexOf('/', first + 1) + 1)];
}
