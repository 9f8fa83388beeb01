import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';

interface Heard {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  /** Common name of the certificate that was shown, '' if there was none. */
  readonly certificate: string;
}
export interface ExtensionServer {
  readonly port: number;
  readonly heard: Heard[];
  /** Answers one path; by default those of discovery and OpenAPI are answered, all else is 404. */
  on(path: string, answer: (request: IncomingMessage, response: ServerResponse) => void): void;
  /** No connection gets through any more. */
  stop(): Promise<void>;
}
/** An aggregated API server on loopback that serves `things` of one version of a group. */
export async function startExtensionServer(tls: { readonly key: string; readonly cert: string }, group: string, listenOn = 0): Promise<ExtensionServer> {
  const heard: Heard[] = [];
  const thing = { resource: 'things', responseKind: { group, version: 'v1', kind: 'Thing' }, scope: 'Namespaced', singularResource: 'thing', verbs: ['get', 'list', 'watch'] };
  const documents: Readonly<Record<string, object>> = {
    '/apis': { kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2', metadata: {}, items: [{ metadata: { name: group }, versions: [{ version: 'v1', resources: [thing], freshness: 'Current' }] }] },
    [`/apis/${group}/v1`]: { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/v1`, resources: [] },
    '/openapi/v3': { paths: { [`apis/${group}/v1`]: { serverRelativeURL: `/openapi/v3/apis/${group}/v1?hash=ABC` } } },
    [`/openapi/v3/apis/${group}/v1`]: { openapi: '3.0.0', info: { title: 'ext', version: '1' }, paths: {} },
    '/openapi/v2': {
      swagger: '2.0', info: { title: 'ext', version: '1' },
      paths: { [`/apis/${group}/v1/things`]: { get: { schema: { $ref: '#/definitions/Thing' } } }, '/apis/other/v1/': { get: { schema: { $ref: '#/definitions/Other' } } } },
      definitions: { Thing: { type: 'object' }, Other: { type: 'object' }, Unused: { type: 'object' } },
    },
  };
  const paths = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>();
  const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
    const { pathname } = new URL(request.url ?? '', 'https://x');
    const { subject } = (request.socket as TLSSocket).getPeerCertificate();
    heard.push({ method: request.method ?? '', url: request.url ?? '', headers: request.headers, certificate: String(subject?.CN ?? '') });
    const own = paths.get(pathname);
    if (own !== undefined) return own(request, response);
    const document = documents[pathname];
    const type = pathname === '/apis' ? 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' : 'application/json';
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': type });
    response.end(JSON.stringify(document ?? { kind: 'Status', message: 'nothing here', code: 404 }));
  });
  // Of any other protocol it says one line, and then what it is told.
  server.on('upgrade', ({ headers, url }, socket) => {
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${headers.upgrade}\r\n\r\n`);
    socket.write(`${url} ${String(headers['x-remote-user'])}\n`);
    socket.on('error', () => undefined).pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(listenOn, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    on: (path, answer) => void paths.set(path, answer),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
} // prettier-ignore
