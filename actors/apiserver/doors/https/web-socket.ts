import type { Duplex } from 'node:stream';
import { isWebSocket, shakeHands } from '../../../runtime/streaming/handshake.ts';
import { frameOf as frame, OPCODE } from '../../../runtime/streaming/web-socket-frames.ts';
import type { Exchange, Streaming } from './exchange.ts';

const { text: TEXT, binary: BINARY, close: CLOSE } = OPCODE;
const NORMAL = Buffer.from([0x03, 0xe8]);

const header = ({ headers }: Exchange, name: string): string => String(headers[name] ?? '');
/**
 * Shakes hands and returns where to write: each event becomes a message, JSON as text, protobuf as bytes without the length
 * before it. undefined: the handshake was refused. Source: golang.org/x/net/websocket hybi.go, server.go.
 */
export function openWebSocket(exchange: Exchange, protobuf: boolean): Streaming | undefined {
  const socket = shakeHands(exchange, undefined);
  return socket && new MessageStream(socket, protobuf);
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
