import { createServer } from 'node:http';
import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createServer as createTlsServer, type Server, type TLSSocket } from 'node:tls';
import type { Core } from '../../core.ts';
import { Http1Exchange, Http2Exchange } from './exchange.ts';
import { serve, type Connection } from './handle.ts';

export interface HttpsOptions {
  readonly host: string;
  readonly port: number;
  /** PEM. */
  readonly key: string;
  readonly cert: string;
  /** Client certificates are believed if this authority signed them. */
  readonly clientCa: string;
  /** Several processes share the port. */
  readonly reusePort?: boolean | undefined;
}
export interface HttpsDoor {
  readonly port: number;
  /** Takes no new connection, ends idle ones, waits for requests in flight. */
  close(graceMs: number): Promise<void>;
}
const KEEP_ALIVE_MS = 180_000;
/** A connection that asks nothing for so long is closed. */
const FIRST_REQUEST_MS = 60_000;
const MAX_HEADER_BYTES = 1024 * 1024;
const connections = new WeakMap<object, Connection>();

/**
 * One port for HTTP/1.1 and HTTP/2. The TLS server hands each connection to the server of the protocol that ALPN settled:
 * the compatibility layer of http2 would make every HTTP/1.1 request dearer.
 */
export async function openHttpsDoor(core: Core, options: HttpsOptions): Promise<HttpsDoor> {
  const http1 = createServer({ keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: MAX_HEADER_BYTES, noDelay: true });
  http1.timeout = 0;
  http1.requestTimeout = 0;
  const active = new Map<TLSSocket, number>();
  let draining = false;
  http1.on('request', (request, response) => {
    const socket = request.socket as TLSSocket;
    active.set(socket, (active.get(socket) ?? 0) + 1);
    response.on('close', () => {
      active.set(socket, (active.get(socket) ?? 1) - 1);
      if (draining) socket.destroySoon();
    });
    void serve(core, new Http1Exchange(request, response), connectionOf(socket));
  });
  http1.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${code}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n${code}`);
  });
  const http2 = createSecureServer({ settings: { maxConcurrentStreams: 250, initialWindowSize: 1 << 20 } });
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => {});
  });
  http2.on(
    'stream',
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: string[]) => {
      stream.on('error', () => {});
      const socket = stream.session?.socket as TLSSocket | undefined;
      void serve(core, new Http2Exchange(stream, headers, rawHeaders), connectionOf(socket));
    },
  );

  const server = createTlsServer({
    key: options.key,
    cert: options.cert,
    ca: options.clientCa,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['h2', 'http/1.1'],
  });
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    // Later silence is bounded by keepAliveTimeout (HTTP/1.1) or wanted (HTTP/2).
    const silence = core.world.clock.setTimeout(() => {
      if (socket.alpnProtocol !== 'h2' && !active.has(socket)) socket.destroy();
    }, FIRST_REQUEST_MS);
    socket.on('close', () => {
      sockets.delete(socket);
      active.delete(socket);
      core.world.clock.clearTimeout(silence);
    });
    socket.on('error', () => {});
    socket.setNoDelay(true);
    if (socket.alpnProtocol === 'h2') http2.emit('secureConnection', socket);
    else http1.emit('connection', socket);
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') core.world.log.debug('a TLS handshake failed', { err: error });
  });
  await listen(server, options);
  return {
    port: (server.address() as AddressInfo).port,
    close: (graceMs) => {
      draining = true;
      for (const socket of sockets)
        if (socket.alpnProtocol !== 'h2' && (active.get(socket) ?? 0) === 0) socket.destroySoon();
      return close({ core, server, http2, sockets, sessions }, graceMs);
    },
  };
}
function connectionOf(socket: TLSSocket | undefined): Connection {
  // Both protocols wrap the socket in proxies of their own; the session of the handshake is the same for all of them.
  const key = socket ?? connections;
  let known = connections.get(key);
  if (known === undefined) {
    known = { ...certificateOf(socket), user: undefined };
    connections.set(key, known);
  }
  return known;
}
interface Peer {
  readonly subject?: { readonly CN?: string | string[]; readonly O?: string | string[] };
  readonly fingerprint256?: string;
  readonly valid_to?: string;
}
function certificateOf(socket: TLSSocket | undefined): Pick<Connection, 'certificate' | 'refusedCertificate'> {
  const peer: Peer = socket === undefined ? {} : socket.getPeerCertificate();
  if (peer.subject === undefined) return { certificate: undefined, refusedCertificate: false };
  if (socket?.authorized !== true) return { certificate: undefined, refusedCertificate: true };
  const list = (value: string | string[] | undefined): string[] =>
    value === undefined ? [] : typeof value === 'string' ? [value] : value;
  const notAfterMs = peer.valid_to === undefined ? undefined : Date.parse(peer.valid_to);
  const certificate = {
    commonName: list(peer.subject.CN).at(-1) ?? '',
    organizations: list(peer.subject.O),
    sha256: peer.fingerprint256?.replaceAll(':', '').toLowerCase(),
    notAfterMs,
  };
  return { certificate, refusedCertificate: false };
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
interface Open {
  readonly core: Core;
  readonly server: Server;
  readonly http2: Http2SecureServer;
  readonly sockets: ReadonlySet<TLSSocket>;
  readonly sessions: ReadonlySet<ServerHttp2Session>;
}
async function close({ core, server, http2, sockets, sessions }: Open, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  for (const session of sessions) session.close();
  http2.close();
  const timer = core.world.clock.setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, graceMs);
  await closed;
  core.world.clock.clearTimeout(timer);
}
