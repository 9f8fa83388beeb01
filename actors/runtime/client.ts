import type { Bus, Session } from '../../bus/bus.ts';
import type { ApiReply, ApiRequestBody, Verb, WatchFrame, WatchItem } from '../../bus/protocol/api.ts';
import { isSilence } from '../../bus/requests.ts';
import * as subjects from '../../bus/subjects.ts';
import type { World } from '../../bus/world.ts';
import {
  apiVersionOf,
  type GroupVersionResource,
  type KubeList,
  type KubeObject,
  type WatchEvent,
} from '../../schemas/meta/object.ts';
import { ApiError, type Status } from '../../schemas/meta/status.ts';
import type {
  ApiClient,
  CallOptions,
  DeleteCallOptions,
  ListOptions,
  WatchOptions,
  WriteOptions,
} from './api-client.ts';
import type { RequestMetrics } from './metrics/requests.ts';
import { objectOf, sharedObjectOf } from './stored.ts';

/** Annotation of the bookmark that ends a watch's initial events. Source: metav1.InitialEventsAnnotationKey. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

type Query = Record<string, string>;
function queryOf(options: ListOptions & WriteOptions = {}): Query {
  const query: Query = {};
  if (options.labelSelector) query['labelSelector'] = options.labelSelector;
  if (options.fieldSelector) query['fieldSelector'] = options.fieldSelector;
  if (options.limit) query['limit'] = String(options.limit);
  if (options.continue) query['continue'] = options.continue;
  if (options.resourceVersion !== undefined) query['resourceVersion'] = options.resourceVersion;
  if (options.fieldManager) query['fieldManager'] = options.fieldManager;
  if (options.force) query['force'] = 'true';
  if (options.dryRun) query['dryRun'] = 'All';
  return query;
}
const deleteOptions = (o: DeleteCallOptions): unknown => ({
  kind: 'DeleteOptions',
  apiVersion: 'v1',
  ...(o.gracePeriodSeconds !== undefined && { gracePeriodSeconds: o.gracePeriodSeconds }),
  ...(o.propagationPolicy && { propagationPolicy: o.propagationPolicy }),
  ...(o.preconditions && { preconditions: o.preconditions }),
});

const MAX_READS = 3;

/**
 * The API over the bus as `caller` sees it: each call is one request on `kubus.v1.api.<caller>.…`, a watch one session.
 * Rejects with ApiError; an aborted signal with its reason. Only reads are repeated, where the API server that was asked
 * has gone silent: another is asked then. `metrics` counts them all.
 */
