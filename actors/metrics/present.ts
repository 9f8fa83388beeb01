import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import type { GroupVersionResource, KubeList } from '../../schemas/meta/object.ts';
import { reasonOf } from '../../schemas/meta/status.ts';
import type { ApiClient, ListOptions } from '../runtime/api-client.ts';

/** Of a pod or a node: as much as is told of it. */
export interface Present {
  readonly name: string;
  readonly namespace: string | undefined;
  readonly uid: string | undefined;
  readonly labels: Readonly<Record<string, string>> | undefined;
  /** Which runs it; a node's own name. */
  readonly node: string;
  readonly isRunning: boolean;
}
export function presentOf({ metadata, ...object }: Node | Pod): Present {
  const { spec, status } = object as Pod;
  const { name = '', namespace, uid, labels } = metadata;
  const isNode = namespace === undefined;
  return {
    name,
    namespace,
    uid,
    labels,
    node: isNode ? name : (spec?.nodeName ?? ''),
    isRunning: isNode || status?.phase === 'Running',
  };
}
/** Objects of a page; fewer where they are large. */
const PAGE = 256;
type Selection = Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'timeoutMs'>;

/**
 * All that a selection chooses, page by page: a list of thousands of pods is more than one message of the bus may hold, and
 * more than has to be in memory at a time.
 */
export async function present(client: ApiClient, gvr: GroupVersionResource, selection: Selection): Promise<Present[]> {
  const found: Present[] = [];
  let limit = PAGE;
  let next: string | undefined = '';
  while (next !== undefined) {
    try {
      const { items, metadata }: KubeList<Node | Pod> = await client.list<Node | Pod>(gvr, {
        ...selection,
        limit,
        ...(next !== '' && { continue: next }),
      });
      found.push(...items.map(presentOf));
      next = metadata.continue || undefined;
    } catch (error) {
      if (reasonOf(error) !== 'RequestEntityTooLarge' || limit === 1) throw error;
      limit = Math.ceil(limit / 4);
    }
  }
  return found;
}
