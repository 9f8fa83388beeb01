/** Passes a request on and its answer back. Source: apimachinery pkg/util/proxy upgradeaware.go, net/http/httputil. */
import { STATUS_CODES } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { ApiError, statusOf } from '../../../../schemas/meta/status.ts';
import type { Core, ForwardAnswer } from '../../core.ts';
import { goJson } from '../../../../schemas/codec/go-json.ts';
import { badRequest, internalError, plain } from '../../errors.ts';
import { escapePath, hostPort, PROTOCOL_SPDY, type BackendAnswer } from '../../outbound/backend.ts';
import { joinPaths, rewriteHtml, rewriteUrl, type Rewriting } from '../../outbound/rewrite.ts';
import { sniff } from '../../outbound/sniff.ts';
import { kubeletPath } from '../../../runtime/streaming/kubelet-path.ts';
import type { Exchange, Streaming } from './exchange.ts';
import { baseHeaders } from './respond.ts';
import { offersChannels, openChannels } from './web-socket.ts';

/** Of one connection only. Source: httputil hopHeaders. */
const HOP = new Set(['connection', 'proxy-connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings']); // prettier-ignore
/** Who asked has been found out, and is nobody's business there. */
const SECRET = /^(?:authorization$|impersonate-)/;
const CORS = /^access-control-allow-(?:credentials|headers|methods|origin)$/;
/** A page is kept whole to rewrite its links. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
const WAITING_BYTES = 1024 * 1024;
const PAUSE_MS = 20;
const [zipped, unzipped] = [promisify(gzip), promisify(gunzip)];

const one = (exchange: Exchange, name: string): string => String(exchange.headers[name] ?? '');

export async function forward(core: Core, exchange: Exchange, answer: ForwardAnswer, client: string): Promise<void> {
  const { target } = exchange;
  const mark = target.indexOf('?');
  const path = mark < 0 ? target : target.slice(0, mark);
  const query = mark < 0 ? '' : target.slice(mark);
  if (exchange.hijack !== undefined && one(exchange, 'connection').toLowerCase().includes('upgrade'))
    return upgrade(core, exchange, answer, client);
  if (answer.upgradeOnly) throw badRequest('Upgrade request required');
  let to = answer.path;
  if (!to.endsWith('/') && path.endsWith('/')) to += '/';
  if (to === '' && (exchange.method === 'GET' || exchange.method === 'HEAD'))
    return exchange.send(301, withoutType([...baseHeaders(core, exchange, ''), 'Location', `${path}/${query}`]), '');
  const asked = decoded(path);
  const prepend = asked.endsWith(to) ? asked.slice(0, asked.length - to.length) : asked;
  const escaped = escapePath(to) || '/';
  const headers = passedOn(exchange);
  if (answer.identity !== undefined) {
    introduce(core, exchange, headers, answer, answer.identity);
    headers.push('X-Forwarded-Host', hostPort(answer.to), 'X-Forwarded-Proto', answer.to.scheme);
  }
  headers.push('X-Forwarded-For', forwardedFor(exchange, client), 'X-Forwarded-Uri', joinPaths(prepend, escaped));
  let found: BackendAnswer;
  try {
    const send = answer.over ?? core.backend;
    const bodiless = exchange.method === 'GET' || exchange.method === 'HEAD';
    found = await send({
      to: answer.to,
      method: exchange.method,
      target: `${escaped}${answer.query === undefined ? query : answer.query && `?${answer.query}`}`,
      headers,
      ...(!bodiless && { body: exchange.body }),
    });
  } catch (error) {
    if (statusOf(error) !== undefined) throw error;
    throw new ApiError('ServiceUnavailable', `error trying to reach service: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const rewriting = {
    prepend,
    backend: hostPort(answer.to),
    requested: hostOf(exchange),
    absolute: answer.identity !== undefined,
  };
  if (answer.identity !== undefined && isRedirect(found)) {
    found.end();
    const plainly = [...withoutType(baseHeaders(core, exchange, '')), 'Content-Type', 'text/plain; charset=utf-8'];
    return exchange.send(502, plainly, 'the backend attempted to redirect this request, which is not permitted');
  }
  await passBack(core, exchange, found, rewriting);
}
/** Source: kube-aggregator pkg/apiserver handler_proxy.go, apimachinery pkg/util/proxy transport.go. */
function introduce(core: Core, exchange: Exchange, headers: string[], { to }: ForwardAnswer, identity: readonly string[]): void {
  for (let i = headers.length - 2; i >= 0; i -= 2)
    if (OURS_TO_SAY.test(headers[i]!)) headers.splice(i, 2);
  headers.push('Host', hostPort(to), 'Audit-Id', exchange.auditId(core.world.ids));
  headers.push(...identity);
} // prettier-ignore
const OURS_TO_SAY = /^(?:host|audit-id|x-forwarded-(?:host|proto|uri)|x-remote-(?:user|uid|group|extra-.*))$/i;
const isRedirect = ({ status, headers }: BackendAnswer): boolean =>
  status >= 300 && status <= 399 && readHeaders(headers)[0]('location') !== '';
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
const hostOf = (exchange: Exchange): string => one(exchange, ':authority') || one(exchange, 'host');
const forwardedFor = (exchange: Exchange, client: string): string => {
  const before = one(exchange, 'x-forwarded-for');
  return before === '' ? client : `${before}, ${client}`;
};
/** What of the client's headers the other side hears. */
function passedOn(exchange: Exchange, hops = HOP): string[] {
  const named = new Set(one(exchange, 'connection').toLowerCase().split(',').map((s) => s.trim())); // prettier-ignore
  const out: string[] = ['Host', hostOf(exchange)];
  const { rawHeaders } = exchange;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!.toLowerCase();
    if (name.startsWith(':') || name === 'host' || name === 'x-forwarded-for' || SECRET.test(name)) continue;
    if (hops.has(name) || (hops === HOP && named.has(name))) continue;
    out.push(rawHeaders[i]!, rawHeaders[i + 1]!);
  }
  if (
    hops === HOP &&
    one(exchange, 'te')
      .split(',')
      .some((t) => t.trim() === 'trailers')
  )
    out.push('Te', 'trailers');
  // A body of unknown length comes in chunks on that side too.
  if (hops === HOP && one(exchange, 'transfer-encoding') !== '') out.push('Transfer-Encoding', 'chunked');
  return out;
}
const withoutType = (headers: readonly string[]): string[] => {
  const at = headers.indexOf('Content-Type');
  return headers.filter((_, i) => i !== at && i !== at + 1);
};