export function createApiClient(bus: Bus, _world: World, caller: string, metrics?: RequestMetrics): ApiClient {
  const subjectOf = (
    verb: Verb,
    gvr: GroupVersionResource,
    namespace: string | undefined,
    name: string | undefined,
    o: CallOptions,
  ) =>
    subjects.api({
      caller,
      verb,
      group: gvr.group,
      version: gvr.version,
      resource: o.subresource ? `${gvr.resource}/${o.subresource}` : gvr.resource,
      namespace: namespace ?? '',
      name: name ?? '',
    });
  async function call(
    verb: Verb,
    gvr: GroupVersionResource,
    namespace: string | undefined,
    name: string | undefined,
    body: ApiRequestBody,
    o: CallOptions & Pick<WriteOptions, 'fence'>,
  ): Promise<ApiReply> {
    const subject = subjectOf(verb, gvr, namespace, name, o);
    const whole: ApiRequestBody = { ...body, ...(o.cause && { cause: o.cause }), ...(o.fence && { fence: o.fence }) };
    const counted = metrics?.begun(verb);
    for (let attempt = 1; ; attempt++) {
      try {
        const reply = await bus.request<ApiReply>(subject, whole, { signal: o.signal, timeoutMs: o.timeoutMs });
        counted?.();
        return reply;
      } catch (error) {
        // A read does no harm twice; of a write the outcome is unknown, and the caller must hear of it.
        if ((verb === 'get' || verb === 'list') && attempt < MAX_READS && isSilence(error)) continue;
        counted?.(error);
        throw error;
      }
    }
  }
  function single<T extends KubeObject>(reply: ApiReply): T {
    if ('stored' in reply) return sharedObjectOf<T>(reply.stored);
    if ('object' in reply) return reply.object as T;
    throw new ApiError('InternalError', 'expected an object, the apiserver answered with a list');
  }

  return {
    caller,
    async get(gvr, name, namespace, o = {}) {
      return single(await call('get', gvr, namespace, name, o.query ? { query: o.query } : {}, o));
    },
    async list<T extends KubeObject>(gvr: GroupVersionResource, o: ListOptions = {}) {
      const reply = await call('list', gvr, o.namespace, undefined, { query: queryOf(o) }, o);
      // Of another API server, as it is.
      if ('object' in reply && Array.isArray((reply.object as Partial<KubeList<T>>).items))
        return reply.object as KubeList<T>;
      if (!('list' in reply)) throw new ApiError('InternalError', 'expected a list, the apiserver answered otherwise');
      return {
        apiVersion: reply.apiVersion,
        kind: reply.kind,
        metadata: {
          resourceVersion: String(reply.revision),
          ...(reply.continue && { continue: reply.continue }),
          ...(reply.remaining !== undefined && { remainingItemCount: reply.remaining }),
        },
        items: reply.list.map((stored) => objectOf<T>(stored)),
      };
    },
    async create(gvr, object, o = {}) {
      const namespace = o.namespace ?? object.metadata?.namespace;
      // Only a create through a subresource names its target in the subject.
      const name = o.subresource ? (o.name ?? object.metadata?.name) : undefined;
      const body: ApiRequestBody = { object, query: queryOf(o), ...(o.nameEnd && { nameEnd: o.nameEnd }) };
      return single(await call('create', gvr, namespace, name, body, o));
    },
    async update(gvr, object, o = {}) {
      const { namespace, name } = object.metadata;
      return single(
        await call('update', gvr, o.namespace ?? namespace, o.name ?? name, { object, query: queryOf(o) }, o),
      );
    },
    async patch(gvr, name, namespace, type, patch, o = {}) {
      return single(
        await call('patch', gvr, namespace, name, { object: patch, patchType: type, query: queryOf(o) }, o),
      );
    },
    async delete(gvr, name, namespace, o = {}) {
      await call('delete', gvr, namespace, name, { object: deleteOptions(o) }, o);
    },
    async deleteCollection(gvr, namespace, o = {}) {
      await call('deletecollection', gvr, namespace, undefined, { object: deleteOptions(o), query: queryOf(o) }, o);
    },
    watch<T extends KubeObject>(gvr: GroupVersionResource, o: WatchOptions = {}) {
      return watchEvents<T>(bus, subjectOf('watch', gvr, o.namespace, undefined, o), gvr, o, metrics);
    },
  };
}

async function* watchEvents<T extends KubeObject>(
  bus: Bus,
  subject: string,
  gvr: GroupVersionResource,
  o: WatchOptions,
  metrics: RequestMetrics | undefined,
): AsyncGenerator<readonly WatchEvent<T>[]> {
  const query = queryOf(o);
  query['allowWatchBookmarks'] = 'true';
  if (o.resourceVersion === undefined) {
    query['sendInitialEvents'] = 'true';
    query['resourceVersionMatch'] = 'NotOlderThan';
  }
  const body: ApiRequestBody = {
    query,
    ...(o.cause && { cause: o.cause }),
    ...(o.metadataOnly && { metadataOnly: true }),
  };
  let session: Session;
  try {
    session = await bus.open(subject, body, { signal: o.signal, timeoutMs: o.timeoutMs });
    metrics?.watched();
  } catch (error) {
    metrics?.watched(error);
    throw error;
  }
  const onAbort = (): void => session.close();
  o.signal?.addEventListener('abort', onAbort, { once: true });
  try {
    o.onOpen?.();
    for await (const frame of session.frames()) {
      o.signal?.throwIfAborted();
      yield (frame as WatchFrame).map((item) => eventOf<T>(item, gvr));
    }
    o.signal?.throwIfAborted();
    const status: Status | undefined = await session.closed;
    if (status && status.status !== 'Success') throw ApiError.from(status);
  } finally {
    o.signal?.removeEventListener('abort', onAbort);
    session.close();
  }
}
function eventOf<T extends KubeObject>(item: WatchItem, gvr: GroupVersionResource): WatchEvent<T> {
  if ('object' in item) return item as WatchEvent<T>;
  if (item.type !== 'BOOKMARK') return { type: item.type, object: sharedObjectOf<T>(item.stored) };
  const bookmark: KubeObject = {
    apiVersion: apiVersionOf(gvr),
    kind: '',
    metadata: {
      resourceVersion: String(item.revision),
      ...(item.initialEventsEnd && { annotations: { [INITIAL_EVENTS_END]: 'true' } }),
    },
  };
  return { type: 'BOOKMARK', object: bookmark as T };
}
