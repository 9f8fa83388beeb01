import type { Duplex } from 'node:stream';
import { STREAM, type StreamInput, type StreamStatus } from '../../../bus/protocol/node.ts';
import type { RemoteStreams, Wanted } from './remote-streams.ts';
import { statusJson, statusText } from './status-json.ts';
import { TerminalSizes } from './terminal-size.ts';
import { frameHead, frameOf, OPCODE, WebSocketError, WebSocketReader, type MessagePart } from './web-socket-frames.ts';
import { written } from '../written.ts';

/** How the messages of a WebSocket are those of channels. Source: streaming pkg/httpstream/wsstream, cri-streaming remotecommand websocket.go. */
export interface ChannelProtocol {
  readonly isBase64: boolean;
  /** The client can close a channel. */
  readonly canClose: boolean;
  /** How it went is told as a Status, not in words. */
  readonly tellsStatus: boolean;
}
const plain = { isBase64: false, canClose: false, tellsStatus: false };
/** Those of exec and attach, by the name of the WebSocket's protocol; '' is a client that names none. */
export const CHANNEL_PROTOCOLS: Readonly<Record<string, ChannelProtocol>> = {
  'v5.channel.k8s.io': { ...plain, canClose: true, tellsStatus: true },
  'v4.channel.k8s.io': { ...plain, tellsStatus: true },
  'v4.base64.channel.k8s.io': { isBase64: true, canClose: false, tellsStatus: true },
  'channel.k8s.io': plain,
  'base64.channel.k8s.io': { ...plain, isBase64: true },
  '': plain,
};
const CLOSE_SIGNAL = 255;
const NORMAL = 1000;
const CHANNELS = 5;

/** Messages that begin with the number of their channel. */
export class ChannelConnection {
  readonly #socket: Duplex;
  readonly #protocol: ChannelProtocol;

  constructor(socket: Duplex, protocol: ChannelProtocol) {
    this.#socket = socket;
    this.#protocol = protocol;
    socket.on('error', () => socket.destroy());
  }
  send(channel: number, payload: Uint8Array | string): Promise<void> | undefined {
    const bytes = Buffer.from(payload as Uint8Array);
    if (this.#protocol.isBase64)
      return written(this.#socket, frameOf(OPCODE.text, Buffer.from(`${channel}${bytes.toString('base64')}`)));
    const head = frameHead(OPCODE.binary, bytes.length + 1);
    return written(this.#socket, Buffer.concat([head, Buffer.of(channel)]), bytes);
  }
  end(code = NORMAL): void {
    const { destroyed, writableEnded } = this.#socket;
    if (destroyed || writableEnded) return;
    this.#socket.end(frameOf(OPCODE.close, Buffer.of(code >> 8, code & 0xff)));
  }
  abort(): void {
    this.#socket.destroy();
  }
  /** What the client sends, until it is gone; `bytes` null: it has closed the channel. */
  async *received(): AsyncGenerator<readonly [channel: number, bytes: Buffer | null], void> {
    const reader = new WebSocketReader();
    const messages = new Messages(this.#protocol);
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
        for (const part of reader.push(chunk)) {
          if (part.kind === 'close') return this.end();
          if (part.kind === 'ping') void written(this.#socket, frameOf(OPCODE.pong, part.bytes));
          else if (part.kind === 'message') {
            const found = messages.take(part);
            if (found !== undefined) yield found;
          }
        }
    } catch (error) {
      this.end(error instanceof WebSocketError ? error.code : undefined);
    }
  }
}
/** Which channel the parts of a message belong to. */
class Messages {
  readonly #protocol: ChannelProtocol;
  #channel: number | undefined;
  #signal: Buffer = Buffer.alloc(0);
  #carried = '';
  constructor(protocol: ChannelProtocol) {
    this.#protocol = protocol;
  }
  /** Throws WebSocketError. */
  take({ isFirst, isLast, bytes: all }: MessagePart): readonly [number, Buffer | null] | undefined {
    let bytes = all;
    if (isFirst) {
      this.#channel = undefined;
      this.#carried = '';
      this.#signal = Buffer.alloc(0);
    }
    if (this.#channel === undefined) {
      if (bytes.length === 0) return undefined;
      this.#channel = bytes[0]! - (this.#protocol.isBase64 ? 0x30 : 0);
      bytes = bytes.subarray(1);
    }
    if (this.#protocol.canClose && this.#channel === CLOSE_SIGNAL) return this.#closed(bytes, isLast);
    if (this.#protocol.isBase64) bytes = this.#decoded(bytes, isLast);
    return bytes.length === 0 ? undefined : [this.#channel, bytes];
  }
  #closed(bytes: Buffer, isLast: boolean): readonly [number, null] | undefined {
    this.#signal = Buffer.concat([this.#signal, bytes.subarray(0, 2)]);
    if (this.#signal.length > 1 || (isLast && this.#signal.length !== 1) || (isLast && this.#signal[0]! >= CHANNELS))
      throw new WebSocketError(NORMAL, 'a channel is closed that is none');
    return isLast ? [this.#signal[0]!, null] : undefined;
  }
  #decoded(bytes: Buffer, isLast: boolean): Buffer {
    const text = this.#carried + bytes.toString('latin1');
    const whole = isLast ? text.length : text.length - (text.length % 4);
    this.#carried = text.slice(whole);
    const ready = text.slice(0, whole);
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(ready) || (isLast && text.length % 4 !== 0)) return Buffer.alloc(0);
    return Buffer.from(ready, 'base64');
  }
}

/** A process of exec or attach over channels. */
export class ChannelStreams implements RemoteStreams {
  readonly gone: Promise<unknown>;
  readonly #connection: ChannelConnection;
  readonly #tellsStatus: boolean;
  readonly #wanted: Wanted;

  constructor(socket: Duplex, protocol: ChannelProtocol, wanted: Wanted) {
    this.gone = new Promise((resolve) => socket.once('close', resolve));
    this.#connection = new ChannelConnection(socket, protocol);
    this.#tellsStatus = protocol.tellsStatus;
    this.#wanted = wanted;
    // So that the client knows that it is connected.
    const lowest = wanted.stdout ? STREAM.stdout : wanted.stderr ? STREAM.stderr : STREAM.status;
    void this.#connection.send(lowest, '');
  }
  get input(): AsyncIterable<StreamInput> {
    return this.#read();
  }
  async *#read(): AsyncGenerator<StreamInput, void> {
    const sizes = new TerminalSizes();
    let isOpen = this.#wanted.stdin;
    for await (const [channel, bytes] of this.#connection.received()) {
      if (channel === STREAM.stdin && isOpen) {
        yield [STREAM.stdin, bytes];
        if (bytes === null) isOpen = false;
      } else if (channel === STREAM.resize && bytes !== null && this.#wanted.tty)
        for (const size of sizes.push(bytes)) yield [STREAM.resize, size];
    }
  }
  async write(stream: 'stdout' | 'stderr', bytes: Uint8Array): Promise<void> {
    if (this.#wanted[stream]) await this.#connection.send(STREAM[stream], bytes);
  }
  async finish(status: StreamStatus): Promise<void> {
    const text = this.#tellsStatus ? statusJson(status) : statusText(status);
    if (text !== undefined) await this.#connection.send(STREAM.status, text);
    this.#connection.end();
  }
  abort(): void {
    this.#connection.abort();
  }
}
