import {
  CODE, ConnectionError, contentOf, DEFAULT_WINDOW, FLAG, frameOf, HEAD_BYTES, MAX_FRAME, MAX_WINDOW, numbersFrame, PREFACE,
  SETTING, settingsFrame, TYPE,
} from './frames.ts'; // prettier-ignore
import { BadHeaders, HeaderReader, TooManyHeaders, type Field } from './header-fields.ts';
import { Outbox, type Wire } from './outbox.ts';
import { isRequest } from './request-fields.ts';
import { Http2Stream, type StreamHost, type StreamListener } from './stream.ts';

export interface ConnectionOptions {
  readonly wire: Wire;
  /** Calls back once what this turn of the event loop brings has been looked at. */
  readonly soon: (fn: () => void) => void;
  /** A request; its answer may already be begun, and its listener is to be set, when this returns. */
  readonly onStream: (stream: Http2Stream, fields: readonly Field[]) => StreamListener;
  /** Somebody waits for the answer of what these fields ask for, and it is short. */
  readonly isUrgent: (fields: readonly Field[]) => boolean;
}

/** Room for the values of a busy client, so that none waits for a window to be opened. */
const STREAM_WINDOW = 1 << 20;
const CONNECTION_WINDOW = 4 << 20;
const MAX_STREAMS = 10_000;
/** Of one request. Source: the default of nghttp2. */
const MAX_HEADER_BYTES = 65_536;
/** Of what is said of the protocol alone: settings, pings, resets. A client that has us say more reads nothing. */
const MAX_CONTROL_BYTES = 1 << 20;
/**
 * The server's side of one HTTP/2 connection, as far as gRPC needs it: no priorities, no pushes, no fields of the answer kept
 * in tables. What one turn of the event loop has to say leaves in one write, short answers first. It is our own because
 * node:http2 gives an answer's trailers a write of their own, two turns later. Source: RFC 9113.
 */
