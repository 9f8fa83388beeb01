import { reasonOf } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ResourceRequest } from '../core.ts';
import type { Entry } from '../watch-cache/entry.ts';
import { deleteObject } from './delete.ts';
import { deleteOptions, rehearsedAs } from './delete-options.ts';
import { checkList, list } from './list.ts';

/** Deletions in flight at once. */
const WIDTH = 16;

/** Deletes what a list with the same selectors shows and answers that list. Source: genericregistry DeleteCollection. */
export async function deletecollection(core: Core, request: ResourceRequest): Promise<Answer> {
  checkList(core, request);
  const options = await deleteOptions(request);
  const found = await list(core, request);
  if (found.type !== 'list') return found;
  const { entries } = found;
  const rehearsed = rehearsedAs(request, options);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < entries.length) await one(core, rehearsed, entries[next++]!, options);
  };
  await Promise.all(Array.from({ length: Math.min(WIDTH, entries.length) }, worker));
  return found;
}
async function one(
  core: Core,
  request: ResourceRequest,
  entry: Entry,
  options: Awaited<ReturnType<typeof deleteOptions>>,
): Promise<void> {
  const { metadata } = entry.object;
  const info = { ...request.info, name: metadata.name ?? '', namespace: metadata.namespace ?? '' };
  try {
    await deleteObject(core, { ...request, info }, options, 'unnamed');
  } catch (error) {
    // Someone else was faster.
    if (reasonOf(error) !== 'NotFound') throw error;
  }
}
