import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { UpgradeRequest } from './connecting.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';

const header = ({ headers }: UpgradeRequest, name: string): string => String(headers[name] ?? '');
/** Source: streaming pkg/httpstream/wsstream IsWebSocketRequest. */
export const isWebSocket = (request: UpgradeRequest): boolean =>
  request.hijack !== undefined &&
  header(request, 'upgrade').toLowerCase() === 'websocket' &&
  /(?:^|[\s,])upgrade(?:$|[\s,])/i.test(header(request, 'connection'));

/**
 * `spoken`: the protocol of all those that the client offers; undefined: whatever single one it wants, and it says where it
 * comes from. Undefined where the handshake was refused. Source: golang.org/x/net/websocket hybi.go, server.go.
 */
export function shakeHands(request: UpgradeRequest, spoken: string | undefined): Duplex | undefined {
  const socket = request.hijack!();
  const key = header(request, 'sec-websocket-key');
  const protocols = spoken ?? header(request, 'sec-websocket-protocol').trim();
  const refuse = (status: string, more = '', body = ''): undefined => {
    socket.end(`HTTP/1.1 ${status}\r\n${more}\r\n${body}`);
  };
  if (key === '') return refuse('400 Bad Request', '', 'mismatch challenge/response');
  if (header(request, 'sec-websocket-version') !== VERSION)
    return refuse('400 Bad Request', `Sec-WebSocket-Version: ${VERSION}\r\n`, 'missing or bad WebSocket Version');
  if (spoken === undefined && header(request, 'origin') === '') return refuse('403 Forbidden');
  if (protocols.includes(',')) return refuse('400 Bad Request');
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  const protocol = protocols === '' ? '' : `Sec-WebSocket-Protocol: ${protocols}\r\n`;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`,
  );
  return socket;
}
