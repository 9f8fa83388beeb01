import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import type { Duplex } from 'node:stream';
import { match } from '../routing/match.ts';
import { targetOf } from '../routing/target.ts';
import { NOBODY } from '../routing/upstreams.ts';
import { Attempts, type Reached } from './attempts.ts';
import type { Asker, BackendConnection } from './connection.ts';
import { answerHeaders, requestHead, valuesOf, type Framing, type Sender } from './headers.ts';
import type { Proxy } from './proxy.ts';
import type { ResponseHead } from './response-parser.ts';

export type AnyRequest = IncomingMessage | Http2ServerRequest;
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** What may be asked again, of another, when a connection ends before there is an answer. Source: RFC 9110 9.2.2. */
const REPEATABLE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);
const REFUSED: ReadonlySet<string> = new Set(['CONNECT', 'TRACE']);
const TARGET = /^[\x21-\x7e\x80-\xff]+$/;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** One request and its answer. Neither is held: what one side does not take, the other is not read for. */
export class Exchange implements Asker {
  readonly #proxy: Proxy;
  readonly #request: AnyRequest;
  readonly #response: AnyResponse;
  readonly #isHttp2: boolean;
  #attempts: Attempts | undefined;
  #connection: BackendConnection | undefined;
  #head = '';
  #framing: Framing = 'none';
  /** Of a request that is refused for what it is nobody knows. */
  #hasBody = true;
  #isBodyRead = false;
  /** The head of the answer, and the first of its body, as long as the rest may still come at once. */
  #held: ResponseHead | undefined;
  #first: Buffer | undefined;
  #isAnswered = false;
  #isOver = false;
  #lastTick: number;

