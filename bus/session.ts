import { ApiError } from '../schemas/meta/status.ts';
import type { Status } from '../schemas/meta/status.ts';
import type { Session } from './bus.ts';
import { decodeAll, encode } from './codec.ts';

/** What one end of a session needs of the connection that it lives on (`bus/sessions.ts`). */
export interface SessionHost {
  /** Messages are kept below this size; a single frame may not exceed `maxFrameBytes`. */
  readonly batchBytes: number;
  readonly maxFrameBytes: number;
  transmit(end: SessionEnd, message: Uint8Array): void;
  /** Has `end.flush()` called once the code that runs now has finished: frames sent in one go share a message. */
  flushSoon(end: SessionEnd): void;
  /** The end has consumed frames that its peer has not been told of yet; see `tellWhenQuiet`. */
  owesCredit(end: SessionEnd): void;
  ended(end: SessionEnd): void;
}

/**
 * One message of a session is a sequence of MessagePack values: a header, then frames. The header is
 * `[number of the first frame, frames consumed from the other side]`, and when closing a third element: CLOSING if more
 * follows, else the Status or null.
 */
const CLOSING = 1;

export const unavailable = (message: string): ApiError => new ApiError('ServiceUnavailable', message);

/**
 * One end of a session, the same at both sides and over every transport: numbers what it sends, waits for credit, holds
 * what its reader has not taken, notices what was lost.
 */
export class SessionEnd implements Session {
  readonly id: string;
  readonly closed: Promise<Status | undefined>;
  /** Address of the connection at the other end; undefined until the server has accepted. */
  peer: string | undefined;
  /** Beats of ours without a sign of life of the peer, after which it is given up. */
  readonly patience: number;
  /** Rosters of the peer in a row that did not name this session (see `bus/roster.ts`). */
  unlisted = 0;
  /** Called when this end is first sent on or read from. */
  onFirstUse: (() => void) | undefined;
  readonly #host: SessionHost;
  readonly #controller = new AbortController();
  #resolveClosed!: (status: Status | undefined) => void;
  #isClosed = false;
  #status: Status | undefined;

