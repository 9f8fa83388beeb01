import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { Readable, type Duplex } from 'node:stream';

import type { AuditTrail } from '../../audit/trail.ts';
import type { FlowClass } from '../../flow-control/index.ts';
import type { CredentialNote } from '../../request.ts';

export type HeaderList = readonly string[];
type HeaderMap = Readonly<Record<string, string | string[] | undefined>>;

/** One HTTP request and its answer, whichever version of the protocol carries it. */
export interface Exchange {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: HeaderMap;
  /** Names and values as they came, alternating: `headers` has joined what was repeated. */
  readonly rawHeaders: HeaderList;
  /** The body; rejects with RangeError above `limit` bytes. */
  read(limit: number): Promise<Buffer>;
  /** The body as it comes, for who passes it on. */
  readonly body: Readable;
  /** `headers` is a flat list of names and values. */
  send(code: number, headers: HeaderList, body: Buffer | string): void;
  /** Begins an answer without an end in sight. */
  stream(code: number, headers: HeaderList): Streaming;
  readonly sent: boolean;
  /** Of the answer; 0 until it is sent. */
  readonly code: number;
  /** Set once the user is known; undefined of what is not subject to it. */
  flow: FlowClass | undefined;
  /** Much of the answer waits for its reader. */
  readonly isSending: boolean;
  /** Calls `listener` when the client is gone, or has its answer. */
  onGone(listener: () => void): void;
  /** The client's own, or a new one; the same for the whole request. */
  auditId(ids: { uuid(): string }): string;
  /** What is noted of the request, if anything. */
  audit: AuditTrail | undefined;
  /** What there is to say of the credentials. */
  noted?: CredentialNote[] | undefined;
  /** The answer goes on after the request was dealt with: whoever sends it says when it ends. */
  lasting: boolean;
  /** Of a request to speak another protocol: the connection, for whoever speaks it. */
  hijack?(): Duplex;
}
export interface Streaming {
  /** False when more than `limit` bytes wait for the reader. */
  write(chunk: Buffer, limit: number): boolean;
  /** Bytes that the reader has not taken yet. */
  waiting(): number;
  end(): void;
  /** The answer breaks off. */
  abort(): void;
  onClose(listener: () => void): void;
}

const EMPTY = Buffer.alloc(0);
const LARGE_BYTES = 64 * 1024;
function collect(source: NodeJS.ReadableStream, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    source.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > limit) {
        source.removeAllListeners('data');
        source.resume();
        reject(new RangeError('too large'));
      } else chunks.push(chunk);
    });
    let ended = false;
    source.on('end', () => {
      ended = true;
      resolve(chunks.length === 1 ? chunks[0]! : chunks.length === 0 ? EMPTY : Buffer.concat(chunks));
    });
    source.on('error', reject);
    // It closes after each request that went well, too: an Error that nobody reads costs as much as parsing the body.
    source.on('close', () => ended || reject(new Error('the connection was closed')));
  });
}
/** Source: apiserver pkg/endpoints/filters/with_auditid.go. */
const auditIdOf = (headers: HeaderMap): string | undefined => (headers['audit-id'] as string | undefined) || undefined;

