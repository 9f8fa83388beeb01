import { createHash } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { frameOf as frame, OPCODE } from './connect/web-socket-frames.ts';
import type { Exchange, Streaming } from './exchange.ts';

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const VERSION = '13';
const { text: TEXT, binary: BINARY, close: CLOSE } = OPCODE;
const NORMAL = Buffer.from([0x03, 0xe8]);

const header = ({ headers }: Exchange, name: string): string => String(headers[name] ?? '');
/** Source: streaming pkg/httpstream/wsstream IsWebSocketRequest. */
export const isWebSocket = (exchange: Exchange): boolean =>
  exchange.hijack !== undefined &&
  header(exchange, 'upgrade').toLowerCase() === 'websocket' &&
  /(?:^|[\s,])upgrade(?:$|[\s,])/i.test(header(exchange, 'connection'));

/**
 * Shakes hands and returns where to write: each event becomes a message, JSON as text, protobuf as bytes without the length
 * before it. undefined: the handshake was refused. Source: golang.org/x/net/websocket hybi.go, server.go.
 */
export function openWebSocket(exchange: Exchange, protobuf: boolean): Streaming | undefined {
  const socket = shakeHands(exchange, undefined);
  return socket && new MessageStream(socket, protobuf);
}
/**
 * `spoken`: the protocol of all those that the client offers; undefined: whatever single one it wants, and it says where it
 * comes from.
 */
export function shakeHands(exchange: Exchange, spoken: string | undefined): Duplex | undefined {
  const socket = exchange.hijack!();
  const key = header(exchange, 'sec-websocket-key');
  const protocols = spoken ?? header(exchange, 'sec-websocket-protocol').trim();
  const refuse = (status: string, more = '', body = ''): undefined => {
    socket.end(`HTTP/1.1 ${status}\r\n${more}\r\n${body}`);
  };
  if (key === '') return refuse('400 Bad Request', '', 'mismatch challenge/response');
  if (header(exchange, 'sec-websocket-version') !== VERSION)
    return refuse('400 Bad Request', `Sec-WebSocket-Version: ${VERSION}\r\n`, 'missing or bad WebSocket Version');
  if (spoken === undefined && header(exchange, 'origin') === '') return refuse('403 Forbidden');
  if (protocols.includes(',')) return refuse('400 Bad Request');
  const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64');
  const protocol = protocols === '' ? '' : `Sec-WebSocket-Protocol: ${protocols}\r\n`;
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${protocol}\r\n`,
  );
  return socket;
}
/** Of exec and attach: each message begins with the number of its channel. */
const CHANNELS = 'v5.channel.k8s.io';
export const offersChannels = (exchange: Exchange): boolean =>
  isWebSocket(exchange) &&
  header(exchange, 'sec-websocket-protocol')
    .split(',')
    .some((p) => p.trim() === CHANNELS);
interface Channels {
  send(channel: number, payload: string): void;
  end(): void;
}
/** undefined: the handshake was refused. Source: apiserver pkg/util/proxy websocket.go. */
export function openChannels(exchange: Exchange): Channels | undefined {
  const socket = shakeHands(exchange, CHANNELS);
  if (socket === undefined) return undefined;
  socket.on('error', () => {});
  return {
    send: (channel, payload) =>
      void socket.write(frame(BINARY, Buffer.concat([Buffer.from([channel]), Buffer.from(payload)]))),
    end: () => void socket.end(frame(CLOSE, NORMAL)),
  };
}
class MessageStream implements Streaming {
  readonly #socket: Duplex;
  readonly #protobuf: boolean;
  constructor(socket: Duplex, protobuf: boolean) {
    this.#socket = socket;
    this.#protobuf = protobuf;
    // All that a reader of a watch has to say is that it leaves.
    socket.on('data', (chunk: Buffer) => ((chunk[0] ?? 0) & 0x0f) === CLOSE && this.end());
    socket.on('end', () => this.end());
  }
  write(chunk: Buffer, limit: number): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return false;
    const events = this.#protobuf ? delimited(chunk) : lines(chunk);
    for (const event of events) this.#socket.write(frame(this.#protobuf ? BINARY : TEXT, event));
    return this.#socket.writableLength <= limit;
  }
  waiting(): number {
    return this.#socket.writableLength;
  }
  end(): void {
    if (!this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.end(frame(CLOSE, NORMAL));
  }
  abort(): void {
    this.#socket.destroy();
  }
  onClose(listener: () => void): void {
    this.#socket.on('close', listener);
  }
}
const NEWLINE = 0x0a;
function* lines(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at < chunk.length;) {
    const end = chunk.indexOf(NEWLINE, at);
    yield chunk.subarray(at, end < 0 ? chunk.length : end + 1);
    at = end < 0 ? chunk.length : end + 1;
  }
}
const LENGTH_BYTES = 4;
function* delimited(chunk: Buffer): Generator<Buffer> {
  for (let at = 0; at + LENGTH_BYTES <= chunk.length;) {
    const end = at + LENGTH_BYTES + chunk.readUInt32BE(at);
    yield chunk.subarray(at + LENGTH_BYTES, end);
    at = end;
  }
}
