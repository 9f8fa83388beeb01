import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createSecureServer, type Http2SecureServer } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContext, TLSSocket } from 'node:tls';
import { Exchange, type AnyRequest, type AnyResponse } from './exchange.ts';
import type { Proxy } from './proxy.ts';
import { upgrade } from './upgrade.ts';

export interface ListenOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
}
export interface Front {
  /** Where it listens. */
  readonly port: number;
  /** Takes no new connections, tells those that are kept that they end, resolves when requests under way are done. */
  drain(): Promise<void>;
  /** At once. */
  close(): void;
}
const HEADERS_MS = 60_000;
const KEPT_MS = 60_000;
/** How often a head that takes too long is looked for: a server at rest has no other timer. */
const LOOK_MS = 60_000;
const MOST_HEADERS = 200;
/** Beyond these connections are closed as they come: who floods one door leaves memory for the rest. */
const MOST_CONNECTIONS = 10_000;
const MAX_HEAD_BYTES = 32 * 1024;
const isWebSocket = (request: IncomingMessage): boolean => request.headers.upgrade?.toLowerCase() === 'websocket';
/** Of a body as long as it takes: it is ended when it makes no progress. */
const LIMITS = {
  connectionsCheckingInterval: LOOK_MS,
  headersTimeout: HEADERS_MS,
  keepAliveTimeout: KEPT_MS,
  requestTimeout: 0,
  maxHeaderSize: MAX_HEAD_BYTES,
  shouldUpgradeCallback: isWebSocket,
  // Whoever has vanished without a word is found out, on connections that may be silent for long.
  keepAlive: true,
  keepAliveInitialDelay: KEPT_MS,
  noDelay: true,
};

export const listenHttp = (proxy: Proxy, at: ListenOptions): Promise<Front> =>
  listen(createServer(LIMITS), proxy, at, false);

/** HTTP/1.1 and HTTP/2, whichever the client speaks. `fallback`: PEM, for names that have no certificate. */
export function listenHttps(
  proxy: Proxy,
  at: ListenOptions,
  tls: {
    readonly contextFor: (serverName: string) => SecureContext | undefined;
    readonly fallback: { readonly cert: string; readonly key: string };
  },
): Promise<Front> {
  const server = createSecureServer({
    ...LIMITS,
    ...tls.fallback,
    allowHTTP1: true,
    SNICallback: (name, done) => done(null, tls.contextFor(name.toLowerCase())),
    minVersion: 'TLSv1.2',
    handshakeTimeout: 10_000,
    settings: { maxConcurrentStreams: 128, maxHeaderListSize: MAX_HEAD_BYTES },
  });
  return listen(server, proxy, at, true);
}
function listen(
  server: Server | Http2SecureServer,
  proxy: Proxy,
  { host, port }: ListenOptions,
  secure: boolean,
): Promise<Front> {
  const sockets = new Set<Socket>();
  let bound = port;
  const senderOf = (socket: Socket | TLSSocket) => ({
    address: plainAddress(socket.remoteAddress ?? ''),
    port: bound,
    secure,
  });
  const onRequest = (request: AnyRequest, response: AnyResponse): void => {
    const isHttp2 = request.httpVersionMajor === 2;
    const exchange = new Exchange(proxy, request, response, isHttp2);
    proxy.began(exchange);
    exchange.start(senderOf(request.socket));
  };
  if ('maxHeadersCount' in server) server.maxHeadersCount = MOST_HEADERS;
  server.maxConnections = MOST_CONNECTIONS;
  (server as Server).on('request', onRequest as (a: IncomingMessage, b: ServerResponse) => void);
  (server as Server).on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isWebSocket(request)) upgrade(proxy, request, socket, head, senderOf(request.socket));
    else socket.end(REFUSAL(400, 'Bad Request'));
  });
  (server as Server).on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
    socket.end(
      error.code === 'HPE_HEADER_OVERFLOW' ? REFUSAL(431, 'Request Header Fields Too Large')
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? REFUSAL(408, 'Request Timeout')
      : REFUSAL(400, 'Bad Request'),
    ); // prettier-ignore
  });
  const sessions = new Set<{ close: () => void; destroy: () => void }>();
  if (secure)
    (server as Http2SecureServer).on('session', (session) => {
      sessions.add(session);
      session.on('close', () => sessions.delete(session));
      // As one of HTTP/1.1 that is kept for nothing; a request that says nothing for so long has been ended.
      session.setTimeout(KEPT_MS + LOOK_MS, () => session.close());
      session.on('error', () => undefined);
    });
  (server as Server).on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => undefined);
  });
  (server as Http2SecureServer).on('tlsClientError', (_error, socket: TLSSocket) => void socket.destroy());
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, reusePort: port !== 0 }, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      bound = (server.address() as AddressInfo).port;
      resolve({
        port: bound,
        async drain() {
          proxy.isClosing = true;
          const closed = new Promise((done) => server.close(done));
          (server as Server).closeIdleConnections?.();
          for (const session of sessions) session.close();
          await Promise.race([closed, proxy.idle()]);
        },
        close() {
          server.close(() => undefined);
          for (const session of sessions) session.destroy();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}
const REFUSAL = (status: number, text: string): string =>
  `HTTP/1.1 ${status} ${text}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`;
const plainAddress = (address: string): string => (address.startsWith('::ffff:') ? address.slice(7) : address);
