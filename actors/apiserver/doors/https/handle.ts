import { parseDuration } from '../../../../schemas/meta/duration.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import { ApiError, reasonOf, toStatus } from '../../../../schemas/meta/status.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { impersonate } from '../../authentication/index.ts';
import type { Admission } from '../../flow-control/index.ts';
import type { Answer, Core } from '../../core.ts';
import { jsonWatch } from '../../encoding/json.ts';
import { protobufWatch } from '../../encoding/protobuf.ts';
import { partialWatch, tableWatch } from '../../encoding/transforms.ts';
import { InternalFailure, unknownPath, withoutMarkup } from '../../errors.ts';
import { handle } from '../../pipeline.ts';
import type { PathAnswer, RequestInfo, UserInfo } from '../../request.ts';
import { authorize } from '../../stages/authorize.ts';
import { logRefusal } from '../../stages/log-refusal.ts';
import { parsePath, requestInfo } from '../../stages/request-info.ts';
import type { WatchEncoding } from '../../watch-cache/watchers.ts';
import { isAdmitted } from './admitted.ts';
import { negotiate, PLAIN_JSON, unacceptable, type Accepted, type Endpoint } from './accept.ts';
import { beginAudit } from './audited.ts';
import { patchTypeOf, readBody } from './body.ts';
import type { Exchange } from './exchange.ts';
import { assertIncludes, respond, respondPath, respondStatus, respondText } from './respond.ts';
import { streamBytes } from './stream.ts';
import { streamWatch } from './watch.ts';
import { parseQuery } from './query.ts';
import { authenticated, wantedBy, type Connection } from './who.ts';

const NO_PAGE = '404 page not found\n';
const NO_QUERY = new URLSearchParams();
const NEVER = new AbortController().signal;

