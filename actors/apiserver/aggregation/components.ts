/**
 * What the cluster's components ask over the bus of groups that other API servers serve: it is asked there in JSON, on the
 * component's behalf, and told in the bus's own words. Watches begin with a list wherever initial events are wanted, since
 * not every server sends them.
 */
import { Readable } from 'node:stream';
import type { PatchType, Verb, WatchItem } from '../../../bus/protocol/api.ts';
import { parseJson } from '../../../schemas/codec/json.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError, statusOf, type Status } from '../../../schemas/meta/status.ts';
import type { Answer, Core, ForwardAnswer } from '../core.ts';
import { failureOf } from '../outbound/answer.ts';
import { escapePath, hostPort, type BackendAnswer } from '../outbound/backend.ts';
import type { DoorRequest } from '../pipeline.ts';
import type { PathAnswer } from '../request.ts';
import { authorize } from '../stages/authorize.ts';

const METHODS: Readonly<Record<string, string>> = { create: 'POST', update: 'PUT', patch: 'PATCH', delete: 'DELETE', deletecollection: 'DELETE' } satisfies Partial<Record<Verb, string>>; // prettier-ignore
const CONTENT_TYPES: Readonly<Record<PatchType, string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};
const OK = { lowest: 200, highest: 206 };
/** Of an answer, or of one event of a watch. */
const MAX_BYTES = 64 * 1024 * 1024;
const NEWLINE = 0x0a;
/** Annotation of the bookmark that ends a watch's initial events. Source: metav1.InitialEventsAnnotationKey. */
const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

/** One request and its answer: an object, a list, a Status. Rejects with what that server said, as ApiError. */
export async function askElsewhere(core: Core, request: DoorRequest, to: ForwardAnswer | PathAnswer): Promise<Answer> {
  await authorize(core, request.user, request.info, request.audit);
  const { status, object } = await ask(core, request, to);
  return { type: 'object', code: status, object: request.info.verb === 'list' ? named(object) : object };
}
interface Listed {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata?: { readonly resourceVersion?: string };
  readonly items?: readonly KubeObject[] | null;
}
/** Items of a list say nothing of their kind. */
function named(list: object): object {
  const { apiVersion, kind, items } = list as Listed;
  const of = { ...(apiVersion !== undefined && { apiVersion }), ...(kind !== undefined && { kind: kind.replace(/List$/, '') }) };
  return { metadata: {}, ...list, items: (items ?? []).map((item) => ({ ...of, ...item })) };
} // prettier-ignore

/** A watch that another API server has accepted. */
export interface WatchElsewhere {
  readonly type: 'watchElsewhere';
  /** Sends what happens there until that server ends it; rejects with why it broke off. `send` resolves when more may come. */
  pump(send: (items: readonly WatchItem[]) => Promise<void>): Promise<void>;
}
/** Rejects with what that server said, as ApiError. */
export async function watchElsewhere(core: Core, request: DoorRequest, to: ForwardAnswer | PathAnswer, metadataOnly: boolean): Promise<WatchElsewhere> {
  await authorize(core, request.user, request.info, request.audit);
  const shown = metadataOnly ? leanItem : (item: WatchItem): WatchItem => item;
  const query = new URLSearchParams(request.query);
  let initial: readonly WatchItem[] | undefined;
  if (query.get('sendInitialEvents') === 'true') {
    const list = named((await ask(core, listing(request), to)).object) as Listed;
    const resourceVersion = list.metadata?.resourceVersion ?? '';
    const end = { resourceVersion, annotations: { [INITIAL_EVENTS_END]: 'true' } };
    const present = list.items!.map((object): WatchItem => shown({ type: 'ADDED', object }));
    initial = [...present, { type: 'BOOKMARK', object: { apiVersion: '', kind: '', metadata: end } }];
    query.set('resourceVersion', resourceVersion);
  }
  for (const name of ['sendInitialEvents', 'resourceVersionMatch']) query.delete(name);
  query.set('watch', 'true');
  const found = await open(core, { ...request, query }, to);
  return {
    type: 'watchElsewhere',
    async pump(send) {
      try {
        if (initial !== undefined) await send(initial);
        for await (const lines of linesOf(found.body)) await send(lines.map((line) => shown(eventIn(line))));
      } catch (error) {
        if (statusOf(error) !== undefined) throw error;
        throw new ApiError('ServiceUnavailable', `the watch broke off: ${(error as Error).message}`, { cause: error });
      } finally {
        found.end();
      }
    },
  };
} // prettier-ignore
function listing(request: DoorRequest): DoorRequest {
  const query = new URLSearchParams();
  for (const name of ['labelSelector', 'fieldSelector']) {
    const value = request.query.get(name);
    if (value !== null) query.set(name, value);
  }
  return { ...request, info: { ...request.info, verb: 'list' }, query };
}
function leanItem(item: WatchItem): WatchItem {
  if (!('object' in item) || item.type === 'BOOKMARK') return item;
  const { managedFields: _fields, annotations: _annotations, ...metadata } = item.object.metadata;
  return { type: item.type, object: { apiVersion: item.object.apiVersion, kind: item.object.kind, metadata } };
}
/** Throws the Status that a watch was ended with. */
function eventIn(line: Buffer): WatchItem {
  const { type, object } = (parseJson(line).value ?? {}) as { type?: string; object?: KubeObject };
  if (type === 'ERROR') throw ApiError.from(object as unknown as Status);
  if (object?.metadata === undefined || (type !== 'ADDED' && type !== 'MODIFIED' && type !== 'DELETED' && type !== 'BOOKMARK'))
    throw new ApiError('InternalError', `unable to decode an event from the watch stream: unknown event ${type}`);
  return { type, object };
} // prettier-ignore
/** Whole lines, those that came together together. */
async function* linesOf(body: Readable): AsyncGenerator<Buffer[]> {
  let rest: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    const lines: Buffer[] = [];
    let from = 0;
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      const line = Buffer.concat([...rest, chunk.subarray(from, at)]);
      if (line.length > 0) lines.push(line);
      rest = [];
      bytes = 0;
      from = at + 1;
    }
    rest.push(chunk.subarray(from));
    if ((bytes += chunk.length - from) > MAX_BYTES)
      throw new ApiError('InternalError', `an event of the watch is longer than ${MAX_BYTES} bytes`);
    if (lines.length > 0) yield lines;
  }
}

