import { Duplex } from 'node:stream';
import { ApiError } from '../schemas/meta/status.ts';
import type { Session } from './bus.ts';

/** A frame holds no more than this, so that one connection does not keep another's frames waiting for long. */
const FRAME_BYTES = 64 * 1024;

/**
 * A session as a connection of bytes: each frame is bytes, `null` says that no more come from that side. A reader who is
 * slow gives no credit, so the other side's writes wait. Destroying it closes the session; a session that ends with a
 * Status is an error `ECONNRESET` here. Has the methods of a socket that `node:http` asks for, which do nothing.
 */
export class SessionStream extends Duplex {
  readonly #session: Session;
  #wake: (() => void) | undefined;
  #isPeerDone = false;

  constructor(session: Session) {
    super({ allowHalfOpen: true, readableHighWaterMark: FRAME_BYTES, writableHighWaterMark: FRAME_BYTES });
    this.#session = session;
    void this.#receive();
  }
  async #receive(): Promise<void> {
    for await (const frame of this.#session.frames()) {
      if (this.destroyed) return;
      if (frame === null) this.#peerDone();
      else if (!(frame instanceof Uint8Array)) {
        this.destroy(reset('the other end does not speak in bytes'));
        return;
      } else if (!this.push(Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength)))
        await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    const status = await this.#session.closed;
    if (status !== undefined) this.destroy(reset(status.message ?? 'the session was closed'));
    else if (this.readableEnded) this.destroy();
    else {
      // What came is still to be read.
      this.once('end', () => this.destroy());
      this.#peerDone();
    }
  }
  #peerDone(): void {
    if (this.#isPeerDone) return;
    this.#isPeerDone = true;
    this.push(null);
  }
  override _read(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
  override _write(chunk: Buffer, _encoding: unknown, done: (error?: Error | null) => void): void {
    const parts: Promise<void>[] = [];
    for (let at = 0; at < chunk.length; at += FRAME_BYTES)
      parts.push(this.#session.send(chunk.subarray(at, at + FRAME_BYTES)));
    Promise.all(parts).then(
      () => done(),
      (error: Error) => done(reset(error.message)),
    );
  }
  override _final(done: (error?: Error | null) => void): void {
    this.#session.send(null).then(
      () => done(),
      () => done(),
    );
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this._read();
    this.#session.close(error === null ? undefined : new ApiError('ServiceUnavailable', error.message).status);
    done(error);
  }
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
const reset = (message: string): Error => Object.assign(new Error(message), { code: 'ECONNRESET' });
