import type { ServedMessage, Session } from '../../../bus/bus.ts';
import { encodeOnce, type Encoded } from '../../../bus/codec.ts';
import type { ApiReply, ApiRequestBody, Stored, WatchItem } from '../../../bus/protocol/api.ts';
import * as subjects from '../../../bus/subjects.ts';
import { delay } from '../../../bus/world.ts';
import { isTooDeep } from '../../../schemas/codec/json.ts';
import { fromStorage } from '../../../schemas/convert.ts';
import { apiVersionOf } from '../../../schemas/meta/object.ts';
import { ApiError, toStatus, type Status } from '../../../schemas/meta/status.ts';
import type { Resource } from '../../../schemas/resource.ts';
import type { Answer, Core, Elsewhere } from '../core.ts';
import { handle, type DoorRequest } from '../pipeline.ts';
import type { RequestInfo, UserInfo } from '../request.ts';
import { beginAudit, noted } from '../audit/bus.ts';
import { demandKept } from '../audit/open.ts';
import type { AuditTrail } from '../audit/trail.ts';
import { impersonate } from '../authentication/index.ts';
import type { Admission } from '../flow-control/index.ts';
import { turnOf } from '../flow-control/waiting.ts';
import { nameSelected, pathOf } from '../stages/request-info.ts';
import type { Entry } from '../watch-cache/entry.ts';
import type { WatchEncoding, WatchSink } from '../watch-cache/watchers.ts';
import { userOfCaller } from './callers.ts';

const QUEUE = 'apiserver';
/** Frames that a watcher may be behind before it is closed: it resumes at its last revision, or lists again. */
const MAX_LAG = 1000;
/** A body of fewer bytes is not too deep to be kept. */
const MAX_FLAT_BYTES = 1000;
/** Verbs that are of many objects, and may be told of one by a selector. */
const SELECTING = new Set(['list', 'watch', 'deletecollection']);
const NO_QUERY = new URLSearchParams();
type ElsewhereAnswer = NonNullable<ReturnType<Elsewhere>>;