export class Http2Connection implements StreamHost {
  readonly #options: ConnectionOptions;
  readonly #headers = new HeaderReader(MAX_HEADER_BYTES);
  readonly #streams = new Map<number, Http2Stream>();
  readonly #outbox: Outbox;
  #rest: Buffer = Buffer.alloc(0);
  #begun = false;
  #settled = false;
  #lastId = 0;
  /** Headers of which the end has not come. */
  #block: { readonly id: number; readonly flags: number; readonly parts: Buffer[]; bytes: number } | undefined;
  /** What a new stream of the client's takes. */
  #clientWindow = DEFAULT_WINDOW;
  #receiveWindow = CONNECTION_WINDOW;
  #leaving = false;
  #closed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#outbox = new Outbox(options.wire, options.soon, (stream) => this.#drop(stream));
    this.#outbox.say(settingsFrame([[SETTING.maxStreams, MAX_STREAMS], [SETTING.window, STREAM_WINDOW], [SETTING.maxHeaders, MAX_HEADER_BYTES]])); // prettier-ignore
    this.#outbox.say(numbersFrame(TYPE.window, 0, CONNECTION_WINDOW - DEFAULT_WINDOW));
  }

  /** What the client sent, in pieces of any size. */
  receive(chunk: Buffer): void {
    if (this.#closed) return;
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    try {
      this.#rest = bytes.subarray(this.#readAll(bytes));
    } catch (error) {
      this.#fail(error);
    }
  }
  /** New requests go elsewhere; those that are here are answered. */
  leave(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    this.#outbox.say(numbersFrame(TYPE.goAway, 0, this.#lastId, CODE.none));
  }
  /** Ends the wire once everything is sent. */
  finish(): void {
    this.leave();
    this.#closed = true;
    this.#outbox.finish();
  }
  /** The wire is gone. */
  lost(): void {
    this.#closed = true;
    for (const stream of this.#streams.values()) this.#drop(stream);
  }
  /** The wire takes more. */
  resume(): void {
    this.#outbox.resume();
  }
  wake(stream: Http2Stream): void {
    this.#outbox.wake(stream);
  }
  /** The owner has done with `bytes` of what the stream brought: the client may send as many more. */
  consumed(stream: Http2Stream, bytes: number): void {
    stream.owed += bytes;
    if (stream.owed < STREAM_WINDOW / 2 || stream.clientEnded || stream.closed) return;
    this.#outbox.say(numbersFrame(TYPE.window, stream.id, stream.owed));
    stream.receiveWindow += stream.owed;
    stream.owed = 0;
  }
  /** Says that the stream is not served. */
  reset(stream: Http2Stream, code: number): void {
    if (stream.closed) return;
    this.#outbox.say(numbersFrame(TYPE.reset, stream.id, code));
    this.#drop(stream);
  }

  #readAll(bytes: Buffer): number {
    let at = 0;
    if (!this.#begun) {
      const length = Math.min(bytes.length, PREFACE.length);
      if (PREFACE.compare(bytes, 0, length, 0, length) !== 0) throw new ConnectionError(CODE.protocol, 'no preface');
      if (length < PREFACE.length) return 0;
      this.#begun = true;
      at = length;
    }
    while (bytes.length - at >= HEAD_BYTES && !this.#closed) {
      const length = bytes.readUIntBE(at, 3);
      if (length > MAX_FRAME) throw new ConnectionError(CODE.frameSize, `a frame of ${length} bytes`);
      const end = at + HEAD_BYTES + length;
      if (end > bytes.length) break;
      this.#read(bytes[at + 3]!, bytes[at + 4]!, bytes.readUInt32BE(at + 5) & MAX_WINDOW, bytes.subarray(at + HEAD_BYTES, end)); // prettier-ignore
      at = end;
      if (this.#outbox.unread > MAX_CONTROL_BYTES)
        throw new ConnectionError(CODE.calm, 'nothing is read of what is said');
    }
    return at;
  }
  #read(type: number, flags: number, id: number, payload: Buffer): void {
    if (!this.#settled && (type !== TYPE.settings || (flags & FLAG.ack) !== 0))
      throw new ConnectionError(CODE.protocol, 'the first frame is no settings');
    if (this.#block !== undefined && (type !== TYPE.continuation || id !== this.#block.id))
      throw new ConnectionError(CODE.protocol, 'headers are not continued');
    if (type === TYPE.data) this.#onData(flags, id, payload);
    else if (type === TYPE.headers) this.#onHeaders(flags, id, payload);
    else if (type === TYPE.continuation) this.#onContinuation(flags, payload);
    else if (type === TYPE.reset) this.#onReset(id, payload);
    else if (type === TYPE.settings) this.#onSettings(flags, id, payload);
    else if (type === TYPE.ping) this.#onPing(flags, id, payload);
    else if (type === TYPE.window) this.#onWindow(id, payload);
    else if (type === TYPE.push) throw new ConnectionError(CODE.protocol, 'a client pushes nothing');
    else if (type === TYPE.goAway) wholeConnection(id);
    else if (type === TYPE.priority) ofStream(id, payload, 5);
  }

  #onHeaders(flags: number, id: number, payload: Buffer): void {
    if (id % 2 === 0) throw new ConnectionError(CODE.protocol, `a stream of number ${id}`);
    const part = contentOf(flags, payload, true);
    this.#block = { id, flags, parts: [part], bytes: part.length };
    if ((flags & FLAG.endHeaders) !== 0) this.#onBlock();
  }
  #onContinuation(flags: number, payload: Buffer): void {
    const block = this.#block;
    if (block === undefined) throw new ConnectionError(CODE.protocol, 'nothing is continued');
    block.parts.push(payload);
    block.bytes += payload.length;
    // An empty piece is nothing but work.
    if (block.bytes > MAX_HEADER_BYTES || payload.length === 0) throw new TooManyHeaders('headers without end');
    if ((flags & FLAG.endHeaders) !== 0) this.#onBlock();
  }
  #onBlock(): void {
    const { id, flags, parts } = this.#block!;
    this.#block = undefined;
    const fields = this.#headers.read(parts.length === 1 ? parts[0]! : Buffer.concat(parts));
    const isEnd = (flags & FLAG.endStream) !== 0;
    const known = this.#streams.get(id);
    if (known !== undefined) {
      if (!isEnd || known.clientEnded) throw new ConnectionError(CODE.protocol, 'headers after the headers');
      return this.#onEnd(known);
    }
    if (id <= this.#lastId) return this.#isOver(id);
    if (this.#leaving) return;
    this.#lastId = id;
    const stream = new Http2Stream(this, id, this.#options.isUrgent(fields), this.#clientWindow, STREAM_WINDOW);
    if (!isRequest(fields)) return this.reset(stream, CODE.protocol);
    if (this.#streams.size >= MAX_STREAMS) return this.reset(stream, CODE.refused);
    this.#streams.set(id, stream);
    stream.listener = this.#options.onStream(stream, fields);
    if (isEnd) this.#onEnd(stream);
  }
  #onData(flags: number, id: number, payload: Buffer): void {
    const stream = this.#known(id);
    // Padding counts too. It is opened in time whatever is served: the streams' own windows bound what waits.
    this.#receiveWindow -= payload.length;
    if (this.#receiveWindow < CONNECTION_WINDOW / 2) {
      this.#outbox.say(numbersFrame(TYPE.window, 0, CONNECTION_WINDOW - this.#receiveWindow));
      this.#receiveWindow = CONNECTION_WINDOW;
    }
    const chunk = contentOf(flags, payload, false);
    if (stream === undefined) return this.#isOver(id);
    if (stream.clientEnded) return this.reset(stream, CODE.streamClosed);
    stream.receiveWindow -= payload.length;
    if (stream.receiveWindow < 0) return this.reset(stream, CODE.flowControl);
    if (payload.length > chunk.length) this.consumed(stream, payload.length - chunk.length);
    if (chunk.length > 0) stream.listener!.onData(chunk);
    if ((flags & FLAG.endStream) !== 0 && !stream.closed) this.#onEnd(stream);
  }
  #onEnd(stream: Http2Stream): void {
    stream.clientEnded = true;
    stream.listener!.onEnd();
  }
  #onReset(id: number, payload: Buffer): void {
    ofStream(id, payload, 4);
    const stream = this.#known(id);
    if (stream !== undefined) this.#drop(stream);
  }
  #onSettings(flags: number, id: number, payload: Buffer): void {
    wholeConnection(id);
    const isAck = (flags & FLAG.ack) !== 0;
    if (payload.length % 6 !== 0 || (isAck && payload.length > 0))
      throw new ConnectionError(CODE.frameSize, `settings of ${payload.length} bytes`);
    if (isAck) return;
    this.#settled = true;
    for (let i = 0; i < payload.length; i += 6) this.#set(payload.readUInt16BE(i), payload.readUInt32BE(i + 2));
    this.#outbox.say(frameOf(TYPE.settings, FLAG.ack, 0, Buffer.alloc(0)));
  }
  #set(setting: number, value: number): void {
    if (setting === SETTING.enablePush && value > 1) throw new ConnectionError(CODE.protocol, `push ${value}`);
    if (setting === SETTING.maxFrame && (value < MAX_FRAME || value > 0xff_ffff))
      throw new ConnectionError(CODE.protocol, `frames of ${value} bytes`);
    if (setting !== SETTING.window) return;
    if (value > MAX_WINDOW) throw new ConnectionError(CODE.flowControl, `a window of ${value} bytes`);
    const more = value - this.#clientWindow;
    this.#clientWindow = value;
    for (const stream of this.#streams.values()) this.#widen(stream, more);
  }
  #onPing(flags: number, id: number, payload: Buffer): void {
    wholeConnection(id);
    if (payload.length !== 8) throw new ConnectionError(CODE.frameSize, `a ping of ${payload.length} bytes`);
    if ((flags & FLAG.ack) === 0) this.#outbox.say(frameOf(TYPE.ping, FLAG.ack, 0, payload));
  }
  #onWindow(id: number, payload: Buffer): void {
    if (payload.length !== 4) throw new ConnectionError(CODE.frameSize, `a window of ${payload.length} bytes`);
    const more = payload.readUInt32BE(0) & MAX_WINDOW;
    if (id !== 0) {
      const stream = this.#known(id);
      if (stream === undefined) return;
      if (more === 0) return this.reset(stream, CODE.protocol);
      if (stream.sendWindow + more > MAX_WINDOW) return this.reset(stream, CODE.flowControl);
      this.#widen(stream, more);
    } else {
      if (more === 0) throw new ConnectionError(CODE.protocol, 'a window that is not opened');
      this.#outbox.window += more;
      if (this.#outbox.window > MAX_WINDOW) throw new ConnectionError(CODE.flowControl, 'a window without bounds');
      this.#outbox.resume();
    }
  }
  #widen(stream: Http2Stream, more: number): void {
    stream.sendWindow += more;
    if (stream.sendWindow > MAX_WINDOW) throw new ConnectionError(CODE.flowControl, 'a window without bounds');
    if (!stream.idle) this.#outbox.wake(stream);
  }
  /** What we ended, the client may not know yet: to say it again does no harm. */
  #isOver(id: number): void {
    if (!this.#leaving) this.#outbox.say(numbersFrame(TYPE.reset, id, CODE.streamClosed));
  }
  /** undefined: it is over. Thrown: it was never opened. */
  #known(id: number): Http2Stream | undefined {
    if (id === 0 || id % 2 === 0 || (id > this.#lastId && !this.#leaving))
      throw new ConnectionError(CODE.protocol, `stream ${id} was not opened`);
    return this.#streams.get(id);
  }

  #drop(stream: Http2Stream): void {
    this.#outbox.forget(stream);
    this.#streams.delete(stream.id);
    stream.close();
  }
  /** Says why, and that nothing more is read. */
  #fail(error: unknown): void {
    const code =
      error instanceof ConnectionError ? error.code
      : error instanceof BadHeaders ? CODE.compression
      : error instanceof TooManyHeaders ? CODE.calm
      : CODE.internal; // prettier-ignore
    this.lost();
    this.#outbox.say(numbersFrame(TYPE.goAway, 0, this.#lastId, code));
    this.#outbox.finish();
    if (code === CODE.internal) throw error;
  }
}

function wholeConnection(id: number): void {
  if (id !== 0) throw new ConnectionError(CODE.protocol, 'a frame of the connection on a stream');
}
function ofStream(id: number, payload: Buffer, length: number): void {
  if (id === 0) throw new ConnectionError(CODE.protocol, 'a frame of a stream on the connection');
  if (payload.length !== length) throw new ConnectionError(CODE.frameSize, `a frame of ${payload.length} bytes`);
}