  // Outgoing: #sent frames were numbered, the peer has consumed #acknowledged of them and allows #credit in between.
  #sent = 0;
  #acknowledged = 0;
  #credit = 0;
  #batch: Uint8Array[] = [];
  readonly #waiting: {
    readonly bytes: Uint8Array;
    readonly resolve: () => void;
    readonly reject: (e: Error) => void;
  }[] = [];
  #flushing = false;

  // Incoming: #received frames arrived in order, the reader is done with #consumed, the peer knows of #told.
  readonly #window: number;
  #received = 0;
  #consumed = 0;
  #told = 0;
  #consumedAtLastLook = 0;
  readonly #inbox: unknown[] = [];
  #readerHolds = false;
  #wakeReader: (() => void) | undefined;

  constructor(id: string, host: SessionHost, window: number, patience: number) {
    this.id = id;
    this.patience = patience;
    this.#host = host;
    this.#window = window;
    this.closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }
  get isClosed(): boolean {
    return this.#isClosed;
  }
  get unacknowledged(): number {
    return this.#sent + this.#waiting.length - this.#acknowledged;
  }

  /** The peer is known and grants `credit` frames. */
  attach(peer: string, credit: number): void {
    this.peer = peer;
    this.#credit = credit;
    this.#admit();
    if (this.#consumed > this.#told) this.#flushSoon();
  }

  #use(): void {
    this.onFirstUse?.();
    this.onFirstUse = undefined;
  }
  send(frame: unknown): Promise<void> {
    if (this.onFirstUse) this.#use();
    if (this.#isClosed) return rejected(this.#closedError());
    let bytes: Uint8Array;
    try {
      bytes = frame === undefined ? encode(null) : encode(frame);
    } catch (error) {
      return rejected(error as Error);
    }
    if (bytes.length > this.#host.maxFrameBytes)
      return rejected(
        new ApiError('RequestEntityTooLarge', `a frame of ${bytes.length} bytes is too large for the bus`),
      );
    if (this.#waiting.length === 0 && this.#sent - this.#acknowledged < this.#credit) {
      this.#post(bytes);
      return DONE;
    }
    const promise = new Promise<void>((resolve, reject) => {
      this.#waiting.push({ bytes, resolve, reject });
    });
    // Who fans out does not await each send and reads `closed` instead.
    promise.catch(() => undefined);
    return promise;
  }

  #post(bytes: Uint8Array): void {
    this.#sent++;
    this.#batch.push(bytes);
    this.#flushSoon();
  }
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#host.flushSoon(this);
  }
  #admit(): void {
    let admitted = 0;
    while (admitted < this.#waiting.length && this.#sent - this.#acknowledged < this.#credit) {
      const next = this.#waiting[admitted++]!;
      this.#post(next.bytes);
      next.resolve();
    }
    if (admitted > 0) this.#waiting.splice(0, admitted);
  }

  /** Hands over what was sent and consumed since the last time. */
  flush(): void {
    this.#flushing = false;
    if (this.#isClosed) return;
    this.#transmit(undefined);
  }
  #transmit(last: Status | typeof CLOSING | null | undefined): void {
    const frames = this.#batch;
    this.#batch = [];
    let first = this.#sent - frames.length + 1;
    let from = 0;
    do {
      let size = 0;
      let to = from;
      while (to < frames.length && (to === from || size + frames[to]!.length <= this.#host.batchBytes))
        size += frames[to++]!.length;
      const more = to < frames.length;
      const end = last !== undefined && more ? CLOSING : last;
      this.#told = this.#consumed;
      const header = encode(end === undefined ? [first, this.#told] : [first, this.#told, end]);
      this.#host.transmit(this, to === from ? header : Buffer.concat([header, ...frames.slice(from, to)]));
      first += to - from;
      from = to;
    } while (from < frames.length);
  }

  /** A message of the peer's end. */
  receive(message: Uint8Array): void {
    if (this.#isClosed) return;
    let values: unknown[];
    try {
      values = decodeAll(message);
    } catch {
      this.close(malformed());
      return;
    }
    const header = values[0];
    if (!Array.isArray(header) || !isCount(header[0]) || !isCount(header[1])) {
      this.close(malformed());
      return;
    }
    const [first, acknowledged, end] = header as [number, number, unknown];
    if (first !== this.#received + 1) {
      this.close(lost());
      return;
    }
    if (acknowledged > this.#sent) {
      this.close(malformed());
      return;
    }
    for (let i = 1; i < values.length; i++) this.#inbox.push(values[i]);
    this.#received += values.length - 1;
    if (end === undefined && this.#received - this.#consumed > this.#window) {
      this.close(overrun());
      return;
    }
    if (acknowledged > this.#acknowledged) {
      this.#acknowledged = acknowledged;
      if (this.#waiting.length > 0) this.#admit();
    }
    if (end !== undefined && end !== CLOSING) this.#end((end as Status | null) ?? undefined);
    this.#wakeReader?.();
  }

  async *#read(): AsyncGenerator<unknown, void> {
    for (;;) {
      if (this.#readerHolds) this.#consumedOne();
      if (this.#inbox.length > 0) {
        this.#readerHolds = true;
        yield this.#inbox.shift();
        continue;
      }
      if (this.#isClosed) return;
      await new Promise<void>((resolve) => {
        this.#wakeReader = resolve;
      });
      this.#wakeReader = undefined;
    }
  }
  frames(): AsyncIterable<unknown> {
    if (this.onFirstUse) this.#use();
    return this.#read();
  }
  #consumedOne(): void {
    this.#readerHolds = false;
    this.#consumed++;
    if (this.#isClosed) return;
    if (this.#consumed - this.#told >= Math.max(1, this.#window >> 2)) this.#flushSoon();
    else this.#host.owesCredit(this);
  }
  /** Tells the peer what was consumed unless the reader is still at it; returns whether anything is left to tell. */
  tellWhenQuiet(): boolean {
    if (this.#isClosed || this.#told === this.#consumed) return false;
    if (this.#consumed !== this.#consumedAtLastLook) {
      this.#consumedAtLastLook = this.#consumed;
      return true;
    }
    this.#flushSoon();
    return false;
  }

  /** Frames sent, and consumed, so far: the ends compare them now and then (see `bus/roster.ts`). */
  get counts(): readonly [sent: number, consumed: number] {
    return [this.#sent - this.#batch.length, this.#consumed];
  }
  /** The peer's counts; what it has sent and we have not received is lost for good. */
  compare(peerSent: number, peerConsumed: number): void {
    if (this.#isClosed) return;
    if (peerSent > this.#received) {
      this.close(lost());
      return;
    }
    if (peerConsumed <= this.#acknowledged || peerConsumed > this.#sent) return;
    this.#acknowledged = peerConsumed;
    this.#admit();
  }

  close(status?: Status): void {
    if (this.#isClosed) return;
    // A normal end comes after all that was sent, credit or not: nothing of it is unbounded any more.
    if (status === undefined)
      for (const frame of this.#waiting.splice(0)) {
        this.#sent++;
        this.#batch.push(frame.bytes);
        frame.resolve();
      }
    this.#transmit(status ?? null);
    this.#inbox.length = 0;
    this.#end(status);
  }
  /** Closed by silence or loss of the connection: the peer cannot be told, what has arrived can still be read. */
  abandon(status: Status): void {
    if (!this.#isClosed) this.#end(status);
  }
  #end(status: Status | undefined): void {
    this.#isClosed = true;
    this.#status = status;
    this.#batch = [];
    this.#host.ended(this);
    const error = this.#closedError();
    for (const frame of this.#waiting.splice(0)) frame.reject(error);
    this.#wakeReader?.();
    this.#resolveClosed(status);
    this.#controller.abort(error);
  }
  #closedError(): ApiError {
    return this.#status ? ApiError.from(this.#status) : unavailable('the session is closed');
  }
}

const DONE = Promise.resolve();
const rejected = (error: Error): Promise<void> => {
  const promise = Promise.reject<void>(error);
  promise.catch(() => undefined);
  return promise;
};
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const lost = (): Status => unavailable('frames of the session were lost').status;
const malformed = (): Status => new ApiError('BadRequest', 'malformed message in a session').status;
const overrun = (): Status => new ApiError('BadRequest', 'more frames than the session has credit for').status;