export class Http1Exchange implements Exchange {
  code = 0;
  flow: FlowClass | undefined = undefined;
  audit: AuditTrail | undefined = undefined;
  lasting = false;
  #auditId: string | undefined;
  /** It has its answer, which waits until that is noted. */
  #held = false;
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;
  readonly #door: { readonly draining: boolean };
  constructor(request: IncomingMessage, response: ServerResponse, door: { readonly draining: boolean }) {
    this.#request = request;
    this.#response = response;
    this.#door = door;
  }
  get method(): string {
    return this.#request.method ?? 'GET';
  }
  get target(): string {
    return this.#request.url ?? '/';
  }
  get headers(): HeaderMap {
    return this.#request.headers;
  }
  get rawHeaders(): HeaderList {
    return this.#request.rawHeaders;
  }
  get sent(): boolean {
    return this.#held || this.#response.headersSent;
  }
  get body(): Readable {
    return this.#request;
  }
  get isSending(): boolean {
    return !this.lasting && this.#response.writableLength > LARGE_BYTES && !this.#response.destroyed;
  }
  onGone(listener: () => void): void {
    this.#response.once('close', listener);
  }
  auditId(ids: { uuid(): string }): string {
    return (this.#auditId ??= auditIdOf(this.headers) ?? ids.uuid());
  }
  read(limit: number): Promise<Buffer> {
    return collect(this.#request, limit);
  }
  send(code: number, headers: HeaderList, body: Buffer | string): void {
    this.code = code;
    const noted = this.audit?.beforeAnswer(code);
    if (noted === undefined) return this.#send(code, headers, body);
    this.#held = true;
    void noted.then(() => this.#send(code, headers, body));
  }
  #send(code: number, headers: HeaderList, body: Buffer | string): void {
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const all = [...headers, 'Content-Length', String(length)];
    // The client asks the next one elsewhere, on a connection of its own.
    if (this.#door.draining) all.push('Connection', 'close');
    this.#response.writeHead(code, all);
    // Head and body in one write is one packet; a large body would be copied for it.
    if (length > LARGE_BYTES) this.#response.flushHeaders();
    this.#response.end(this.#request.method === 'HEAD' ? undefined : body);
  }
  stream(code: number, headers: HeaderList): Streaming {
    this.code = code;
    const response = this.#response;
    const all = [...headers, 'Transfer-Encoding', 'chunked'];
    if (this.#door.draining) all.push('Connection', 'close');
    response.writeHead(code, all);
    response.flushHeaders();
    const socket = response.socket;
    return new ChunkedStream(response, socket);
  }
}
/** One that asks for another protocol. Nothing follows its head that would be its body. */
export class UpgradeExchange extends Http1Exchange {
  readonly #socket: Duplex;
  #taken = false;
  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    door: { readonly draining: boolean },
    socket: Duplex,
  ) {
    super(request, response, door);
    this.#socket = socket;
  }
  override get sent(): boolean {
    return this.#taken || super.sent;
  }
  override get body(): Readable {
    return Readable.from([]);
  }
  override read(): Promise<Buffer> {
    return Promise.resolve(EMPTY);
  }
  hijack(): Duplex {
    this.#taken = true;
    return this.#socket;
  }
}
let lastChunk: Buffer | undefined;
let lastFramed: Buffer = EMPTY;
const CRLF = Buffer.from('\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
/** A chunk with its size line; the same chunk goes to many readers one after another. */
function framed(chunk: Buffer): Buffer {
  if (chunk !== lastChunk) {
    lastChunk = chunk;
    lastFramed = Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, CRLF]);
  }
  return lastFramed;
}
class ChunkedStream implements Streaming {
  readonly #response: ServerResponse;
  readonly #socket: Socket | null;
  constructor(response: ServerResponse, socket: Socket | null) {
    this.#response = response;
    this.#socket = socket;
  }
  write(chunk: Buffer, limit: number): boolean {
    const socket = this.#socket;
    if (socket === null || socket.destroyed) return false;
    // Past the response object: it would cut each chunk into three writes.
    socket.write(framed(chunk));
    return socket.writableLength <= limit;
  }
  waiting(): number {
    return this.#socket?.writableLength ?? 0;
  }
  end(): void {
    if (this.#socket === null || this.#socket.destroyed) return;
    if (!this.#socket.writableNeedDrain) return void this.#response.end();
    // A slow reader's connection is not kept, but what waits for it ends as answers do: it may only be busy.
    this.#socket.write(LAST_CHUNK);
    this.#socket.destroySoon();
  }
  abort(): void {
    this.#socket?.destroySoon();
  }
  onClose(listener: () => void): void {
    this.#response.on('close', listener);
  }
}

export class Http2Exchange implements Exchange {
  code = 0;
  flow: FlowClass | undefined = undefined;
  audit: AuditTrail | undefined = undefined;
  lasting = false;
  #auditId: string | undefined;
  #held = false;
  readonly #stream: ServerHttp2Stream;
  readonly headers: HeaderMap;
  readonly rawHeaders: HeaderList;
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: HeaderList) {
    this.#stream = stream;
    this.headers = headers;
    this.rawHeaders = rawHeaders;
  }
  get method(): string {
    return this.headers[':method'] as string;
  }
  get target(): string {
    return this.headers[':path'] as string;
  }
  get sent(): boolean {
    return this.#held || this.#stream.headersSent;
  }
  get body(): Readable {
    return this.#stream;
  }
  get isSending(): boolean {
    return !this.lasting && this.#stream.writableLength > LARGE_BYTES && !this.#stream.closed;
  }
  onGone(listener: () => void): void {
    this.#stream.once('close', listener);
  }
  auditId(ids: { uuid(): string }): string {
    return (this.#auditId ??= auditIdOf(this.headers) ?? ids.uuid());
  }
  read(limit: number): Promise<Buffer> {
    return collect(this.#stream, limit);
  }
  #respond(code: number, headers: HeaderList, length: number | undefined, endStream: boolean): void {
    const map: Record<string, string | number | string[]> = { ':status': code };
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i]!.toLowerCase();
      const value = headers[i + 1]!;
      const before = map[name];
      if (before === undefined) map[name] = value;
      else map[name] = Array.isArray(before) ? [...before, value] : [String(before), value];
    }
    if (length !== undefined) map['content-length'] = length;
    this.#stream.respond(map, { endStream });
  }
  send(code: number, headers: HeaderList, body: Buffer | string): void {
    this.code = code;
    const noted = this.audit?.beforeAnswer(code);
    if (noted === undefined) return this.#send(code, headers, body);
    this.#held = true;
    void noted.then(() => this.#send(code, headers, body));
  }
  #send(code: number, headers: HeaderList, body: Buffer | string): void {
    if (this.#stream.destroyed || this.#stream.closed) return;
    const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
    const none = length === 0 || this.method === 'HEAD';
    this.#respond(code, headers, length, none);
    if (!none) this.#stream.end(body);
  }
  stream(code: number, headers: HeaderList): Streaming {
    this.code = code;
    const stream = this.#stream;
    if (!stream.destroyed && !stream.closed) this.#respond(code, headers, undefined, false);
    return {
      write: (chunk, limit) => {
        if (stream.destroyed || stream.closed || stream.writableEnded) return false;
        stream.write(chunk);
        return stream.writableLength <= limit;
      },
      waiting: () => stream.writableLength,
      end: () => {
        if (stream.destroyed || stream.closed) return;
        if (stream.writableNeedDrain) stream.close();
        else stream.end();
      },
      abort: () => {
        if (!stream.destroyed && !stream.closed) stream.close(constants.NGHTTP2_INTERNAL_ERROR);
      },
      onClose: (listener) => {
        stream.on('close', listener);
      },
    };
  }
}
