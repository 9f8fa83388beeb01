import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/** What a simulated container says of itself. */
export interface Speaker {
  readonly node: string;
  readonly namespace: string;
  readonly pod: string;
  readonly ip: string;
  readonly container: string;
  readonly port: number;
}
const speakers = new WeakMap<object, Speaker>();
let server: Server | undefined;

/** Speaks HTTP/1.1 on a connection, as a container that tells who it is: any method, any path, the same answer each time. */
export function answer(stream: Duplex, speaker: Speaker): void {
  server ??= makeServer();
  speakers.set(stream, speaker);
  server.emit('connection', stream);
}
/** Without timers of its own: whoever connected ends the connection. */
function makeServer(): Server {
  const made = createServer({ connectionsCheckingInterval: 2 ** 31 - 1, keepAliveTimeout: 0, requestTimeout: 0, headersTimeout: 0 }); // prettier-ignore
  made.timeout = 0;
  made.on('request', respond);
  made.on('clientError', (_error, socket) => socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'));
  return made;
}
function respond(request: IncomingMessage, response: ServerResponse): void {
  const speaker = speakers.get(request.socket)!;
  const text = pageOf(speaker, request.method ?? 'GET', request.url ?? '/', request.headers.host ?? '');
  const send = (): void => {
    response.sendDate = false;
    response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8', 'Content-Length': Buffer.byteLength(text) });
    response.end(request.method === 'HEAD' ? undefined : text);
  };
  // A body is read to its end, as whoever sends it may wait for that.
  request.on('end', send);
  request.resume();
}
/** `/hostname` is the pod's name alone, and `/echo?msg=text` the text, as test images have it. */
export function pageOf(s: Speaker, method: string, target: string, host: string): string {
  if (target === '/hostname') return s.pod;
  if (target.startsWith('/echo?')) return new URLSearchParams(target.slice('/echo?'.length)).get('msg') ?? '';
  const lines = { pod: s.pod, namespace: s.namespace, node: s.node, ip: s.ip, container: s.container, port: s.port, method, path: target, host }; // prettier-ignore
  return `${Object.entries(lines).map(([name, value]) => `${name}: ${value}`).join('\n')}\n`; // prettier-ignore
}