  constructor(proxy: Proxy, request: AnyRequest, response: AnyResponse, isHttp2: boolean) {
    this.#proxy = proxy;
    this.#request = request;
    this.#response = response;
    this.#isHttp2 = isHttp2;
    this.#lastTick = proxy.ticks;
  }
  start(sender: Omit<Sender, 'authority'>): void {
    const { url = '/', rawHeaders, headers, method = 'GET' } = this.#request;
    this.#response.on('close', () => this.#left());
    this.#response.on('error', () => this.#left());
    const given = this.#isHttp2 ? headers[':authority'] : undefined;
    const authority = String(given ?? headers.host ?? '');
    if (given === undefined && valuesOf(rawHeaders, 'host').length > 1) return this.#refuse(400);
    const target = TARGET.test(url) && TOKEN.test(method) ? targetOf(url, authority) : undefined;
    const framing = this.#framingOf(headers['content-length'], headers['transfer-encoding']);
    if (target === undefined || framing === undefined) return this.#refuse(400);
    this.#framing = framing;
    this.#hasBody = framing !== 'none' && !(typeof framing === 'object' && framing.length === '0');
    if (REFUSED.has(method)) return this.#refuse(405);
    const { routing, upstreams } = this.#proxy.table;
    const key = match(routing, target.host, target.path);
    if (key === undefined) return this.#refuse(404);
    const upstream = upstreams.get(key) ?? NOBODY;
    if (upstream.kind === 'none') return this.#refuse(503);
    this.#head = requestHead(
      method,
      target.passed,
      rawHeaders,
      { ...sender, authority: target.authority },
      this.#framing,
    );
    this.#attempts = new Attempts(this.#proxy, key, upstream);
    this.#try(true);
  }
  #framingOf(length: string | undefined, coding: string | undefined): Framing | undefined {
    if (coding !== undefined) return coding.toLowerCase() === 'chunked' ? 'chunked' : undefined;
    if (length !== undefined) return { length };
    return this.#isHttp2 && !(this.#request as Http2ServerRequest).stream.endAfterHeaders ? 'chunked' : 'none';
  }

  #try(mayReuse: boolean): void {
    this.#attempts!.next(
      mayReuse,
      (reached) => this.#send(reached),
      (code) => this.#fail(code),
    );
  }
  #send({ connection }: Reached): void {
    if (this.#isOver) return connection.destroy();
    this.#connection = connection;
    this.#lastTick = this.#proxy.ticks;
    connection.ask(this.#head, this.#request.method ?? 'GET', this.#hasBody, this);
    if (this.#hasBody) this.#sendBody(connection);
  }
  #sendBody(connection: BackendConnection): void {
    const request = this.#request;
    const isChunked = this.#framing === 'chunked';
    this.#isBodyRead = true;
    request.on('data', (chunk: Buffer) => {
      this.#lastTick = this.#proxy.ticks;
      if (this.#connection !== connection) return;
      if (!(isChunked ? connection.writeChunk(chunk) : connection.write(chunk))) request.pause();
    });
    request.on('end', () => {
      if (this.#connection !== connection) return;
      if (isChunked) connection.lastChunk();
      connection.finish();
    });
  }

  head(head: ResponseHead): void {
    this.#lastTick = this.#proxy.ticks;
    this.#isAnswered = true;
    this.#held = head;
  }
  data(chunk: Buffer): boolean {
    this.#lastTick = this.#proxy.ticks;
    if (this.#isOver) return true;
    if (this.#held !== undefined && this.#first === undefined) {
      this.#first = chunk;
      return true;
    }
    this.pause();
    return this.#write(chunk);
  }
  end(): void {
    this.#connection = undefined;
    if (this.#isOver) return;
    const [held, first] = [this.#held, this.#first];
    this.#over();
    // An answer that came whole leaves whole, in one write.
    if (held !== undefined && first !== undefined && first.length <= SMALL_BYTES && !this.#isHttp2) {
      this.#writeHead(held);
      this.#response.end(first.toString('latin1'), 'latin1');
    } else {
      this.#flush();
      this.#response.end();
    }
    this.#letGo();
  }
  pause(): void {
    if (this.#held !== undefined && !this.#isOver) this.#flush();
  }
  #flush(): void {
    const [held, first] = [this.#held, this.#first];
    this.#held = undefined;
    this.#first = undefined;
    if (held !== undefined) this.#writeHead(held);
    if (first !== undefined) this.#write(first);
  }
  #write(chunk: Buffer): boolean {
    if ((this.#response as ServerResponse).write(chunk)) return true;
    const connection = this.#connection;
    this.#response.once('drain', () => {
      this.#lastTick = this.#proxy.ticks;
      connection?.resume();
    });
    return false;
  }
  #writeHead({ status, headers }: ResponseHead): void {
    const told = answerHeaders(headers);
    if (this.#isHttp2) {
      (this.#response as Http2ServerResponse).writeHead(status, grouped(told));
      return;
    }
    const response = this.#response as ServerResponse;
    response.sendDate = false;
    if (this.#proxy.isClosing) response.shouldKeepAlive = false;
    response.writeHead(status, told);
  }
  failed(): void {
    this.#connection = undefined;
    if (this.#isOver) return;
    if (this.#isAnswered) return this.#break();
    // Kept for too long, or its pod ended just now.
    if (!this.#isBodyRead && REPEATABLE.has(this.#request.method ?? '')) this.#try(false);
    else this.#fail(502);
  }
  drained(): void {
    this.#request.resume();
  }
  upgraded(_head: ResponseHead, stream: Duplex): void {
    stream.destroy();
    this.#fail(502);
  }
  /** Ends what makes no progress. */
  look(oldest: number): void {
    if (this.#lastTick >= oldest || this.#isOver) return;
    const connection = this.#connection;
    this.#connection = undefined;
    this.#attempts?.cancel();
    if (this.#isAnswered) this.#break();
    else this.#fail(this.#isBodyRead && !this.#request.complete && !this.#request.isPaused() ? 408 : 504);
    connection?.destroy();
  }

  /** The client has gone: nobody needs the backend's answer any more. */
  #left(): void {
    if (this.#isOver) return;
    this.#over();
    this.#attempts?.cancel();
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.destroy();
  }
  #over(): void {
    this.#isOver = true;
    this.#proxy.ended(this);
  }
  /** Whoever reads is to see that this is not the end. */
  #break(): void {
    this.#over();
    if (this.#isHttp2) (this.#response as Http2ServerResponse).stream.close(INTERNAL_ERROR);
    else this.#response.destroy();
  }
  #refuse(status: number): void {
    this.#fail(status);
  }
  #fail(status: number): void {
    if (this.#isOver) return;
    this.#over();
    const text = `${PAGES[status] ?? 'error'}\n`;
    const headers: Record<string, string> = {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(Buffer.byteLength(text)),
    };
    // What the client still says nobody wants to hear.
    const hasMore = this.#hasBody && !this.#request.complete;
    if (!this.#isHttp2 && (hasMore || this.#proxy.isClosing)) headers['connection'] = 'close';
    (this.#response as ServerResponse)
      .writeHead(status, headers)
      .end(this.#request.method === 'HEAD' ? undefined : text);
    this.#letGo();
  }
  /** An upload that was answered before it was complete has no more to say. */
  #letGo(): void {
    const request = this.#request;
    if (this.#hasBody) request.removeAllListeners('data').removeAllListeners('end').resume();
  }
}
const INTERNAL_ERROR = 2;
const SMALL_BYTES = 4 * 1024;
const PAGES: Readonly<Record<number, string>> = {
  400: '400 Bad Request',
  404: 'default backend - 404',
  405: '405 Method Not Allowed',
  408: '408 Request Timeout',
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Timeout',
};
function grouped(raw: readonly string[]): Record<string, string | string[]> {
  const out: Record<string, string | string[]> = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const known = out[name];
    const value = raw[i + 1]!;
    out[name] = known === undefined ? value : Array.isArray(known) ? [...known, value] : [known, value];
  }
  return out;
}
