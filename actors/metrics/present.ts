import type { Node, Pod } from '../../schemas/generated/core-v1.ts';
import type { GroupVersionResource } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient, ListOptions } from '../runtime/api-client.ts';
import { INITIAL_EVENTS_END } from '../runtime/client.ts';

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
/**
 * All that a selection chooses. They come as a watch's first events: a list of thousands of pods is more than one message
 * of the bus may hold, and more than has to be in memory at a time.
 */
export async function present(client: ApiClient, gvr: GroupVersionResource, { signal, ...selection }: Pick<ListOptions, 'namespace' | 'labelSelector' | 'fieldSelector' | 'signal'>): Promise<Present[]> {
  const done = new AbortController();
  const within = signal === undefined ? done.signal : AbortSignal.any([signal, done.signal]);
  const found: Present[] = [];
  try {
    for await (const events of client.watch<Node | Pod>(gvr, { ...selection, signal: within }))
      for (const { type, object } of events) {
        if (type === 'BOOKMARK' && object.metadata.annotations?.[INITIAL_EVENTS_END] === 'true') return found;
        if (type === 'ADDED') found.push(presentOf(object));
      }
    throw new ApiError('ServiceUnavailable', 'the API server ended before it had told all');
  } finally {
    done.abort();
  }
} // prettier-ignore
