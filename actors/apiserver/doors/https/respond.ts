import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import { ApiError, type Status } from '../../../../schemas/meta/status.ts';
import { builtinSchemas } from '../../../../schemas/structural/builtin.ts';
import { inGoOrder } from '../../../../schemas/structural/order.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import type { WholeAnswer, Core } from '../../core.ts';
import { goJson, prettyJson } from '../../../../schemas/codec/go-json.ts';
import { isStatus, renderJson, renderObject, yamlOf } from '../../encoding/render.ts';
import { documentProtobuf, renderProtobuf, statusProtobuf } from '../../encoding/protobuf.ts';
import type { PathAnswer } from '../../request.ts';
import { negotiateDocument, negotiateFailure, PLAIN_JSON, unfitting, type Accepted } from './accept.ts';
import type { Exchange } from './exchange.ts';
import { addWarnings } from './warnings.ts';

/** Not before it is needed: facts are read lazily. */
const statusSchema = () => builtinSchemas.definition('io.k8s.apimachinery.pkg.apis.meta.v1.Status')!;
/** Smaller bodies are not worth it. Source: apiserver responsewriters defaultGzipThresholdBytes. */
const GZIP_FROM_BYTES = 128 * 1024;
const gzipped = promisify(gzip);
const NO_CACHE = 'no-cache, private';

/** What every answer carries. */
export function baseHeaders(core: Core, exchange: Exchange, contentType: string): string[] {
  const headers = [
    'Audit-Id',
    exchange.auditId(core.world.ids),
    'Cache-Control',
    NO_CACHE,
    'Content-Type',
    contentType,
  ];
  const { flow } = exchange;
  if (flow !== undefined)
    headers.push('X-Kubernetes-Pf-Flowschema-Uid', flow.schemaUid, 'X-Kubernetes-Pf-Prioritylevel-Uid', flow.levelUid);
  return headers;
}
/** Throws NotAcceptable or BadRequest when the answer cannot be given in that form. */
export function respond(
  core: Core,
  exchange: Exchange,
  answer: WholeAnswer,
  accepted: Accepted,
  query: URLSearchParams,
  warnings: readonly string[],
): Promise<void> | void {
  const code = answer.type === 'list' ? 200 : answer.code;
  const status = answer.type === 'object' && isStatus(answer.object);
  if (accepted.as !== '' && !status) assertFits(answer, accepted, query);
  exchange.audit?.answers(status ? answer.object : undefined, () =>
    renderJson(core, answer, status ? PLAIN_JSON : accepted, query).toString(),
  );
  const headers = baseHeaders(core, exchange, accepted.contentType);
  if (warnings.length > 0) addWarnings(headers, warnings);
  if (accepted.format === 'yaml')
    return send(
      exchange,
      code,
      headers,
      Buffer.from(yamlOf(renderObject(core, answer, status ? PLAIN_JSON : accepted, query))),
    );
  if (accepted.format === 'protobuf') return send(exchange, code, headers, renderProtobuf(answer, accepted));
  const bytes = renderJson(core, answer, accepted, query);
  const pretty = isPretty(exchange, accepted);
  return send(exchange, code, headers, pretty ? Buffer.from(prettyJson(JSON.parse(bytes.toString()))) : bytes);
}
/** What a Table's rows are to show beside their cells. Throws BadRequest. */
export function assertIncludes({ as }: Accepted, query: URLSearchParams): void {
  const include = query.get('includeObject') ?? '';
  if (as !== 'Table' || INCLUDES.has(include)) return;
  throw new ApiError(
    'BadRequest',
    `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: must be 'Metadata', 'Object', 'None', or empty`,
  );
}
function assertFits(answer: WholeAnswer, accepted: Accepted, query: URLSearchParams): void {
  const { as } = accepted;
  assertIncludes(accepted, query);
  if (as === 'Table') return;
  const list = answer.type === 'list';
  if (list === (as === 'PartialObjectMetadataList') || answer.resource === undefined) return;
  throw unfitting(as, goTypeOf(answer.resource, list));
}
const INCLUDES: ReadonlySet<string> = new Set(['', 'None', 'Metadata', 'Object']);
/** As the real server's internal types are called. */
function goTypeOf({ group, kind, listKind, definition }: Resource, list: boolean): string {
  if (definition.custom !== undefined) return list ? '*unstructured.UnstructuredList' : '*unstructured.Unstructured';
  const first = group.split('.')[0]!;
  return `*${first === '' || first === 'events' ? 'core' : first}.${list ? listKind : kind}`;
}
/** Source: apiserver pkg/endpoints/handlers/negotiation isPrettyPrint. */
function isPretty({ target, headers }: Exchange, accepted: Accepted): boolean {
  if (accepted.pretty) return true;
  const value = target.includes('pretty') ? new URLSearchParams(target.slice(target.indexOf('?') + 1)).get('pretty') : ''; // prettier-ignore
  if (value) return TRUE.has(value);
  return /^(?:curl|Wget|Mozilla\/5\.0)/.test((headers['user-agent'] as string | undefined) ?? '');
}
const TRUE: ReadonlySet<string> = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** At once, or zipped if it is large and the reader can unzip. */
function send(exchange: Exchange, code: number, headers: string[], body: Buffer): Promise<void> | void {
  if (body.length > GZIP_FROM_BYTES && takesGzip(exchange)) return compressed(exchange, code, headers, body);
  exchange.send(code, headers, body);
}
const takesGzip = ({ headers }: Exchange): boolean =>
  String(headers['accept-encoding'] ?? '')
    .split(',')
    .some((token) => token.trim() === 'gzip');