async function passBack(core: Core, exchange: Exchange, found: BackendAnswer, rewriting: Rewriting): Promise<void> {
  const headers = withoutType(baseHeaders(core, exchange, ''));
  const [valueOf, given] = readHeaders(found.headers);
  const redirect = valueOf('location');
  const page = redirect === '' && valueOf('content-type').split(';')[0]!.trim() === 'text/html';
  for (let [name, value] of given) {
    const lower = name.toLowerCase();
    if (lower === 'location') value = rewriteUrl(value, rewriting);
    if (lower !== 'content-length') headers.push(name, value);
  }
  const encoding = valueOf('content-encoding');
  if (page && (encoding === '' || encoding === 'gzip') && exchange.method !== 'HEAD') {
    const bytes = await whole(found);
    const text = (encoding === 'gzip' && bytes.length > 0 ? await unzipped(bytes) : bytes).toString('utf8');
    const changed = Buffer.from(rewriteHtml(text, rewriting));
    return exchange.send(found.status, headers, encoding === 'gzip' ? await zipped(changed) : changed);
  }
  const length = valueOf('content-length');
  if (exchange.method === 'HEAD' || found.status === 204 || found.status === 304 || length === '0') {
    found.body.resume();
    return exchange.send(found.status, headers, '');
  }
  const isTold = valueOf('content-type') !== '' || encoding !== '' || (rewriting.absolute === true && length === '');
  if (length !== '' && Number(length) <= WAITING_BYTES) {
    const bytes = await whole(found);
    if (!isTold) headers.push('Content-Type', sniff(bytes));
    return exchange.send(found.status, headers, bytes);
  }
  let stream: Streaming | undefined;
  let gone = false;
  const begin = (chunk?: Buffer): Streaming => {
    if (!isTold && chunk !== undefined) headers.push('Content-Type', sniff(chunk));
    const begun = exchange.stream(found.status, headers);
    begun.onClose(() => {
      gone = true;
      found.end();
    });
    return begun;
  };
  // What comes bit by bit is begun before there is anything, unless its first bytes say what it is.
  if (isTold) stream = begin();
  try {
    for await (const chunk of found.body as AsyncIterable<Buffer>) {
      stream ??= begin(chunk);
      if (chunk.length === 0 || stream.write(chunk, WAITING_BYTES)) continue;
      while (stream.waiting() > WAITING_BYTES && !gone)
        await new Promise<void>((resolve) => core.world.clock.setTimeout(() => resolve(), PAUSE_MS));
    }
  } catch (error) {
    // It broke off: whoever reads is to see that this is not the end.
    if (stream === undefined) throw error;
    return stream.abort();
  }
  (stream ?? begin()).end();
}
/** Looks a header up; all that are passed back. */
function readHeaders(raw: readonly string[]): [valueOf: (name: string) => string, given: [string, string][]] {
  const pairs: [string, string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!, raw[i + 1]!]);
  const valueOf = (name: string): string => pairs.find(([n]) => n.toLowerCase() === name)?.[1] ?? '';
  const named = new Set(valueOf('connection').toLowerCase().split(',').map((s) => s.trim())); // prettier-ignore
  return [
    valueOf,
    pairs.filter(([name]) => {
      const lower = name.toLowerCase();
      return !HOP.has(lower) && !named.has(lower) && !CORS.test(lower);
    }),
  ];
}
async function whole({ body, end }: BackendAnswer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    if ((bytes += chunk.length) <= MAX_PAGE_BYTES) continue;
    end();
    throw new ApiError('ServiceUnavailable', 'error trying to reach service: the page is too large');
  }
  return Buffer.concat(chunks);
}

