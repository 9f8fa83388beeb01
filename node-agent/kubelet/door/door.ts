import { ServerResponse, type IncomingMessage } from 'node:http';
import { createServer, type Server } from 'node:https';
import { constants } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { refuse } from '../../../actors/runtime/streaming/upgrades.ts';
import type { DoorConfiguration } from '../node/door-configuration.ts';
import type { Answers } from './answer.ts';
import type { Admit, Refusal } from './admit.ts';
import { requestOf, type DoorRequest } from './connection.ts';
import type { ServingPair } from './serving.ts';

/** Source: kubelet pkg/server ListenAndServeKubeletServer. */
const KEEP_ALIVE_MS = 90_000;
const WHOLE_REQUEST_MS = 4 * 3_600_000;
const MAX_HEADER_BYTES = 1024 * 1024;
const TEXT = 'text/plain; charset=utf-8';
const STREAMS = /^\/(?:exec|attach|portForward)\//;

/** What TLS goes by. */
export interface Credentials {
  /** undefined: there is none yet, and nobody can speak with the node. */
  readonly pair: ServingPair | undefined;
  /** PEM of who signs certificates of clients. */
  readonly authorities: string;
}
const contextOf = ({ pair, authorities }: Credentials) => ({
  ...pair,
  ca: authorities,
  minVersion: 'TLSv1.2' as const,
  // Who comes again shows his certificate again: what is believed may have changed.
  secureOptions: constants.SSL_OP_NO_TICKET,
});

/** A kubelet's own port while it is open. */
export interface Door {
  readonly port: number;
  use(credentials: Credentials): void;
  close(): Promise<void>;
}
/** Rejects where the port is another's. */
export async function openDoor(o: {
  readonly configuration: Pick<DoorConfiguration, 'address' | 'port'>;
  readonly credentials: Credentials;
  readonly admit: Admit;
  readonly answers: () => Promise<Answers>;
  /** Of a request; what it returns is told of the end. */
  readonly count: (method: string, path: string) => () => void;
  readonly onError: (error: unknown) => void;
}): Promise<Door> {
  const streams = new Set<Duplex>();
  const server = createServer({
    ...contextOf(o.credentials),
    requestCert: true,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
    keepAliveTimeout: KEEP_ALIVE_MS,
    requestTimeout: WHOLE_REQUEST_MS,
    maxHeaderSize: MAX_HEADER_BYTES,
    noDelay: true,
  });
  /** Answers, or says why not. */
  async function serve(request: DoorRequest, socket: Duplex, refused: (refusal: Refusal) => void, answer: (answers: Answers, admitted: DoorRequest) => Promise<void>): Promise<void> {
    const ended = o.count(request.method, request.path ?? '');
    try {
      const admission = await o.admit(request, socket as TLSSocket);
      if ('refusal' in admission) refused(admission.refusal);
      else await answer(await o.answers(), admission.request);
    } catch (error) {
      o.onError(error);
      socket.destroy();
    } finally {
      ended();
    }
  } // prettier-ignore
  const page = (message: IncomingMessage, response: ServerResponse): void => {
    message.resume();
    const refused = ({ status, text }: Refusal): void => {
      response.writeHead(status, { 'Content-Type': TEXT, 'Content-Length': Buffer.byteLength(text) }).end(text);
    };
    void serve(requestOf(message), message.socket, refused, (answers, request) => answers.page(request, response));
  };
  server.on('request', page);
  server.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (head.length > 0) socket.unshift(head);
    socket.on('error', () => socket.destroy());
    streams.add(socket);
    socket.on('close', () => streams.delete(socket));
    const request = requestOf(message, socket);
    if (STREAMS.test(request.path ?? ''))
      return void serve(request, socket, ({ status, text }) => refuse(request, status, text), (answers, admitted) => answers.stream(admitted)); // prettier-ignore
    // Other pages are what they are, whatever else a client would speak.
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(socket as TLSSocket);
    response.on('finish', () => socket.end());
    page(message, response);
  });
  server.on('clientError', (_error, socket) => {
    if (!socket.writable) return void socket.destroy();
    socket.end('HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request');
  });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  await listen(server, o.configuration);
  return {
    port: (server.address() as AddressInfo).port,
    use: (credentials) => server.setSecureContext(contextOf(credentials)),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of streams) socket.destroy();
      }),
  };
} // prettier-ignore
/** As Go does: on all addresses of both families where any would do. */
const UNSPECIFIED: ReadonlySet<string> = new Set(['', '0.0.0.0', '::']);
function listen(server: Server, { address, port }: Pick<DoorConfiguration, 'address' | 'port'>): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, ...(!UNSPECIFIED.has(address) && { host: address }) }, () => {
      server.off('error', reject);
      server.on('error', () => undefined);
      resolve();
    });
  });
}
