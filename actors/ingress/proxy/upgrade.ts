import { STATUS_CODES, type IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { match } from '../routing/match.ts';
import { targetOf } from '../routing/target.ts';
import { NOBODY } from '../routing/upstreams.ts';
import { Attempts } from './attempts.ts';
import type { Asker, BackendConnection } from './connection.ts';
import { answerHeaders, requestHead, valuesOf, type Sender } from './headers.ts';
import type { Proxy } from './proxy.ts';
import type { ResponseHead } from './response-parser.ts';

/** A WebSocket: once the backend agrees both connections are one. What it says instead is passed back. */
export function upgrade(
  proxy: Proxy,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  sender: Omit<Sender, 'authority'>,
): void {
  const { url = '/', method = 'GET', rawHeaders } = request;
  const authority = request.headers.host ?? '';
  const refuse = (status: number): void =>
    void socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  const target = valuesOf(rawHeaders, 'host').length > 1 || method !== 'GET' ? undefined : targetOf(url, authority);
  if (target === undefined) return refuse(400);
  const { routing, upstreams } = proxy.table;
  const key = match(routing, target.host, target.path);
  if (key === undefined) return refuse(404);
  const upstream = upstreams.get(key) ?? NOBODY;
  if (upstream.kind === 'none') return refuse(503);
  const attempts = new Attempts(proxy, key, upstream);
  let connection: BackendConnection | undefined;
  const since = proxy.ticks;
  const waiting = {
    look: (oldest: number) => {
      if (since >= oldest) return;
      leave();
      refuse(504);
    },
  };
  const leave = (): void => {
    proxy.ended(waiting);
    attempts.cancel();
    connection?.destroy();
  };
  proxy.began(waiting);
  socket.on('error', leave);
  socket.on('close', leave);
  const asker: Asker = {
    head: (answer) => void socket.write(headText(answer, answerHeaders(answer.headers), true), 'latin1'),
    data: (chunk) => {
      if (socket.write(chunk)) return true;
      socket.once('drain', () => connection?.resume());
      return false;
    },
    end: () => {
      proxy.ended(waiting);
      socket.end();
    },
    failed: () => {
      proxy.ended(waiting);
      if (connection === undefined) return;
      connection = undefined;
      refuse(502);
    },
    pause: () => undefined,
    drained: () => undefined,
    upgraded: (answer, stream, rest) => {
      connection = undefined;
      proxy.ended(waiting);
      socket.off('close', leave);
      socket.off('error', leave);
      const kept = answerHeaders(answer.headers);
      socket.write(headText(answer, [...kept, 'Connection', 'Upgrade', 'Upgrade', 'websocket'], false), 'latin1');
      if (rest.length > 0) socket.write(rest);
      // Not before: a backend that does not agree would read it as another request.
      if (head.length > 0) stream.write(head);
      join(socket, stream);
    },
  };
  attempts.next(
    false,
    (reached) => {
      connection = reached.connection;
      const text = requestHead(
        method,
        target.passed,
        rawHeaders,
        { ...sender, authority: target.authority },
        'none',
        'websocket',
      );
      connection.ask(text, method, false, asker, true);
    },
    (status) => {
      proxy.ended(waiting);
      refuse(status);
    },
  );
}
/** An answer that is no upgrade is the last on its connection, and ends with it. */
function headText({ status }: ResponseHead, headers: readonly string[], isLast: boolean): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  for (let i = 0; i + 1 < headers.length; i += 2) text += `${headers[i]}: ${headers[i + 1]}\r\n`;
  return `${text}${isLast ? 'Connection: close\r\n' : ''}\r\n`;
}
/** Ends both when one has ended. */
function join(a: Duplex, b: Duplex): void {
  const end = (): void => {
    a.destroy();
    b.destroy();
  };
  for (const one of [a, b]) one.on('error', end).on('close', end);
  a.pipe(b).pipe(a);
}
