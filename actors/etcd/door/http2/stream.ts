import { FLAG, frameHead, frameOf, MAX_FRAME, numbersFrame, TYPE } from './frames.ts';

/** What the owner of a stream hears of its client. */
export interface StreamListener {
  onData(chunk: Buffer): void;
  /** The client has said all. */
  onEnd(): void;
  /** It is over, for whatever reason; once. */
  onClose(): void;
}
/** What a stream needs of its connection. */
export interface StreamHost {
  /** Something is to be sent, or the stream is over. */
  wake(stream: Http2Stream): void;
}
/** Beyond it, send() asks for patience. */
const HIGH_BYTES = 256 * 1024;

/** One stream of a client's: its outbox, and both windows. */
export class Http2Stream {
  readonly id: number;
  listener: StreamListener | undefined;
  /** Bytes that we may send. */
  sendWindow: number;
  /** Bytes that the client may send. */
  receiveWindow: number;
  /** Bytes read that were not given back to the client's window. */
  owed = 0;
  clientEnded = false;
  closed = false;
  readonly #host: StreamHost;
  /** Sent before what comes on other streams: somebody waits for an answer. */
  readonly urgent: boolean;
  /** Headers of the answer were given. */
  hasHead = false;
  #head: Buffer | undefined;
  #chunks: Buffer[] = [];
  #waiting = 0;
  #trailers: Buffer | undefined;
  #ended = false;
  #onRoom: (() => void)[] = [];

  constructor(host: StreamHost, id: number, urgent: boolean, sendWindow: number, receiveWindow: number) {
    this.#host = host;
    this.id = id;
    this.urgent = urgent;
    this.sendWindow = sendWindow;
    this.receiveWindow = receiveWindow;
  }
  /** Headers of the answer. */
  head(block: Buffer): void {
    if (this.closed || this.#ended) return;
    this.hasHead = true;
    this.#head = block;
    this.#host.wake(this);
  }
  /** False: wait for drained() before the next. */
  send(chunk: Buffer): boolean {
    if (this.closed || this.#ended) return true;
    this.#chunks.push(chunk);
    this.#waiting += chunk.length;
    this.#host.wake(this);
    return this.#waiting < HIGH_BYTES;
  }
  /** The last headers, after all that was sent. */
  end(block: Buffer): void {
    if (this.closed || this.#ended) return;
    this.#ended = true;
    this.#trailers = block;
    this.#host.wake(this);
  }
  /** Resolves when there is room again, or nobody is left to send to. */
  drained(): Promise<void> {
    return this.closed || this.#waiting < HIGH_BYTES
      ? Promise.resolve()
      : new Promise((resolve) => this.#onRoom.push(resolve));
  }
  /** It waits for nothing but the client. */
  get idle(): boolean {
    return this.#head === undefined && this.#chunks.length === 0 && this.#trailers === undefined;
  }
  /** end() was called. */
  get ended(): boolean {
    return this.#ended;
  }
  /** The end was sent. */
  get answered(): boolean {
    return this.#ended && this.idle;
  }
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.#chunks = [];
    this.#waiting = 0;
    this.#head = this.#trailers = undefined;
    this.#room();
    this.listener?.onClose();
  }

  /** Puts frames into `out`, at most `bytes` of data and one frame of it; returns the data's bytes. */
  takeInto(out: Buffer[], bytes: number): number {
    if (this.#head !== undefined) {
      out.push(frameOf(TYPE.headers, FLAG.endHeaders, this.id, this.#head));
      this.#head = undefined;
    }
    const taken = this.#takeData(out, Math.min(bytes, this.sendWindow, MAX_FRAME));
    if (this.#chunks.length === 0 && this.#trailers !== undefined) {
      out.push(frameOf(TYPE.headers, FLAG.endHeaders | FLAG.endStream, this.id, this.#trailers));
      this.#trailers = undefined;
      // It need not say the rest.
      if (!this.clientEnded) out.push(numbersFrame(TYPE.reset, this.id, 0));
    }
    return taken;
  }
  #takeData(out: Buffer[], most: number): number {
    const length = Math.min(most, this.#waiting);
    if (length <= 0) return 0;
    out.push(frameHead(TYPE.data, 0, this.id, length));
    let taken = 0;
    let i = 0;
    for (; taken < length; i++) {
      const chunk = this.#chunks[i]!;
      const part = chunk.length > length - taken ? chunk.subarray(0, length - taken) : chunk;
      out.push(part);
      taken += part.length;
      if (part.length < chunk.length) {
        this.#chunks[i] = chunk.subarray(part.length);
        break;
      }
    }
    this.#chunks.splice(0, i);
    this.sendWindow -= length;
    this.#waiting -= length;
    if (this.#waiting < HIGH_BYTES) this.#room();
    return length;
  }
  #room(): void {
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }
}
