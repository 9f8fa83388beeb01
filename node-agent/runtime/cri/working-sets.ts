import type { CriService } from './service.ts';

/** What those of these containers that run keep in memory at this moment, bytes, by their ids: as their runtime counts it. */
export async function workingSets(
  cri: Pick<CriService, 'containerStats'>,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, number>> {
  const found = new Map<string, number>();
  for (const { attributes, memory } of await cri.containerStats())
    if (attributes !== undefined && ids.has(attributes.id) && memory?.workingSetBytes !== undefined)
      found.set(attributes.id, memory.workingSetBytes.value);
  return found;
}
