import type { Duplex } from 'node:stream';
import { written } from '../written.ts';
import { controlFrame, dataHead, FLAG_FIN, FLAG_UNIDIRECTIONAL, FrameReader, RESET, streamOf, TYPE, words, type ControlFrame } from './frames.ts'; // prettier-ignore
import { HeaderReader, HeaderWriter, SpdyError, type SpdyHeaders } from './headers.ts';
import { SpdyStream, type StreamHost } from './stream.ts';

/** Streams that may be open at once. */
const MOST_STREAMS = 1_000;
/** One stream does not keep another's data waiting for long. */
const FRAME_BYTES = 64 * 1024;
const PRIORITY_AND_SLOT = Buffer.of(0, 0);
const NO_HEADERS: SpdyHeaders = new Map();

interface Opening {
  readonly stream: SpdyStream;
  readonly replied: PromiseWithResolvers<SpdyStream>;
}
/**
 * One connection of SPDY/3.1, at either end. Those of Kubernetes know no windows (moby/spdystream reads over
 * WINDOW_UPDATE and sends none), so a stream that nobody reads holds up the whole connection once a bounded amount waits.
 */
export class SpdyConnection implements StreamHost {
  /** Resolves when nothing more comes from the peer. */
  readonly closed: Promise<void>;
  readonly #socket: Duplex;
  readonly #isServer: boolean;
  readonly #accept: ((stream: SpdyStream) => boolean) | undefined;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #opening = new Map<number, Opening>();
  readonly #reader = new HeaderReader();
  readonly #writer = new HeaderWriter();
  #nextId: number;
  #lastPeerId = 0;
  #isLeaving = false;

  /** `accept` decides about each stream that the peer opens; undefined: it may open none. */
  constructor(socket: Duplex, isServer: boolean, accept?: (stream: SpdyStream) => boolean) {
    this.#socket = socket;
    this.#isServer = isServer;
    this.#accept = accept;
    this.#nextId = isServer ? 2 : 1;
    socket.on('error', () => socket.destroy());
    // Whoever waits for a slow reader learns that there is nothing more to wait for.
    socket.on('close', () => {
      for (const stream of this.#streams.values()) stream.release();
    });
    this.closed = this.#receive().finally(() => this.#ended());
  }
  /** Opens a stream; resolves when the peer has taken it, rejects if it does not. */
  open(headers: Readonly<Record<string, string>>): Promise<SpdyStream> {
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(id, NO_HEADERS, this);
    const replied = Promise.withResolvers<SpdyStream>();
    if (this.#socket.destroyed || this.#isLeaving) return Promise.reject(new SpdyError('the connection is closed'));
    this.#streams.set(id, stream);
    this.#opening.set(id, { stream, replied });
    const block = this.#writer.write(headers);
    void written(this.#socket, controlFrame(TYPE.synStream, 0, words(id, 0), PRIORITY_AND_SLOT, block));
    return replied.promise;
  }
  /** Says that it leaves, and closes when what was written has been sent. */
  close(): void {
    if (!this.#isLeaving) void written(this.#socket, controlFrame(TYPE.goAway, 0, words(this.#lastPeerId, 0)));
    this.#isLeaving = true;
    if (!this.#socket.writableEnded) this.#socket.end();
  }
  abort(): void {
    this.#socket.destroy();
  }

  async sendData(id: number, bytes: Uint8Array, isLast: boolean): Promise<void> {
    let at = 0;
    do {
      const part = bytes.subarray(at, at + FRAME_BYTES);
      at += part.length;
      const head = dataHead(id, part.length, isLast && at === bytes.length);
      await (part.length === 0 ? written(this.#socket, head) : written(this.#socket, head, part));
    } while (at < bytes.length);
  }
  sendReset(id: number, reason: number = RESET.cancel): void {
    void written(this.#socket, controlFrame(TYPE.rstStream, 0, words(id, reason)));
  }
  forget(id: number): void {
    this.#streams.delete(id);
  }

  async #receive(): Promise<void> {
    const frames = new FrameReader();
    try {
      for await (const chunk of this.#socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>)
        for (const frame of frames.push(chunk)) {
          if (frame.kind === 'control') await this.#control(frame);
          else {
            const full = this.#streams.get(frame.stream)?.receive(frame.bytes, frame.isLast);
            if (full !== undefined) await full;
          }
        }
    } catch (error) {
      if (error instanceof SpdyError) void written(this.#socket, controlFrame(TYPE.goAway, 0, words(this.#lastPeerId, 1))); // prettier-ignore
      this.#socket.destroy();
    }
  }
  #ended(): void {
    this.#isLeaving = true;
    this.#reader.close();
    for (const { replied } of this.#opening.values()) replied.reject(new SpdyError('the connection was closed'));
    this.#opening.clear();
    for (const stream of this.#streams.values()) stream.peerReset();
    if (!this.#socket.writableEnded) this.#socket.end();
  }
  async #control(frame: ControlFrame): Promise<void> {
    switch (frame.type) {
      case TYPE.synStream:
        return this.#opened(frame);
      case TYPE.synReply: {
        const id = streamOf(frame, 4);
        await this.#reader.read(frame.payload.subarray(4));
        const opening = this.#opening.get(id);
        this.#opening.delete(id);
        opening?.replied.resolve(opening.stream);
        if ((frame.flags & FLAG_FIN) !== 0) this.#streams.get(id)?.peerDone();
        return;
      }
      case TYPE.rstStream: {
        const id = streamOf(frame, 8);
        this.#opening.get(id)?.replied.reject(new SpdyError('the stream was refused'));
        this.#opening.delete(id);
        this.#streams.get(id)?.peerReset();
        return;
      }
      case TYPE.headers: {
        const id = streamOf(frame, 4);
        await this.#reader.read(frame.payload.subarray(4));
        if ((frame.flags & FLAG_FIN) !== 0) this.#streams.get(id)?.peerDone();
        return;
      }
      case TYPE.ping: {
        if (frame.payload.length !== 4) throw new SpdyError('a ping that is none');
        const isTheirs = (frame.payload.readUInt32BE(0) & 1) === (this.#isServer ? 1 : 0);
        if (isTheirs) await written(this.#socket, controlFrame(TYPE.ping, 0, frame.payload));
        return;
      }
      case TYPE.goAway:
        this.#isLeaving = true;
        return;
      default:
      // Settings and windows bind nobody here; what is unknown is to be read over.
    }
  }
  async #opened(frame: ControlFrame): Promise<void> {
    const id = streamOf(frame, 10);
    const headers = await this.#reader.read(frame.payload.subarray(10));
    const isTheirs = (id & 1) === (this.#isServer ? 1 : 0);
    if (!isTheirs || id <= this.#lastPeerId) return this.sendReset(id, RESET.protocolError);
    if (this.#isLeaving) return;
    this.#lastPeerId = id;
    const isFull = this.#streams.size >= MOST_STREAMS;
    if (isFull || this.#accept === undefined) return this.sendReset(id, RESET.refusedStream);
    const stream = new SpdyStream(id, headers, this);
    this.#streams.set(id, stream);
    if ((frame.flags & FLAG_FIN) !== 0) stream.peerDone();
    if (!this.#accept(stream)) return void stream.destroy();
    if ((frame.flags & FLAG_UNIDIRECTIONAL) !== 0) stream.end();
    await written(this.#socket, controlFrame(TYPE.synReply, 0, words(id), this.#writer.write({})));
  }
}
