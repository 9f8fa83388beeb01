import { ApiError } from '../meta/status.ts';
import { goFormat, goTypeName, isMap, type JsonMap } from './values.ts';

type ElementKind = 'map' | 'scalar';

/** All items of the lists must be of one type. */
export function elementKind(lists: readonly (readonly unknown[])[]): ElementKind {
  let type: string | undefined;
  for (const list of lists)
    for (const item of list) {
      if (Array.isArray(item) && type === undefined)
        throw new ApiError('Invalid', 'the server rejected our request due to an error in our request', { details: {} });
      type ??= goTypeName(item);
      if (type !== goTypeName(item))
        throw new ApiError('', `list element types are not identical: ${goFormat(lists)}`, { code: 500 });
    }
  if (type === undefined) throw new ApiError('', 'no elements in any of the given slices', { code: 500 });
  return type.startsWith('map') ? 'map' : 'scalar';
} // prettier-ignore

const keyOf = (item: unknown, mergeKey: string): unknown => (mergeKey !== '' && isMap(item) ? item[mergeKey] : item);

export function requireKeys(items: readonly JsonMap[], mergeKey: string, error: (item: JsonMap, key: string) => ApiError): void {
  for (const item of items) if (!Object.hasOwn(item, mergeKey)) throw error(item, mergeKey);
} // prettier-ignore

/** Items whose key occurs in `by`, and the others. */
export function partition(items: readonly unknown[], by: readonly unknown[], mergeKey: string): [unknown[], unknown[]] {
  const keys = new Set(by.map((item) => keyOf(item, mergeKey)));
  const found: unknown[] = [];
  const others: unknown[] = [];
  for (const item of items) (keys.has(keyOf(item, mergeKey)) ? found : others).push(item);
  return [found, others];
}

/**
 * Sorts the patch's items by `patchOrder`, the server's own by `serverOrder`, and weaves the two: an item of the server
 * comes before the next item of the patch if it did so in `serverOrder`.
 */
export function mergeOrdered(
  patchItems: readonly unknown[],
  serverItems: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
  kind: ElementKind,
): unknown[] {
  const key = kind === 'map' ? mergeKey : '';
  const ranks = (order: readonly unknown[]): Map<unknown, number> => {
    const rank = new Map<unknown, number>();
    for (const [i, item] of order.entries()) if (!rank.has(keyOf(item, key))) rank.set(keyOf(item, key), i);
    return rank;
  };
  const serverRank = ranks(serverOrder);
  const sorted = (items: readonly unknown[], rank: Map<unknown, number>): unknown[] =>
    items.toSorted((a, b) => (rank.get(keyOf(a, key)) ?? Infinity) - (rank.get(keyOf(b, key)) ?? Infinity) || 0);
  const fromPatch = sorted(patchItems, ranks(patchOrder));
  const fromServer = sorted(serverItems, serverRank);
  const result: unknown[] = [];
  let next = 0;
  for (const item of fromPatch) {
    const rank = serverRank.get(keyOf(item, key));
    while (next < fromServer.length) {
      const other = serverRank.get(keyOf(fromServer[next], key));
      if (rank === undefined || other === undefined || other >= rank) break;
      result.push(fromServer[next++]);
    }
    result.push(item);
  }
  return [...result, ...fromServer.slice(next)];
}
