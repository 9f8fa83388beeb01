import type { Fence, PatchType } from '../../bus/protocol/api.ts';
import { apiVersionOf } from '../../schemas/meta/object.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { Resource, Subresource } from '../../schemas/resource.ts';
import type { Answer, Body, Core, Handler, ResourceRequest } from './core.ts';
import { methodNotAllowed, notFound, unknownPath } from './errors.ts';
import type { AuditNotes, RequestInfo, UserInfo } from './request.ts';
import { authorize } from './stages/authorize.ts';
import { deprecation } from './stages/deprecation.ts';
import { subresourceHandlers } from './subresources/index.ts';
import { create } from './verbs/create.ts';
import { delete as remove } from './verbs/delete.ts';
import { deletecollection } from './verbs/deletecollection.ts';
import { get } from './verbs/get.ts';
import { list } from './verbs/list.ts';
import { patch } from './verbs/patch.ts';
import { update } from './verbs/update.ts';
import { watch } from './verbs/watch.ts';
import type { WatchEncoding } from './watch-cache/watchers.ts';

/**
 * The way of a request, whichever door it came through: request info -> authenticate -> impersonate (doors) -> audit ->
 * priority and fairness -> authorize -> route -> the verb's handler, which decodes, defaults, admits, validates and
 * commits. Each stage is a file of stages/, each verb a file of verbs/.
 */
export interface DoorRequest {
  readonly info: RequestInfo;
  /** Upper-case method of an HTTP request; the bus says only verbs. */
  readonly method?: string | undefined;
  readonly user: UserInfo;
  readonly query: URLSearchParams;
  readonly patchType: PatchType | undefined;
  readonly userAgent: string;
  readonly signal: AbortSignal;
  readonly warnings: string[];
  readonly audit?: AuditNotes | undefined;
  readonly cause?: string | undefined;
  readonly body: Body | undefined;
  readonly fence: Fence | undefined;
  readonly nameEnd?: string | undefined;
  readonly watchEncoding: ((resource: Resource) => WatchEncoding) | undefined;
}

const HANDLERS: Readonly<Record<string, Handler>> = {
  get, list, watch, create, update, patch, delete: remove, deletecollection,
}; // prettier-ignore

const ITEM_VERBS = ['get', 'update', 'patch', 'delete'];

export function handle(core: Core, request: DoorRequest): Answer | Promise<Answer> {
  const pending = authorize(core, request.user, request.info, request.audit);
  return pending === undefined ? authorized(core, request) : pending.then(() => authorized(core, request));
}
function authorized(core: Core, request: DoorRequest): Answer | Promise<Answer> {
  // Another API server may have taken the definition of a custom kind a moment ago.
  if (core.registry.lookup(request.info) === undefined && request.info.group.includes('.'))
    return core.barrier().then(() => serve(core, request));
  return serve(core, request);
}
function serve(core: Core, request: DoorRequest): Answer | Promise<Answer> {
  const { resource, subresource, handler } = route(core, request.info, request.method);
  if (request.info.verb === 'patch' && request.patchType === undefined && !passedOn(request.info))
    throw new ApiError('UnsupportedMediaType', '415: Unsupported Media Type', { details: {} });
  const old = deprecation(resource);
  if (old !== undefined) {
    request.warnings.push(old);
    if (!core.isCustom(resource)) request.audit?.annotate('k8s.io/deprecated', 'true');
  }
  const resourceRequest: ResourceRequest = {
    info: request.info,
    user: request.user,
    query: request.query,
    patchType: request.patchType,
    userAgent: request.userAgent,
    signal: request.signal,
    warnings: request.warnings,
    audit: request.audit,
    cause: request.cause,
    body: request.body,
    fence: request.fence,
    nameEnd: request.nameEnd,
    resource,
    subresource,
    watchEncoding: request.info.verb === 'watch' ? request.watchEncoding?.(resource) : undefined,
  };
  const answer = handler(core, resourceRequest);
  // Doors print what is answered at once: what a webhook has to convert for that is converted now.
  return resource.definition.custom?.versions.isRemote ? prepared(resource, answer) : answer;
}
/** Lists come from a cache of the version in the real server, which is not filled then. Source: apiserver pkg/storage/cacher. */
const uninitialized = (resource: Resource, why: string): ApiError =>
  new ApiError(
    'TooManyRequests',
    `storage is (re)initializing: failed to list ${apiVersionOf(resource)}, Kind=${resource.kind}: ${why}`,
    { details: { retryAfterSeconds: 1 } },
  );
async function prepared(resource: Resource, pending: Answer | Promise<Answer>): Promise<Answer> {
  const answer = await pending;
  const { versions } = resource.definition.custom!;
  const entries = answer.type === 'list' ? answer.entries : answer.type === 'entry' ? [answer.entry] : [];
  const objects = entries.map(({ object }) => object);
  try {
    await versions.prepare(objects, apiVersionOf(resource));
  } catch (error) {
    if (answer.type !== 'list') throw error;
    throw uninitialized(resource, (error as Error).message);
  }
  return answer;
}

/** What somebody else answers, in whatever words. */
const passedOn = ({ subresource }: RequestInfo): boolean => subresource === 'proxy';
interface Route {
  readonly resource: Resource;
  readonly subresource: Subresource | undefined;
  readonly handler: Handler;
}
/** Throws NotFound or MethodNotAllowed as the real server's routes would. */
function route(core: Core, info: RequestInfo, method: string | undefined): Route {
  const resource = core.registry.lookup(info);
  if (resource === undefined) throw unknownPath();
  const { verb } = info;
  const named = info.name !== '' && info.fieldSelector === undefined;
  if (method === 'HEAD' && !passedOn(info)) throw methodNotAllowed();
  if (
    resource.namespaced
      ? named && info.namespace === ''
      : info.namespace !== '' && (resource.kind !== 'Namespace' || info.name === '')
  )
    throw unknownPath();
  if (info.subresource !== '') {
    const subresource = resource.subresources.get(info.subresource);
    if (subresource === undefined) throw core.isCustom(resource) ? notFound(resource, info.name) : unknownPath();
    const asked = verb === '' && method === 'OPTIONS' && passedOn(info) ? 'get' : verb;
    if (!subresource.verbs.has(asked)) throw methodNotAllowed();
    const handler = subresourceHandlers(subresource.name)?.[asked];
    if (handler === undefined) throw methodNotAllowed();
    return { resource, subresource, handler };
  }
  // What cannot be done to single objects (reviews) has no path for them either.
  if (named && !ITEM_VERBS.some((v) => resource.verbs.has(v))) throw unknownPath();
  const handler = core.computed.get(resource.storagePrefix)?.[verb] ?? HANDLERS[verb];
  if (handler === undefined || !resource.verbs.has(verb)) throw methodNotAllowed();
  if (verb === 'create' && (named || (resource.namespaced && info.namespace === ''))) throw methodNotAllowed();
  if (verb === 'deletecollection' && resource.namespaced && info.namespace === '') throw methodNotAllowed();
  if ((verb === 'update' || verb === 'patch') && !named) throw methodNotAllowed();
  return { resource, subresource: undefined, handler };
}