export interface BusDoor {
  /** Leaves the queue group, then resolves when what was asked by then is answered, at the latest after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}
/** Requests and watches of the cluster's own components. */
export function openBusDoor(core: Core): BusDoor {
  const { bus } = core;
  const inFlight = new Set<Promise<unknown>>();
  const counted = (message: ServedMessage): Promise<ApiReply> => {
    const reply = answer(core, message);
    inFlight.add(reply);
    const done = (): void => void inFlight.delete(reply);
    reply.then(done, done);
    return reply;
  };
  const all = [
    bus.serve(subjects.apiOf('*'), QUEUE, counted),
    bus.serveSessions(subjects.apiOf('*'), QUEUE, (message, session) => void serveWatch(core, message, session)),
  ];
  return {
    drain: async (graceMs) => {
      const late = new AbortController();
      const answered = Promise.all(all.map(async (one) => one.drain?.())).then(() => Promise.allSettled(inFlight));
      await Promise.race([answered, delay(core.world.clock, graceMs, late.signal).catch(() => undefined)]);
      late.abort();
    },
  };
}

type BusRequest = DoorRequest & { readonly audit: AuditTrail | undefined };
function doorRequest(core: Core, message: ServedMessage): BusRequest | Promise<BusRequest> {
  const address = subjects.parseApi(message.subject);
  const body = (message.body ?? {}) as ApiRequestBody;
  const slash = address.resource.indexOf('/');
  const fieldSelector = body.query?.['fieldSelector'];
  const labelSelector = body.query?.['labelSelector'];
  const info: RequestInfo = {
    // A version of a group is asked for what it serves.
    isResource: address.resource !== '',
    path: address.resource === '' ? `/apis/${address.group}/${address.version}` : '',
    verb: address.verb,
    group: address.group,
    version: address.version,
    resource: slash < 0 ? address.resource : address.resource.slice(0, slash),
    subresource: slash < 0 ? '' : address.resource.slice(slash + 1),
    namespace: address.namespace,
    name: address.name,
    ...(fieldSelector !== undefined && address.name === '' && { fieldSelector }),
    ...(fieldSelector !== undefined && SELECTING.has(address.verb) && { name: nameSelected(fieldSelector) }),
    ...(labelSelector && address.name === '' && { labelSelector }),
  };
  const caller = userOfCaller(address.caller);
  const made = (user: UserInfo, constraint: string): BusRequest | Promise<BusRequest> => {
    const audit = beginAudit(core, info, caller, body.query, caller.agent);
    if (user !== caller) audit?.impersonated(user, constraint);
    const request = requestOf(core, message, { info, user, audit }, body, caller.agent);
    const kept = audit && demandKept(core.audit!.sink, audit.received());
    return kept === undefined ? request : kept.then(() => request);
  };
  if (body.impersonate === undefined) return made(caller, '');
  const acted = impersonate(body.impersonate, caller, info, core.authorizer);
  if (acted instanceof Promise) return acted.then(({ user, constraint }) => made(user, constraint));
  return made(acted.user, acted.constraint);
}
function requestOf(
  core: Core,
  message: ServedMessage,
  who: Pick<BusRequest, 'info' | 'user' | 'audit'>,
  body: ApiRequestBody,
  userAgent: string,
): BusRequest {
  return {
    ...who,
    query: body.query === undefined ? NO_QUERY : new URLSearchParams(body.query),
    patchType: body.patchType,
    userAgent,
    signal: message.signal,
    warnings: [],
    cause: body.cause,
    body: bodyOf(body.object, message.bytes.length),
    fence: body.fence,
    nameEnd: body.nameEnd,
    watchEncoding: (resource) => encodingFor(core, resource, body.metadataOnly === true),
  };
}

/** A level takes a byte at the least, so most bodies need no look at how deep they are. */
function bodyOf(value: unknown, bytes: number): DoorRequest['body'] {
  if (value === undefined) return undefined;
  return bytes > MAX_FLAT_BYTES && isTooDeep(value) ? { value, deep: true } : { value };
}

async function answer(core: Core, message: ServedMessage): Promise<ApiReply> {
  const asked = doorRequest(core, message);
  const request = asked instanceof Promise ? await asked : asked;
  const admission = core.flow.arrive(request.info, request.user, request.query);
  try {
    const going =
      admission?.mayGoOn === false
        ? turnOf(core.flow, admission, request).then(() => handled(core, request))
        : handled(core, request);
    const result = await noted(core, request, going);
    const warnings = request.warnings.length > 0 ? { warnings: request.warnings } : {};
    return reply(core, result, warnings);
  } finally {
    admission?.leave();
  }
}
/** Here, or where else its group is served. */
function handled(core: Core, request: DoorRequest): Answer | Promise<Answer> {
  const to = core.remote?.(pathOf(request.info), request.user, request.query);
  if (to === undefined) return handle(core, request);
  return import('../aggregation/components.ts').then(({ askElsewhere }) => askElsewhere(core, request, to));
}
function reply(core: Core, result: Answer, warnings: { readonly warnings?: readonly string[] }): ApiReply {
  switch (result.type) {
    case 'entry':
      return { stored: storedOf(core, result.resource, result.entry), ...warnings };
    case 'object':
      return { object: result.object, ...warnings };
    case 'list': {
      const { resource, entries, revision, remaining } = result;
      return {
        list: entries.map((entry) => storedOf(core, resource, entry)),
        apiVersion: apiVersionOf(resource),
        kind: resource.listKind,
        revision,
        ...(result.continue !== undefined && { continue: result.continue }),
        ...(remaining !== undefined && { remaining }),
      };
    }
    case 'watch':
    case 'stream':
    case 'forward':
    case 'connect':
      throw new ApiError('BadRequest', 'this needs a session');
  }
}
/** As the store holds it; in another version only for those who asked for one. */
function storedOf(core: Core, resource: Resource, entry: Entry): Stored {
  const isPlain =
    resource.definition.custom === undefined
      ? apiVersionOf(resource) === resource.storageVersion
      : fromStorage(resource, entry.object) === entry.object;
  if (isPlain) return { value: entry.plain, revision: entry.revision };
  const value = entry.encoded(`bus ${apiVersionOf(resource)}`, () =>
    Buffer.from(core.codec.encode(fromStorage(resource, entry.object))),
  );
  return { value, revision: entry.revision };
}

/** For who keeps account of all objects and reads none, like the garbage collector. */
function metadataOf(core: Core, resource: Resource, entry: Entry): Uint8Array {
  const { managedFields: _fields, annotations: _annotations, resourceVersion: _, ...metadata } = entry.object.metadata;
  return core.codec.encode({ apiVersion: apiVersionOf(resource), kind: resource.kind, metadata });
}

const whole = new WeakMap<Resource, WatchEncoding>();
const lean = new WeakMap<Resource, WatchEncoding>();
function encodingFor(core: Core, resource: Resource, metadataOnly: boolean): WatchEncoding {
  const encodings = metadataOnly ? lean : whole;
  let known = encodings.get(resource);
  if (known === undefined) {
    known = busEncoding(
      `bus ${metadataOnly ? 'metadata ' : ''}${apiVersionOf(resource)}`,
      metadataOnly ? (entry) => metadataOf(core, resource, entry) : (entry) => storedOf(core, resource, entry).value,
    );
    encodings.set(resource, known);
  }
  return known;
}
/** Frames are lists of items; what one tick brought is encoded once for all sessions. */
function busEncoding(id: string, valueOf: (entry: Entry) => Uint8Array): WatchEncoding<WatchItem[]> {
  return {
    id,
    event: (type, entry, revision) => [{ type, stored: { value: valueOf(entry), revision } }],
    bookmark: (revision, initialEventsEnd) => [
      { type: 'BOOKMARK', revision, ...(initialEventsEnd && { initialEventsEnd }) },
    ],
    join: (frames) => frames.flat(),
  };
}

async function serveWatch(core: Core, message: ServedMessage, session: Session): Promise<void> {
  let admission: Admission | undefined;
  try {
    const request = { ...(await doorRequest(core, message)), signal: session.signal };
    admission = core.flow.arrive(request.info, request.user, request.query);
    if (admission?.mayGoOn === false) await turnOf(core.flow, admission, request);
    const to = core.remote?.(pathOf(request.info), request.user, request.query);
    if (to !== undefined)
      return await serveElsewhere(core, request, to, session, message.body, () => admission?.leave());
    const result = await noted(core, request, handle(core, request));
    if (session.signal.aborted) return;
    if (result.type !== 'watch') throw new ApiError('BadRequest', 'a session carries watches only');
    const stop = result.start(new SessionSink(session));
    session.signal.addEventListener('abort', stop, { once: true });
  } catch (error) {
    session.close(toStatus(error));
  } finally {
    // It has begun: from now on it takes what its events take.
    admission?.leave();
  }
}
async function serveElsewhere(
  core: Core,
  request: BusRequest,
  to: ElsewhereAnswer,
  session: Session,
  body: unknown,
  hasBegun: () => void,
): Promise<void> {
  const { watchElsewhere } = await import('../aggregation/components.ts');
  const { metadataOnly = false } = (body ?? {}) as ApiRequestBody;
  const watch = await noted(core, request, watchElsewhere(core, request, to, metadataOnly));
  hasBegun();
  await watch.pump((items) => session.send(items));
  session.close();
}
const once = new WeakMap<object, Encoded>();
class SessionSink implements WatchSink {
  readonly #session: Session;
  constructor(session: Session) {
    this.#session = session;
  }
  write(frame: unknown): boolean {
    if (this.#session.unacknowledged > MAX_LAG) return false;
    let encoded = once.get(frame as object);
    if (encoded === undefined) once.set(frame as object, (encoded = encodeOnce(frame)));
    this.#session.send(encoded).catch(() => {});
    return true;
  }
  end(status?: Status): void {
    this.#session.close(status);
  }
}