async function compressed(exchange: Exchange, code: number, headers: string[], body: Buffer): Promise<void> {
  headers.push('Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding');
  exchange.send(code, headers, await gzipped(body, { level: constants.Z_BEST_SPEED }));
}

export function respondStatus(core: Core, exchange: Exchange, status: Status, warnings: readonly string[]): void {
  if (exchange.sent) return;
  const accepted = negotiateFailure(exchange.headers['accept'] as string | undefined);
  const headers = baseHeaders(core, exchange, accepted?.contentType ?? 'application/json');
  addWarnings(headers, warnings);
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) headers.push('Retry-After', String(retry));
  const shown = { ...inGoOrder(status, statusSchema(), builtinSchemas) };
  if (shown.reason === '') delete (shown as { reason?: string }).reason;
  // Who wants what there is not is told without more ado.
  if (shown.reason !== 'NotAcceptable') exchange.audit?.answers(shown, () => goJson(shown));
  if (accepted?.format === 'yaml') exchange.send(status.code, headers, yamlOf(shown));
  else if (accepted?.format === 'protobuf') exchange.send(status.code, headers, statusProtobuf(shown));
  else if (accepted === undefined || isPretty(exchange, accepted))
    exchange.send(status.code, headers, prettyJson(shown));
  else exchange.send(status.code, headers, `${goJson(shown)}\n`);
}

export async function respondPath(core: Core, exchange: Exchange, answer: PathAnswer): Promise<void> {
  const { code, body } = answer;
  const given = answer.headers ?? {};
  const headers = baseHeaders(core, exchange, '');
  const set = (name: string, value: string): void => {
    const at = headers.findIndex((h, i) => i % 2 === 0 && h.toLowerCase() === name.toLowerCase());
    if (at < 0) headers.push(name, value);
    else headers[at + 1] = value;
  };
  let text: string | Buffer;
  if (typeof body === 'string') {
    text = body;
    // Discovery, printed once for all.
    if (exchange.target.startsWith('/api') && body.startsWith('{"kind":'))
      exchange.audit?.answers(undefined, () => body);
  } else if (body instanceof Uint8Array) text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  else {
    if ('kind' in body) exchange.audit?.answers(isStatus(body) ? (body as Status) : undefined, () => goJson(body));
    const accepted = negotiateDocument(exchange.headers['accept'] as string | undefined, false);
    set('Content-Type', accepted.contentType);
    if (accepted.format === 'protobuf') text = documentProtobuf(body);
    else if (accepted.format === 'yaml') text = yamlOf(body);
    else text = isPretty(exchange, accepted) ? prettyJson(body) : `${goJson(body)}\n`;
  }
  for (const [name, value] of Object.entries(given)) set(name, value);
  const type = headers.indexOf('Content-Type');
  if (headers[type + 1] === '') headers.splice(type, 2);
  if (text.length > GZIP_FROM_BYTES && takesGzip(exchange))
    await compressed(exchange, code, headers, Buffer.from(text));
  else exchange.send(code, headers, text);
}
export function respondText(
  core: Core,
  exchange: Exchange,
  code: number,
  text: string,
  more: readonly string[] = [],
): void {
  const headers = baseHeaders(core, exchange, 'text/plain; charset=utf-8');
  headers.push('X-Content-Type-Options', 'nosniff', ...more);
  exchange.send(code, headers, text);
}
