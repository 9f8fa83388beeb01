import type { Duplex } from 'node:stream';
import { ResponseParser, type ResponseHead } from './response-parser.ts';

/** Who asked, and hears of the answer. */
export interface Asker {
  head(head: ResponseHead): void;
  /** false: no more until resume(). */
  data(chunk: Buffer): boolean;
  end(): void;
  /** All that came at once has been handed over. */
  pause(): void;
  /** There will be no answer, or no more of it. */
  failed(error: Error): void;
  /** What was written was taken: there is room for more. */
  drained(): void;
  upgraded(head: ResponseHead, stream: Duplex, rest: Buffer): void;
}
export interface ConnectionOwner {
  /** Another request may follow on it. */
  free(connection: BackendConnection): void;
  gone(connection: BackendConnection): void;
}

/** One HTTP/1.1 connection to an address of a backend: one request after the other. */
export class BackendConnection {
  /** `address:port`. */
  readonly address: string;
  /** Requests that were answered on it. */
  answered = 0;
  /** Of the pool's clock, when it was last given back. */
  freeSince = 0;
  readonly #stream: Duplex;
  readonly #owner: ConnectionOwner;
  readonly #parser: ResponseParser;
  #asker: Asker | undefined;
  #isRequestSent = false;
  #isAnswered = false;
  #isReusable = false;
  #isGone = false;

  constructor(stream: Duplex, address: string, owner: ConnectionOwner) {
    this.#stream = stream;
    this.address = address;
    this.#owner = owner;
    this.#parser = new ResponseParser({
      head: (head) => this.#asker?.head(head),
      data: (chunk) => {
        if (this.#asker?.data(chunk) === false) stream.pause();
      },
      end: (reusable) => {
        this.#isAnswered = true;
        this.#isReusable = reusable;
        this.answered++;
        this.#settle();
      },
      upgraded: (head, rest) => {
        const asker = this.#asker;
        this.#asker = undefined;
        this.#isGone = true;
        stream.removeAllListeners('data').removeAllListeners('end').removeAllListeners('drain');
        stream.removeAllListeners('error').removeAllListeners('close');
        this.#owner.gone(this);
        if (asker === undefined) stream.destroy();
        else asker.upgraded(head, stream, rest);
      },
    });
    stream.on('data', (chunk: Buffer) => {
      try {
        this.#parser.feed(chunk);
        this.#asker?.pause();
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    stream.on('end', () => {
      try {
        this.#parser.finish();
        this.destroy();
      } catch (error) {
        this.destroy(error as Error);
      }
    });
    stream.on('drain', () => this.#asker?.drained());
    stream.on('error', (error: Error) => this.destroy(error));
    stream.on('close', () => this.destroy(new Error('the connection was closed')));
  }
  /** Sends a request's head; `body`: write() and finish() follow. */
  ask(head: string, method: string, body: boolean, asker: Asker, mayUpgrade = false): void {
    this.#asker = asker;
    this.#isRequestSent = !body;
    this.#isAnswered = false;
    this.#parser.expect(method, mayUpgrade);
    this.#stream.write(head, 'latin1');
  }
  /** false: wait for drained(). */
  write(chunk: Buffer): boolean {
    return this.#stream.write(chunk);
  }
  /** The same, of a body whose length nobody knows yet. */
  writeChunk(chunk: Buffer): boolean {
    if (chunk.length === 0) return true;
    this.#stream.cork();
    this.#stream.write(`${chunk.length.toString(16)}\r\n`, 'latin1');
    this.#stream.write(chunk);
    const isRoom = this.#stream.write('\r\n', 'latin1');
    this.#stream.uncork();
    return isRoom;
  }
  lastChunk(): void {
    this.#stream.write('0\r\n\r\n', 'latin1');
  }
  /** The request is complete. */
  finish(): void {
    this.#isRequestSent = true;
    this.#settle();
  }
  resume(): void {
    this.#stream.resume();
  }
  #settle(): void {
    if (!this.#isAnswered) return;
    const asker = this.#asker;
    this.#asker = undefined;
    if (asker !== undefined) {
      // Who is answered before he has said all is not listened to any more.
      const isClean = this.#isRequestSent && this.#isReusable && !this.#isGone;
      if (isClean) {
        this.#stream.resume();
        this.#owner.free(this);
      } else this.destroy();
      asker.end();
    }
  }
  destroy(error?: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    const asker = this.#asker;
    this.#asker = undefined;
    this.#owner.gone(this);
    this.#stream.destroy();
    if (asker !== undefined) asker.failed(error ?? new Error('the connection was closed'));
  }
}