async function ask(core: Core, request: DoorRequest, to: ForwardAnswer | PathAnswer): Promise<{ readonly status: number; readonly object: object }> {
  const found = await open(core, request, to);
  const body = await whole(found);
  if (body.length === 0) return { status: found.status, object: {} };
  const { value } = parseJson(body);
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ApiError('InternalError', 'another API server answered with something that is not an object');
  return { status: found.status, object: value };
} // prettier-ignore
/** An answer that says that all is well, its body still to come. */
async function open(core: Core, request: DoorRequest, to: ForwardAnswer | PathAnswer): Promise<BackendAnswer> {
  const { info, signal } = request;
  const method = METHODS[info.verb] ?? 'GET';
  const about = { method, resource: `${info.resource}.${info.group}`, name: info.name };
  if (!('type' in to)) {
    const body = Buffer.from(String(to.body));
    throw await failureOf({ status: to.code, contentType: to.headers?.['Content-Type'] ?? '', body }, about);
  }
  signal.throwIfAborted();
  const pending = (to.over ?? core.backend)(requestTo(core, request, method, to));
  let abort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(signal.reason as Error);
      pending.then(
        ({ end }) => end(),
        () => undefined,
      );
    };
  });
  signal.addEventListener('abort', abort!, { once: true });
  let found: BackendAnswer;
  try {
    found = await Promise.race([pending, aborted]);
  } catch (error) {
    signal.throwIfAborted();
    signal.removeEventListener('abort', abort!);
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${(error as Error).message}`, { cause: error });
  }
  found.body.once('close', () => signal.removeEventListener('abort', abort!));
  if (found.status >= OK.lowest && found.status <= OK.highest) return found;
  throw await failureOf({ status: found.status, contentType: headerOf(found, 'content-type'), body: await whole(found) }, about);
} // prettier-ignore
function requestTo(core: Core, request: DoorRequest, method: string, to: ForwardAnswer): Parameters<typeof core.backend>[0] {
  const { body, patchType, userAgent, query } = request;
  const path = escapePath(to.path) || '/';
  const sorted = new URLSearchParams(query);
  sorted.sort();
  const headers = [
    'Host', hostPort(to.to), 'User-Agent', userAgent, 'Accept', 'application/json', 'Audit-Id', core.world.ids.uuid(),
    'X-Forwarded-Host', hostPort(to.to), 'X-Forwarded-Proto', to.to.scheme, 'X-Forwarded-Uri', path, ...(to.identity ?? []),
  ]; // prettier-ignore
  let sent: Buffer | undefined;
  if (body !== undefined && 'value' in body) {
    sent = Buffer.from(JSON.stringify(body.value));
    const type = patchType === undefined ? 'application/json' : CONTENT_TYPES[patchType];
    headers.push('Content-Type', type, 'Content-Length', String(sent.length));
  }
  const asked = sorted.toString();
  return {
    to: to.to,
    method,
    target: asked === '' ? path : `${path}?${asked}`,
    headers,
    ...(sent && { body: Readable.from([sent]) }),
  };
} // prettier-ignore
function headerOf({ headers }: BackendAnswer, wanted: string): string {
  for (let i = 0; i + 1 < headers.length; i += 2) if (headers[i]!.toLowerCase() === wanted) return headers[i + 1]!;
  return '';
}
async function whole({ body, end }: BackendAnswer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if ((bytes += chunk.length) <= MAX_BYTES) continue;
    end();
    throw new ApiError('InternalError', `the answer is longer than ${MAX_BYTES} bytes`);
  }
  return Buffer.concat(chunks);
}
