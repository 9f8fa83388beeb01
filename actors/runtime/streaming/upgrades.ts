/** How a client's wish to speak another protocol is granted or refused. */
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from './connecting.ts';
import { isWebSocket } from './handshake.ts';

export const SPDY = 'SPDY/3.1';
export const one = ({ headers }: UpgradeRequest, name: string): string => String(headers[name] ?? '');
const listed = (text: string): string[] => text.split(',').map((part) => part.trim()).filter((part) => part !== ''); // prettier-ignore
/** What a WebSocket client offers to speak; nothing is an offer too. */
export function offeredByWebSocket(exchange: UpgradeRequest): readonly string[] | undefined {
  if (!isWebSocket(exchange)) return undefined;
  const offered = listed(one(exchange, 'sec-websocket-protocol'));
  return offered.length > 0 ? offered : [''];
}
/**
 * Begins SPDY in the first of the client's protocols that is spoken here; undefined: it was refused, and told why.
 * Source: streaming pkg/httpstream Handshake, spdy/upgrade.go.
 */
export function upgradeToSpdy<P extends string>(exchange: UpgradeRequest, spoken: readonly P[]): { readonly socket: Duplex; readonly protocol: P } | undefined {
  const name = 'X-Stream-Protocol-Version';
  const given = exchange.headers[name.toLowerCase()];
  const no = (code: number, why: string, more: readonly string[] = []): undefined => refuse(exchange, code, `unable to upgrade: ${why}\n`, more);
  if (given === undefined) return no(400, `header ${name} does not exist in request with ${Object.keys(exchange.headers).length} headers`);
  const offered = listed(String(given));
  if (offered.length === 0) return no(400, `header ${name} contains [${String(given)}], but no valid protocols`);
  const protocol = offered.find((p): p is P => (spoken as readonly string[]).includes(p));
  if (protocol === undefined)
    return no(403, `unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${spoken.join(' ')}]`, spoken.map((p) => `X-Accepted-Stream-Protocol-Versions: ${p}`));
  if (!one(exchange, 'upgrade').toLowerCase().includes(SPDY.toLowerCase()))
    return no(400, 'missing upgrade headers in request');
  const socket = exchange.hijack!();
  socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${SPDY}\r\n${name}: ${protocol}\r\n\r\n`);
  return { socket, protocol };
} // prettier-ignore
/** What is said in plain text before another protocol is spoken; the connection ends with it. */
export function refuse(exchange: UpgradeRequest, code: number, text: string, more: readonly string[] = []): undefined {
  const socket = exchange.hijack!();
  void exchange.audit?.starts(code);
  const head = [
    `HTTP/1.1 ${code} ${STATUS_CODES[code] ?? `status code ${code}`}`,
    ...more,
    `Content-Length: ${Buffer.byteLength(text)}`,
    'Content-Type: text/plain; charset=utf-8',
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${text}`);
}
