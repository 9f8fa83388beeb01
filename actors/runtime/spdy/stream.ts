import { Duplex } from 'node:stream';
import type { SpdyHeaders } from './headers.ts';

/** Of a stream that nobody reads; beyond them the whole connection waits. */
const MOST_UNREAD_BYTES = 256 * 1024;

/** What a stream needs of its connection. */
export interface StreamHost {
  /** Resolves when more may be sent. */
  sendData(id: number, bytes: Uint8Array, isLast: boolean): Promise<void> | undefined;
  sendReset(id: number): void;
  forget(id: number): void;
}
/** One stream of a connection: bytes both ways, each of which ends by itself. Destroying it resets it. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly #host: StreamHost;
  #isPeerDone = false;
  /** The peer wants no more of it. */
  #isReset = false;
  #drained: PromiseWithResolvers<void> | undefined;

  constructor(id: number, headers: SpdyHeaders, host: StreamHost) {
    super({ allowHalfOpen: true });
    this.id = id;
    this.headers = headers;
    this.#host = host;
    // Whoever reads or writes it learns of it there.
    this.on('error', () => {});
  }
  /** Data of the peer; a promise if too much of it has not been read. */
  receive(bytes: Buffer, isLast: boolean): Promise<void> | undefined {
    if (this.#isPeerDone || this.destroyed) return undefined;
    if (bytes.length > 0) this.push(bytes);
    if (isLast) this.peerDone();
    if (this.readableLength < MOST_UNREAD_BYTES) return undefined;
    return (this.#drained ??= Promise.withResolvers()).promise;
  }
  peerDone(): void {
    if (this.#isPeerDone) return;
    this.#isPeerDone = true;
    if (!this.destroyed) this.push(null);
  }
  /** What came before it can still be read. */
  peerReset(): void {
    this.#isReset = true;
    this.peerDone();
    if (!this.writableEnded && !this.destroyed) this.end();
  }
  override _read(): void {
    this.release();
  }
  /** The connection need not wait for its reader any more. */
  release(): void {
    this.#drained?.resolve();
    this.#drained = undefined;
  }
  override _write(chunk: Buffer, _encoding: unknown, done: (error?: Error | null) => void): void {
    const sent = this.#isReset ? undefined : this.#host.sendData(this.id, chunk, false);
    if (sent === undefined) done();
    else void sent.then(() => done());
  }
  override _final(done: (error?: Error | null) => void): void {
    if (!this.#isReset) void this.#host.sendData(this.id, new Uint8Array(0), true);
    done();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const isOver = this.#isReset || (this.#isPeerDone && this.writableFinished);
    if (!isOver) this.#host.sendReset(this.id);
    this.release();
    this.#host.forget(this.id);
    done(error);
  }
}
