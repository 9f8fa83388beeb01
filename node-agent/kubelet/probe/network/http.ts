import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { World } from '../../../../bus/world.ts';
import { goQuote } from '../../../../schemas/meta/go-quote.ts';
import { explain } from '../../../../actors/runtime/outbound/go-errors.ts';
import { hostPort, urlOf, type HttpTarget } from './target.ts';

export interface HttpAnswer {
  readonly status: number;
  /** Its first 10 KiB. */
  readonly body: string;
}
/** Why there was no answer, in the words of Go's client: `Get "http://10.0.0.1:80/": dial tcp 10.0.0.1:80: connect: connection refused`. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
}
/** Source: pkg/probe/http maxRespBodyLength. */
const MAX_BODY = 10 * 1024;
/** Source: pkg/probe/http RedirectChecker. */
const MAX_REDIRECTS = 10;
const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 303, 307, 308]);

/**
 * Asks once, over a connection of its own, without proxies and whoever's certificate it is; redirects are followed on the
 * same host only. `timeoutMs` is for all of it. Rejects with HttpFailure where nobody answered, with another Error where
 * the answer broke off, and with the signal's reason. Source: pkg/probe/http DoHTTPProbe.
 */
export async function httpGet(
  clock: World['clock'],
  target: HttpTarget,
  { timeoutMs, signal }: { readonly timeoutMs?: number | undefined; readonly signal: AbortSignal },
): Promise<HttpAnswer> {
  signal.throwIfAborted();
  const late = new AbortController();
  const timer = timeoutMs === undefined ? undefined : clock.setTimeout(() => late.abort(), timeoutMs);
  try {
    return await follow(target, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    if (timer !== undefined) clock.clearTimeout(timer);
  }
}
async function follow(first: HttpTarget, signal: AbortSignal): Promise<HttpAnswer> {
  let target = first;
  let shown = urlOf(first);
  for (let hops = 1; ; hops++) {
    const incoming = await headersOf(target, shown, signal);
    const { location } = incoming.headers;
    if (!REDIRECTS.has(incoming.statusCode) || location === undefined) return answerOf(incoming, signal);
    const here = urlOf(target);
    const next = URL.parse(location, here);
    if (next === null || !/^https?:$/.test(next.protocol)) {
      incoming.destroy();
      const why = next === null ? `failed to parse Location header ${goQuote(location)}` : `unsupported protocol scheme ${goQuote(next.protocol.slice(0, -1))}`;
      throw new HttpFailure(`Get ${goQuote(next === null ? here : location)}: ${why}`);
    }
    const host = next.hostname.replace(/^\[|\]$/g, '');
    // Another host is not the container's word.
    if (host !== first.host.toLowerCase()) return answerOf(incoming, signal);
    incoming.destroy();
    if (hops >= MAX_REDIRECTS) throw new HttpFailure(`Get ${goQuote(location)}: stopped after ${MAX_REDIRECTS} redirects`);
    const scheme = next.protocol === 'https:' ? 'https' : 'http';
    const port = Number(next.port) || (scheme === 'https' ? 443 : 80);
    const referer = target.scheme === 'https' && scheme === 'http' ? {} : { Referer: [here] };
    target = { scheme, host: first.host, port, path: next.pathname + next.search, headers: { ...first.headers, ...referer } };
    shown = next.href;
  }
} // prettier-ignore

function headersOf(target: HttpTarget, shown: string, signal: AbortSignal): Promise<IncomingMessage> {
  const fail = (why: string, cause?: Error): HttpFailure => new HttpFailure(`Get ${goQuote(shown)}: ${why}`, { cause });
  return new Promise((resolve, reject) => {
    const { scheme, host, port, path } = target;
    const problem = headerProblem(target.headers);
    if (problem !== undefined) return reject(fail(problem));
    const options: RequestOptions & { readonly rejectUnauthorized: boolean } = {
      agent: false,
      host,
      port,
      path: path.startsWith('/') ? path : `/${path}`,
      headers: { ...target.headers, Host: hostHeader(target) },
      insecureHTTPParser: true,
      rejectUnauthorized: false,
      signal,
    };
    const outgoing = (scheme === 'https' ? httpsRequest : httpRequest)(options, resolve);
    let local = '';
    outgoing.on('socket', (socket) => {
      socket.once('connect', () => (local = hostPort(socket.localAddress ?? '', socket.localPort ?? 0)));
    });
    outgoing.on('error', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }) => {
      if (signal.aborted)
        reject(fail('context deadline exceeded (Client.Timeout exceeded while awaiting headers)', error));
      else if (error.code === 'ECONNRESET' && error.syscall === 'read')
        reject(fail(`read tcp ${local}->${hostPort(host, port)}: read: connection reset by peer`, error));
      else if (error.code?.startsWith('HPE_') === true && scheme === 'http')
        reject(fail(broken(error.rawPacket), error));
      else reject(fail(explain(error, { host, port }), error));
    });
    outgoing.end();
  });
}
const hostHeader = ({ host, port, headers }: HttpTarget): string => headers['Host']?.[0] ?? hostPort(host, port);

/** Source: net/http Transport.roundTrip. */
function headerProblem(headers: HttpTarget['headers']): string | undefined {
  for (const [name, values] of Object.entries(headers)) {
    if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) return `net/http: invalid header field name ${goQuote(name)}`;
    // oxlint-disable-next-line no-control-regex -- exactly these must not be there
    if (values.some((value) => /[\0-\x08\n-\x1f\x7f]/.test(value)))
      return `net/http: invalid header field value for ${goQuote(name)}`;
  }
  return undefined;
}
/** What Go says of an answer that is none. Source: net/http ReadResponse. */
function broken(packet: Buffer | undefined): string {
  const [line = ''] = (packet?.toString('latin1') ?? '').split(/\r?\n/, 1);
  const [, , code] = /^(\S*) +(\S*)/.exec(line) ?? [];
  const why =
    code === undefined
      ? `malformed HTTP response ${goQuote(line)}`
      : /^\d{3}$/.test(code)
        ? 'malformed MIME header'
        : `malformed HTTP status code ${goQuote(code)}`;
  return `net/http: HTTP/1.x transport connection broken: ${why}`;
}
function answerOf(incoming: IncomingMessage, signal: AbortSignal): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const done = (): void => {
      resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).subarray(0, MAX_BODY).toString() });
      incoming.destroy();
    };
    incoming.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes >= MAX_BODY) done();
    });
    incoming.once('end', done);
    incoming.on('error', (error) => {
      const late = 'context deadline exceeded (Client.Timeout or context cancellation while reading body)';
      reject(new Error(signal.aborted ? late : 'unexpected EOF', { cause: error }));
    });
  });
}
