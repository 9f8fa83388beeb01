import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';
import type { Status } from '../../../../schemas/meta/status.ts';
import type { WholeAnswer, Core } from '../../core.ts';
import { isStatus, renderJson, renderObject, yamlOf } from '../../encoding/render.ts';
import { renderProtobuf, statusProtobuf } from '../../encoding/protobuf.ts';
import type { PathAnswer } from '../../request.ts';
import { negotiate, PLAIN_JSON, type Accepted } from './accept.ts';
import type { Exchange } from './exchange.ts';

/** Smaller bodies are not worth it. Source: apiserver responsewriters defaultGzipThresholdBytes. */
const GZIP_FROM_BYTES = 128 * 1024;
const gzipped = promisify(gzip);
const NO_CACHE = 'no-cache, private';

/** What every answer carries. */
export function baseHeaders(core: Core, exchange: Exchange, contentType: string): string[] {
  return [
    'Audit-Id', core.world.ids.uuid(),
    'Cache-Control', NO_CACHE,
    'Content-Type', contentType,
    'X-Kubernetes-Pf-Flowschema-Uid', exchange.flow.schemaUid,
    'X-Kubernetes-Pf-Prioritylevel-Uid', exchange.flow.levelUid,
  ]; // prettier-ignore
}
function addWarnings(headers: string[], warnings: readonly string[]): void {
  if (warnings.length === 0) return;
  const seen = new Set<string>();
  for (const text of warnings) {
    if (seen.has(text)) continue;
    seen.add(text);
    headers.push('Warning', `299 - "${[...text].map(quoted).join('')}"`);
  }
}
const quoted = (c: string): string => (c === '"' || c === '\\' ? `\\${c}` : c < ' ' || c > '~' ? ' ' : c);

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
  const headers = baseHeaders(core, exchange, accepted.contentType);
  if (warnings.length > 0) addWarnings(headers, warnings);
  if (accepted.format === 'yaml')
    return yamlOf(renderObject(core, answer, status ? PLAIN_JSON : accepted, query)).then((text) =>
      exchange.send(code, headers, text),
    );
  if (accepted.format === 'protobuf') return exchange.send(code, headers, renderProtobuf(answer, accepted.version));
  const pretty = query.size > 0 && prettyWanted(query);
  const bytes = renderJson(core, answer, accepted, query);
  const body = pretty ? Buffer.from(`${JSON.stringify(JSON.parse(bytes.toString()), null, 2)}\n`) : bytes;
  if (body.length > GZIP_FROM_BYTES && /\bgzip\b/.test(String(exchange.headers['accept-encoding'] ?? '')))
    return compressed(exchange, code, headers, body);
  exchange.send(code, headers, body);
}
const prettyWanted = (query: URLSearchParams): boolean => {
  const value = query.get('pretty');
  return value !== null && value !== '0' && value !== 'false';
};
async function compressed(exchange: Exchange, code: number, headers: string[], body: Buffer): Promise<void> {
  headers.push('Content-Encoding', 'gzip', 'Vary', 'Accept-Encoding');
  exchange.send(code, headers, await gzipped(body, { level: constants.Z_BEST_SPEED }));
}

export function respondStatus(
  core: Core,
  exchange: Exchange,
  status: Status,
  accepted: Accepted,
  warnings: readonly string[],
): void {
  if (exchange.sent) return;
  const yaml = accepted.format === 'yaml';
  const protobuf = accepted.format === 'protobuf';
  const headers = baseHeaders(core, exchange, accepted.contentType);
  addWarnings(headers, warnings);
  const retry = status.details?.retryAfterSeconds;
  if (retry !== undefined && retry > 0) headers.push('Retry-After', String(retry));
  const shown = { ...status };
  if (shown.reason === '') delete (shown as { reason?: string }).reason;
  if (yaml) void yamlOf(shown).then((text) => exchange.send(status.code, headers, text));
  else
    exchange.send(status.code, headers, protobuf ? statusProtobuf(shown) : Buffer.from(`${JSON.stringify(shown)}\n`));
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
  if (typeof body === 'string') text = body;
  else if (body instanceof Uint8Array) text = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  else {
    const accepted = negotiate(exchange.headers['accept'] as string | undefined, false);
    set('Content-Type', accepted.contentType);
    text = accepted.format === 'yaml' ? await yamlOf(body) : JSON.stringify(body);
  }
  for (const [name, value] of Object.entries(given)) set(name, value);
  const type = headers.indexOf('Content-Type');
  if (headers[type + 1] === '') headers.splice(type, 2);
  if (text.length > GZIP_FROM_BYTES && /\bgzip\b/.test(String(exchange.headers['accept-encoding'] ?? '')))
    await compressed(exchange, code, headers, Buffer.from(text));
  else exchange.send(code, headers, text);
}
export function respondText(core: Core, exchange: Exchange, code: number, text: string): void {
  const headers = baseHeaders(core, exchange, 'text/plain; charset=utf-8');
  headers.push('X-Content-Type-Options', 'nosniff');
  exchange.send(code, headers, text);
}
