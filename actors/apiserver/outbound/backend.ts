/** Connections to what the API server passes requests on to: pods, endpoints, kubelets at an address. */
import { Agent as HttpAgent, request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest, type RequestOptions } from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { World } from '../../../bus/world.ts';
import { explain } from '../../runtime/outbound/go-errors.ts';
import { VerifyingAgent, type SourceOf } from '../../runtime/outbound/outbound.ts';
import { StaleConnection, withFreshConnection } from '../../runtime/outbound/stale-connection.ts';

/** Where a request is passed on to. */
export interface BackendLocation {
  readonly scheme: 'http' | 'https';
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}
export interface BackendRequest {
  readonly to: BackendLocation;
  readonly method: string;
  /** Path and query, escaped. */
  readonly target: string;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  readonly body?: Readable | undefined;
  /** A connection to it that stands already; plain, whatever the scheme. */
  readonly connection?: Duplex | undefined;
}
export interface BackendAnswer {
  readonly status: number;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
  readonly body: Readable;
  /** Of a connection that speaks another protocol now, with what has come of it already. */
  readonly upgraded?: { readonly socket: Duplex; readonly head: Buffer };
  /** Ends the connection, whatever is still on its way. */
  readonly end: () => void;
}
/** Rejects with Go's text: `dial tcp 10.0.0.1:80: connect: connection refused`. Certificates are not looked at. */
export type Backend = (request: BackendRequest) => Promise<BackendAnswer>;

export const PROTOCOL_SPDY = 'SPDY/3.1';
const MAX_PORT = 65_535;
const DIAL_MS = 30_000;
/** `10.0.0.1:80`, `[::1]:80`. */
export const hostPort = ({ host, port }: Pick<BackendLocation, 'host' | 'port'>): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;

/** Source: net/url URL.EscapedPath. */
export const escapePath = (path: string): string =>
  encodeURI(path).replaceAll(/[?#!*'()]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** How a server of a kind is reached whose certificate counts, and that keeps connections. */
interface Reach {
  /** Where it is at present, whatever it is called. Throws: why it is nowhere. */
  readonly dial: () => Pick<BackendLocation, 'host' | 'port'>;
  readonly agent: HttpsAgent;
  /** Certificates, names, authorities. */
  readonly options: RequestOptions;
}
/** Source: pkg/controlplane proxyTransport, net/http DefaultTransport. */
export const createBackend =
  (world: Pick<World, 'clock'>, reach?: Reach, sourceOf?: SourceOf): Backend =>
  (request) =>
    withFreshConnection(() => once(world, request, reach, sourceOf));
/** What changes nothing may be asked twice. Source: net/http Request.isReplayable. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);
const once = (
  world: Pick<World, 'clock'>,
  { to: named, method, target, headers, body, connection }: BackendRequest,
  reach: Reach | undefined,
  sourceOf: SourceOf | undefined,
): Promise<BackendAnswer> =>
  new Promise((resolve, reject) => {
    const to = { ...named, ...reach?.dial() };
    if (to.port > MAX_PORT) return reject(new Error(`dial tcp: address ${to.port}: invalid port`));
    const secure = to.scheme === 'https' && connection === undefined;
    const ask = secure ? httpsRequest : httpRequest;
    // Of this request alone: one that keeps nothing alive would say so to the other side.
    const agent = reach?.agent ?? new (secure ? HttpsAgent : HttpAgent)({ keepAlive: true });
    const zips = asksToZip(method, headers);
    const outgoing = ask({
      host: to.host,
      port: to.port,
      localAddress: sourceOf?.(to.host),
      method,
      path: target,
      setHost: false,
      ...(connection === undefined ? { agent } : { createConnection: () => connection }),
      rejectUnauthorized: false,
      ...reach?.options,
    });
    setHeaders(outgoing, headers);
    if (zips) outgoing.setHeader('Accept-Encoding', 'gzip');
    const late = world.clock.setTimeout(
      () => outgoing.destroy(new Error(`dial tcp ${hostPort(to)}: i/o timeout`)),
      DIAL_MS,
    );
    const end = (): void => void outgoing.destroy();
    outgoing.on('socket', (socket) => {
      // A kept connection is not dialled, nor one that an agent hands out when it stands.
      if (outgoing.reusedSocket || agent instanceof VerifyingAgent || connection !== undefined)
        world.clock.clearTimeout(late);
      else socket.once(secure ? 'secureConnect' : 'connect', () => world.clock.clearTimeout(late));
    });
    if (reach === undefined) outgoing.on('close', () => agent.destroy());
    const told = (response: IncomingMessage): BackendAnswer => {
      const answer = { status: response.statusCode ?? 0, headers: response.rawHeaders, body: response, end };
      return zips && response.headers['content-encoding'] === 'gzip' ? unzipped(answer) : answer;
    };
    outgoing.on('response', (response) => resolve(told(response)));
    outgoing.on('upgrade', (response, socket, head) => resolve({ ...told(response), upgraded: { socket, head } }));
    outgoing.on('error', (error) => {
      world.clock.clearTimeout(late);
      const { code } = error as NodeJS.ErrnoException;
      if (
        reach !== undefined &&
        outgoing.reusedSocket &&
        body === undefined &&
        REPEATABLE.has(method) &&
        (code === 'ECONNRESET' || code === 'EPIPE')
      )
        return reject(new StaleConnection(explain(error, to)));
      const plain =
        reach === undefined &&
        (error as NodeJS.ErrnoException).code === 'EPROTO' &&
        /wrong version number/.test(error.message);
      reject(new Error(plain ? NOT_TLS : explain(error, to), { cause: error }));
    });
    if (body === undefined) outgoing.end();
    else {
      body.on('error', end);
      body.pipe(outgoing);
    }
  });

/** Those that are repeated stay so; that the connection is kept is not said, being the default. */
function setHeaders(outgoing: ClientRequest, headers: readonly string[]): void {
  outgoing.removeHeader('Connection');
  for (let i = 0; i + 1 < headers.length; i += 2) outgoing.appendHeader(headers[i]!, headers[i + 1]!);
}
const NOT_TLS = 'tls: first record does not look like a TLS handshake';
/** Go asks for it where the client did not say anything, and unzips then. Source: net/http transport.go roundTrip. */
function asksToZip(method: string, headers: readonly string[]): boolean {
  if (method === 'HEAD') return false;
  for (let i = 0; i < headers.length; i += 2)
    if (['accept-encoding', 'range', 'upgrade'].includes(headers[i]!.toLowerCase())) return false;
  return true;
}
function unzipped(answer: BackendAnswer): BackendAnswer {
  const headers: string[] = [];
  for (let i = 0; i + 1 < answer.headers.length; i += 2)
    if (!['content-encoding', 'content-length'].includes(answer.headers[i]!.toLowerCase()))
      headers.push(answer.headers[i]!, answer.headers[i + 1]!);
  return { ...answer, headers, body: answer.body.pipe(createGunzip()) };
}
