import { X509Certificate } from 'node:crypto';
import { createServer, ServerResponse } from 'node:http';
import {
  createSecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { createServer as createTlsServer, type Server, type TLSSocket } from 'node:tls';
import { delay, type Clock } from '../../../../bus/world.ts';
import { FRONT_PROXY_NAMES } from '../../authentication/index.ts';
import type { Core } from '../../core.ts';
import { Connections } from './draining.ts';
import { Http1Exchange, Http2Exchange, UpgradeExchange } from './exchange.ts';
import { serve } from './handle.ts';
import type { Connection } from './who.ts';

export interface HttpsOptions {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** Client certificates are believed if this authority signed them. */
  readonly clientCa: string;
  /** PEM. Who shows a certificate of this authority, with one of FRONT_PROXY_NAMES, is believed who asks. */
  readonly frontProxyCa?: string | undefined;
  /** Several processes share the port. */
  readonly reusePort?: boolean | undefined;
  /** Somebody else listens on the port and hands over connections. */
  readonly connections?: ConnectionSource | undefined;
}
export interface ConnectionSource {
  /** Calls `onConnection` for each connection, on which nothing has been read yet, until it is told to stop. */
  take(onConnection: (socket: Socket) => void): () => void;
}
export interface HttpsDoor {
  readonly port: number;
  /** Takes no new connection; those there are go on, and are told at the next request to go elsewhere. */
  leave(): Promise<void>;
  /** leave(), and resolves when all connections have ended: idle ones soon, the last of them after `graceMs`. */
  close(graceMs: number): Promise<void>;
}
const KEEP_ALIVE_MS = 180_000;
/** A connection that asks nothing for so long is closed. */
const FIRST_REQUEST_MS = 60_000;
const MAX_HEADER_BYTES = 1024 * 1024;
/** What of a body is taken in before anybody reads it: its request may wait for its turn. Source: apiserver pkg/server secure_serving.go. */
const STREAM_WINDOW_BYTES = 256 * 1024;
const connections = new WeakMap<object, Connection>();

/**
 * One port for HTTP/1.1 and HTTP/2. The TLS server hands each connection to the server of the protocol that ALPN settled:
 * the compatibility layer of http2 would make every HTTP/1.1 request dearer.
 */
export async function openHttpsDoor(core: Core, options: HttpsOptions): Promise<HttpsDoor> {
  const http1 = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES, noDelay: true });
  http1.timeout = 0;
  http1.requestTimeout = 0;
  const open = new Connections(core.world.clock);
  const proxyCa = options.frontProxyCa === undefined ? undefined : new X509Certificate(options.frontProxyCa);
  const connectionOf = (socket: TLSSocket | undefined): Connection => knownOf(socket, proxyCa);
  http1.on('request', (request, response) => {
    const socket = request.socket as TLSSocket;
    open.begin(socket);
    response.on('close', () => open.end(socket));
    void serve(core, new Http1Exchange(request, response, open), connectionOf(socket));
  });
  http1.on('upgrade', (request, stream, head: Buffer) => {
    const socket = stream as TLSSocket;
    if (head.length > 0) socket.unshift(head);
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.on('finish', () => socket.end());
    socket.on('error', () => {});
    open.begin(socket);
    socket.on('close', () => open.end(socket));
    void serve(core, new UpgradeExchange(request, response, open, socket), connectionOf(socket));
  });
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${code}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${code}`);
  });
  const http2 = createSecureServer({ settings: { maxConcurrentStreams: 250, initialWindowSize: STREAM_WINDOW_BYTES } });
  http2.on('session', (session) => {
    open.http2(session);
    session.on('error', () => {});
  });
  http2.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      stream.on('error', () => {});
      const session = stream.session as ServerHttp2Session | undefined;
      const socket = session?.socket as TLSSocket | undefined;
      const exchange = new Http2Exchange(stream, headers, rawHeaders);
      if (session !== undefined) {
        open.begin(session);
        stream.once('close', () => open.end(session));
      }
      if (!open.draining || session === undefined) void serve(core, exchange, connectionOf(socket));
      else void open.tell(session).then(() => serve(core, exchange, connectionOf(socket)));
    },
  );

  const server = createTlsServer({
    key: options.key,
    cert: options.cert,
    ca: options.frontProxyCa === undefined ? options.clientCa : [options.clientCa, options.frontProxyCa],
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
  });
  server.on('connection', (socket: Socket) => open.accepted(socket));
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    socket.setNoDelay(true);
    if (socket.alpnProtocol === 'h2') return void http2.emit('secureConnection', socket);
    open.http1(socket);
    // Later silence is bounded by keepAliveTimeout.
    const silence = core.world.clock.setTimeout(() => {
      if (!open.isUsed(socket)) socket.destroy();
    }, FIRST_REQUEST_MS);
    socket.on('close', () => core.world.clock.clearTimeout(silence));
    http1.emit('connection', socket);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') core.world.log.debug('a TLS handshake failed', { err: error });
  });
  const leave = await takeConnections(server, options, core.world.clock);
  let leaving: Promise<void> | undefined;
  const door: HttpsDoor = {
    port: (server.address() as AddressInfo | null)?.port ?? options.port,
    leave: () => {
      open.draining = true;
      return (leaving ??= leave());
    },
    close: async (graceMs) => {
      await door.leave();
      await open.drain(graceMs);
      http2.close();
    },
  };
  return door;
}
function knownOf(socket: TLSSocket | undefined, proxyCa: X509Certificate | undefined): Connection {
  // Both protocols wrap the socket in proxies of their own; the session of the handshake is the same for all of them.
  const key = socket ?? connections;
  let known = connections.get(key);
  if (known === undefined) {
    known = { ...certificateOf(socket, proxyCa), address: socket?.remoteAddress ?? '', user: undefined };
    connections.set(key, known);
  }
  return known;
}
interface Peer {
  readonly subject?: { readonly CN?: string | string[]; readonly O?: string | string[] };
  readonly fingerprint256?: string;
  readonly valid_from?: string;
  readonly valid_to?: string;
}
type Shown = Pick<Connection, 'certificate' | 'refusedCertificate' | 'frontProxy'>;
const NONE: Shown = { certificate: undefined, refusedCertificate: false, frontProxy: false };
function certificateOf(socket: TLSSocket | undefined, proxyCa: X509Certificate | undefined): Shown {
  const peer: Peer = socket === undefined ? {} : socket.getPeerCertificate();
  if (peer.subject === undefined) return NONE;
  if (socket?.authorized !== true) return { ...NONE, refusedCertificate: true };
  const list = (value: string | string[] | undefined): string[] =>
    value === undefined ? [] : typeof value === 'string' ? [value] : value;
  const commonName = list(peer.subject.CN).at(-1) ?? '';
  // It says that somebody else asks; it is nobody itself.
  if (proxyCa !== undefined && isSignedBy(socket, proxyCa))
    return { ...NONE, refusedCertificate: true, frontProxy: FRONT_PROXY_NAMES.includes(commonName) };
  const time = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  const certificate = {
    commonName,
    organizations: list(peer.subject.O),
    sha256: peer.fingerprint256?.replaceAll(':', '').toLowerCase(),
    notBeforeMs: time(peer.valid_from),
    notAfterMs: time(peer.valid_to),
  };
  return { ...NONE, certificate };
}
/** By the signature itself: what Node tells of the chain goes by names, which a client may choose. */
function isSignedBy(socket: TLSSocket, ca: X509Certificate): boolean {
  const shown = socket.getPeerX509Certificate();
  return shown !== undefined && shown.checkIssued(ca) && shown.verify(ca.publicKey);
}
const LEAVE_TRIES = 20;
const PROMPT_MS = 3;
/** Has the server take connections, its own or handed ones; returns what ends that. */
async function takeConnections(server: Server, options: HttpsOptions, clock: Clock): Promise<() => Promise<void>> {
  if (options.connections !== undefined) {
    const stop = options.connections.take((socket) => server.emit('connection', socket));
    return () => Promise.resolve(stop());
  }
  await listen(server, options);
  return async () => {
    // The kernel resets what waits to be accepted when a listener is closed, even if others share the port: it is closed in
    // a moment in which this process has just accepted all there was.
    for (let i = 0; i < LEAVE_TRIES; i++) {
      const before = clock.now();
      await delay(clock, 1);
      if (clock.now() - before <= PROMPT_MS) break;
    }
    server.close();
  };
}
function listen(server: Server, options: HttpsOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: options.host, port: options.port, ...(options.reusePort && { reusePort: true }) }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}