/** Joins the two connections once the other side speaks the protocol asked for; what it says instead is passed back. */
async function upgrade(core: Core, exchange: Exchange, answer: ForwardAnswer, client: string): Promise<void> {
  if (answer.output !== undefined && offersChannels(exchange)) return runOverChannels(core, exchange, answer, answer.output); // prettier-ignore
  const { node, ...elsewhere } = answer;
  const asks = node === undefined ? undefined : kubeletPath(answer.path, new URL(exchange.target, 'https://s').searchParams); // prettier-ignore
  if (node !== undefined && asks !== undefined)
    return (await import('./connect.ts')).connect(core, exchange, { type: 'connect', node, asks, otherwise: elsewhere }, client); // prettier-ignore
  const headers = passedOn(exchange, new Set());
  if (answer.identity !== undefined) introduce(core, exchange, headers, answer, answer.identity);
  headers.push('X-Forwarded-For', forwardedFor(exchange, client));
  // As Go's client calls itself where the client said nothing.
  if (one(exchange, 'user-agent') === '') headers.push('User-Agent', 'Go-http-client/1.1');
  const query = answer.query ? `?${answer.query}` : '';
  let found: BackendAnswer;
  try {
    const send = answer.over ?? core.backend;
    found = await send({ to: answer.to, method: exchange.method, target: `${escapePath(answer.path) || '/'}${query}`, headers }); // prettier-ignore
  } catch (error) {
    if (statusOf(error) !== undefined) throw error;
    const { message } = error as Error;
    // There was somebody, who said nothing.
    throw plain(message === 'EOF' ? 'unexpected EOF' : `error dialing backend: ${message}`);
  }
  if (found.upgraded === undefined && found.status < 400) {
    found.end();
    throw plain(`invalid upgrade response: status code ${found.status}`);
  }
  const socket = exchange.hijack!();
  socket.write(head(found));
  const other = found.upgraded?.socket ?? found.body;
  if (found.upgraded === undefined) return pipeline(found.body, socket).catch(() => {});
  const { upgraded } = found;
  if (upgraded.head.length > 0) socket.write(upgraded.head);
  other.on('error', () => {});
  socket.on('error', () => {});
  // Once one side has ended so has the other.
  upgraded.socket.on('close', () => socket.destroy());
  socket.on('close', () => upgraded.socket.destroy());
  upgraded.socket.pipe(socket).pipe(upgraded.socket);
}
const [STDOUT, STDERR, ERROR] = [1, 2, 3] as const;
/**
 * A client that speaks in channels is served even if the kubelet cannot be reached: what went wrong comes on the channel of
 * errors. Source: apiserver pkg/util/proxy streamtranslator.go.
 */
async function runOverChannels(
  core: Core,
  exchange: Exchange,
  { to, path, query }: ForwardAnswer,
  { stdout, stderr }: NonNullable<ForwardAnswer['output']>,
): Promise<void> {
  const channels = openChannels(exchange);
  if (channels === undefined) return;
  channels.send(stdout ? STDOUT : stderr ? STDERR : ERROR, '');
  const target = `${escapePath(path)}${query ? `?${query}` : ''}`;
  const headers = ['Host', hostPort(to), 'Connection', 'Upgrade', 'Upgrade', PROTOCOL_SPDY, 'X-Stream-Protocol-Version', 'v4.channel.k8s.io']; // prettier-ignore
  let why: string;
  try {
    const found = await core.backend({ to, method: 'POST', target, headers });
    found.end();
    why = `unable to upgrade connection: ${found.upgraded === undefined ? await refusalOf(found) : `${PROTOCOL_SPDY} is not spoken here`}`;
  } catch (error) {
    why = `error sending request: Post ${JSON.stringify(`https://${hostPort(to)}${target}`)}: ${(error as Error).message}`;
  }
  const { status, message, reason, details, code } = internalError(why).status;
  channels.send(ERROR, goJson({ metadata: {}, status, message, reason, details, code }));
  channels.end();
}
const refusalOf = async (found: BackendAnswer): Promise<string> => (await whole(found)).toString('utf8');

function head({ status, headers, upgraded }: BackendAnswer): string {
  const lines = [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? `status code ${status}`}`];
  for (let i = 0; i + 1 < headers.length; i += 2)
    // What follows is not in chunks any more: its end is that of the connection.
    if (upgraded !== undefined || !['transfer-encoding', 'connection'].includes(headers[i]!.toLowerCase()))
      lines.push(`${headers[i]}: ${headers[i + 1]}`);
  if (upgraded === undefined) lines.push('Connection: close');
  return `${lines.join('\r\n')}\r\n\r\n`;
}
