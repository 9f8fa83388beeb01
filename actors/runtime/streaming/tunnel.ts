import { Duplex } from 'node:stream';
import { written } from '../written.ts';
import { frameHead, frameOf, OPCODE, WebSocketError, WebSocketReader } from './web-socket-frames.ts';

const NORMAL = Buffer.of(0x03, 0xe8);

/** The bytes of a WebSocket's messages, one after another, as a connection. Source: client-go tools/portforward tunneling_connection.go. */
export class Tunnel extends Duplex {
  readonly #socket: Duplex;
  #wake: (() => void) | undefined;

  constructor(socket: Duplex) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    socket.on('error', () => this.destroy());
    socket.on('close', () => this.destroy());
    void this.#receive();
  }
  async #receive(): Promise<void> {
    const reader = new WebSocketReader();
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
        for (const part of reader.push(chunk)) {
          if (part.kind === 'close') return;
          if (part.kind === 'ping') void written(this.#socket, frameOf(OPCODE.pong, part.bytes));
          else if (part.kind === 'message' && part.bytes.length > 0 && !this.push(part.bytes))
            await new Promise<void>((resolve) => (this.#wake = resolve));
        }
    } catch (error) {
      if (!(error instanceof WebSocketError)) return void this.destroy();
      void written(this.#socket, frameOf(OPCODE.close, Buffer.of(error.code >> 8, error.code & 0xff)));
    } finally {
      this.push(null);
    }
  }
  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
  override _write(chunk: Buffer, _encoding: unknown, done: (error?: Error | null) => void): void {
    const sent = written(this.#socket, frameHead(OPCODE.binary, chunk.length), chunk);
    if (sent === undefined) done();
    else void sent.then(() => done());
  }
  override _final(done: (error?: Error | null) => void): void {
    if (!this.#socket.writableEnded && !this.#socket.destroyed) this.#socket.end(frameOf(OPCODE.close, NORMAL));
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    this.#socket.destroy();
    done(error);
  }
}