/** One request from its first byte to its last; never rejects. */
export async function serve(core: Core, exchange: Exchange, connection: Connection): Promise<void> {
  const { metrics, world } = core;
  const began = world.clock.now();
  const mutating = exchange.method !== 'GET' && exchange.method !== 'HEAD';
  metrics.begin(mutating);
  const about: About = { info: undefined, user: undefined, admission: undefined };
  try {
    await answer(core, exchange, connection, about);
  } finally {
    const { admission } = about;
    // A large answer is held for its reader until he has it: so is its seat.
    if (admission !== undefined && exchange.isSending) exchange.onGone(() => admission.leave());
    else admission?.leave();
    metrics.end(mutating);
    void exchange.audit?.starts(exchange.code);
    if (!exchange.lasting) void exchange.audit?.ends();
    const { info, user } = about;
    if (info !== undefined) {
      metrics.series(info).observe(exchange.code, (world.clock.now() - began) / 1000);
      if (user !== undefined) logRefusal(core, info, user, exchange.code);
    }
  }
}
/** What is known of a request once its way is over. */
interface About {
  info: RequestInfo | undefined;
  user: UserInfo | undefined;
  admission: Admission | undefined;
}
async function answer(core: Core, exchange: Exchange, connection: Connection, about: About): Promise<void> {
  try {
    const { method, target, headers } = exchange;
    const mark = target.indexOf('?');
    const path = mark < 0 ? target : target.slice(0, mark);
    let query = mark < 0 || mark === target.length - 1 ? NO_QUERY : parseQuery(target.slice(mark + 1));
    const parsed = parsePath(path);
    let info = requestInfo(method, parsed, query);
    about.info = info;
    if (info.verb !== 'watch' && query.has('timeout')) {
      try {
        checkTimeout(query.get('timeout')!);
      } catch (error) {
        await beginAudit(core, exchange, info, undefined, connection, query);
        throw error;
      }
    }
    let user: UserInfo;
    try {
      const found = authenticated(core, exchange, connection);
      user = found instanceof Promise ? await found : found;
    } catch (error) {
      if (reasonOf(error) === 'Unauthorized') await beginAudit(core, exchange, info, undefined, connection, query);
      throw error;
    }
    const noting = beginAudit(core, exchange, info, user, connection, query);
    if (noting !== undefined) await noting;
    const wanted = wantedBy(exchange);
    if (wanted !== undefined) {
      const pending = impersonate(wanted, user, info, core.authorizer);
      const acted = pending instanceof Promise ? await pending : pending;
      user = acted.user;
      exchange.audit?.impersonated(user, acted.constraint);
    }
    about.user = user;
    const admission = core.flow.arrive(info, user, query);
    about.admission = admission;
    exchange.flow = admission?.flowClass;
    if (admission?.mayGoOn === false && !(await isAdmitted(core, exchange, admission, query))) return;
    const elsewhere = core.remote?.(path, user, query);
    if (elsewhere !== undefined) {
      await authorize(core, user, info, exchange.audit);
      // A watch has begun as far as this server is concerned.
      if (info.verb === 'watch') admission?.leave();
      await (await import('./hand-on.ts')).handOn(core, exchange, elsewhere, connection.address);
      return;
    }
    if (!info.isResource) {
      const pending = authorize(core, user, info, exchange.audit);
      if (pending !== undefined) await pending;
      await servePath(core, exchange, path, query, user);
      return;
    }
    if (parsed.rest !== '' && info.subresource !== 'proxy') throw unknownPath();
    const endpoint = endpointOf(core, info);
    let format: Accepted;
    try {
      format = endpoint === undefined ? PLAIN_JSON : negotiate(headers['accept'] as string | undefined, endpoint);
    } catch (error) {
      // Who may not ask, or asks for what is not there, hears of that first.
      await authorize(core, user, info, exchange.audit);
      throw error;
    }
    if (format.as === 'Table') await core.tables?.ready();
    if (method === 'GET' && parsed.watchPrefix && parsed.name !== '') {
      // A copy: without a query string all requests share one.
      query = new URLSearchParams(query);
      query.append('fieldSelector', `metadata.name=${parsed.name}`);
      info = { ...info, name: parsed.name, fieldSelector: `metadata.name=${parsed.name}` };
    }
    const bodiless = method === 'GET' || method === 'HEAD' || info.subresource === 'proxy';
    const body = bodiless
      ? undefined
      : await readBody(exchange, info).catch(async (error: unknown) => {
          await authorize(core, user, info, exchange.audit);
          throw error;
        });
    const warnings = warningsOf(exchange);
    let found: Answer;
    try {
      const result = handle(core, {
        info,
        method,
        user,
        query,
        patchType: method === 'PATCH' ? patchTypeOf(headers['content-type'] as string | undefined) : undefined,
        userAgent: (headers['user-agent'] as string | undefined) ?? '',
        signal: NEVER,
        warnings,
        audit: exchange.audit,
        body,
        fence: undefined,
        watchEncoding: (resource) => encodingFor(core, resource, format, query),
      });
      found = result instanceof Promise ? await result : result;
    } catch (error) {
      if (error instanceof InternalFailure) throw error;
      if (reasonOf(error) === 'NotFound' && !hasVersion(core, info)) respondText(core, exchange, 404, NO_PAGE);
      else respondStatus(core, exchange, toStatus(error), warnings);
      return;
    }
    if (found.type === 'watch') {
      assertIncludes(format, query);
      if (format.format === 'yaml') {
        respondStatus(core, exchange, toStatus(unacceptable(true)), warnings);
        return;
      }
      const ended = core.metrics.series(info).longRunning();
      streamWatch(core, exchange, found, format, warnings, ended);
    } else if (found.type === 'stream') await streamBytes(core, exchange, found);
    else if (found.type === 'connect') {
      const ended = core.metrics.series(info).longRunning();
      await (await import('./connect.ts')).connect(core, exchange, found, connection.address).finally(ended);
    } else if (found.type === 'forward')
      await (await import('./forward.ts')).forward(core, exchange, found, connection.address);
    else await respond(core, exchange, found, format, query, warnings);
  } catch (error) {
    fail(core, exchange, error);
  }
}
function fail(core: Core, exchange: Exchange, error: unknown): void {
  if (exchange.sent) return;
  if (error instanceof InternalFailure) {
    const text = `Internal Server Error: ${goQuote(exchange.target)}: ${error.message}\n`;
    respondText(core, exchange, 500, withoutMarkup(text));
    return;
  }
  const status = toStatus(error);
  if (status.code === 500 && reasonOf(error) === undefined)
    core.world.log.error('a request failed unexpectedly', { err: error, path: exchange.target });
  respondStatus(core, exchange, status, warningsOf(exchange));
}
/** What its credentials alone give reason to warn of. */
const warningsOf = ({ noted }: Exchange): string[] => noted?.flatMap(({ warning }) => warning ?? []) ?? [];
/** How long the client waits. Throws BadRequest. Source: apiserver pkg/endpoints/filters request_deadline.go. */
function checkTimeout(text: string): void {
  const why = parseDuration(text);
  if (text !== '' && typeof why === 'string')
    throw new ApiError('BadRequest', `invalid timeout specified in the request URL - ${why}`);
}
const ITEM: Endpoint = { kind: 'item' };
const LIST: Endpoint = { kind: 'list' };
const CUSTOM: Endpoint = { kind: 'custom' };
const TABLELESS: Endpoint = { kind: 'tableless' };
/** What is beside an object and can be shown as a row all the same. */
const NOT_TABLELESS: ReadonlySet<string> = new Set(['', 'status', 'scale']);
/** Whatever is answered there is not ours. */
const CONNECTING: ReadonlySet<string> = new Set(['proxy', 'exec', 'attach', 'portforward']);
/** undefined: nobody serves the path, or the answer is somebody else's. */
function endpointOf(core: Core, info: RequestInfo): Endpoint | undefined {
  const resource = core.registry.lookup(info);
  if (resource === undefined) return undefined;
  if (core.isCustom(resource)) return CUSTOM;
  if (CONNECTING.has(info.subresource)) return undefined;
  if (!NOT_TABLELESS.has(info.subresource) || core.virtualCreates.has(info.resource)) return TABLELESS;
  return info.verb === 'list' || info.verb === 'watch' ? LIST : ITEM;
}
/** Below a group or version that nobody serves there is no API that could answer with a Status. */
const hasVersion = (core: Core, { group, version, resource }: RequestInfo): boolean =>
  core.registry
    .all()
    .some((r) => r.group === group && r.version === version && (r.resource === resource || !core.isCustom(r)));
function encodingFor(core: Core, resource: Resource, accepted: Accepted, query: URLSearchParams): WatchEncoding {
  if (accepted.format === 'protobuf') return protobufWatch(resource, accepted.version);
  switch (accepted.as) {
    case 'Table':
      return tableWatch(core, resource, accepted.version, query.get('includeObject') ?? 'Metadata');
    case 'PartialObjectMetadata':
    case 'PartialObjectMetadataList':
      return partialWatch(resource, accepted.version);
    default:
      return jsonWatch(resource);
  }
}

async function servePath(
  core: Core,
  exchange: Exchange,
  path: string,
  query: URLSearchParams,
  user: UserInfo,
): Promise<void> {
  const request = { method: exchange.method, path, query, headers: exchange.headers, user, signal: NEVER };
  for (const handler of core.pathHandlers) {
    let answer: PathAnswer | Promise<PathAnswer> | undefined;
    try {
      answer = handler(request);
      if (answer instanceof Promise) answer = await answer;
    } catch (error) {
      respondStatus(core, exchange, toStatus(error), []);
      return;
    }
    if (answer !== undefined) {
      await respondPath(core, exchange, answer);
      return;
    }
  }
  respondText(core, exchange, 404, NO_PAGE);
}
