/** Head of an answer, as it came. */
export interface ResponseHead {
  readonly status: number;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
}
/** Hears of one answer after the other. */
export interface ResponseListener {
  head(head: ResponseHead): void;
  data(chunk: Buffer): void;
  /** `reusable`: another request may follow on the connection. */
  end(reusable: boolean): void;
  /** From here on the connection speaks another protocol; `rest` has come of it already. */
  upgraded(head: ResponseHead, rest: Buffer): void;
}
/** Thrown for what is no answer in HTTP/1, or could be read in two ways. */
export class MalformedResponse extends Error {
  override readonly name = 'MalformedResponse';
}
const MAX_HEAD_BYTES = 64 * 1024;
const MAX_LINE_BYTES = 4 * 1024;
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-5]\d\d)(?: [\t\x20-\x7e\x80-\xff]*)?$/;
const HEADER_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;
const CHUNK_LINE = /^([0-9A-Fa-f]{1,13})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?$/;
const NOTHING = Buffer.alloc(0);

type State = 'head' | 'length' | 'chunkSize' | 'chunkData' | 'chunkEnd' | 'trailers' | 'untilEnd' | 'idle';

/**
 * Reads HTTP/1.x answers of one connection, however they are cut into pieces. Strict: lines end in CRLF, one framing alone,
 * no folded headers. Interim answers (1xx) are left out, but for 101. Source: RFC 9112.
 */
export class ResponseParser {
  readonly #to: ResponseListener;
  #state: State = 'idle';
  #rest: Buffer = NOTHING;
  #left = 0;
  #isHead = false;
  #mayUpgrade = false;
  #reusable = true;

  constructor(to: ResponseListener) {
    this.#to = to;
  }
  /** An answer to a request of this method comes next. */
  expect(method: string, mayUpgrade = false): void {
    this.#state = 'head';
    this.#isHead = method === 'HEAD';
    this.#mayUpgrade = mayUpgrade;
  }
  /** Thrown: MalformedResponse. */
  feed(chunk: Buffer): void {
    let data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    this.#rest = NOTHING;
    while (data.length > 0) {
      const used = this.#step(data);
      if (used < 0) {
        this.#rest = data;
        return;
      }
      data = data.subarray(used);
    }
  }
  /** The connection ended. Thrown: MalformedResponse where there was more to come. */
  finish(): void {
    if (this.#state === 'untilEnd') this.#end(false);
    else if (this.#state !== 'idle') throw new MalformedResponse('the answer breaks off');
  }
  /** Whether there is anything that nobody asked for, or is not read yet. */
  get isQuiet(): boolean {
    return this.#state === 'idle' && this.#rest.length === 0;
  }

  /** Bytes used of what there is; -1: not enough yet. */
  #step(data: Buffer): number {
    switch (this.#state) {
      case 'head':
        return this.#readHead(data);
      case 'length': {
        const used = Math.min(this.#left, data.length);
        this.#left -= used;
        this.#to.data(used === data.length ? data : data.subarray(0, used));
        if (this.#left === 0) this.#end(this.#reusable);
        return used;
      }
      case 'untilEnd':
        this.#to.data(data);
        return data.length;
      case 'chunkSize': {
        const line = this.#line(data);
        if (line === undefined) return -1;
        const size = CHUNK_LINE.exec(line);
        if (size === null) throw new MalformedResponse('the size of a chunk is no number');
        this.#left = Number.parseInt(size[1]!, 16);
        if (!Number.isSafeInteger(this.#left)) throw new MalformedResponse('a chunk is too large');
        this.#state = this.#left === 0 ? 'trailers' : 'chunkData';
        return line.length + 2;
      }
      case 'chunkData': {
        const used = Math.min(this.#left, data.length);
        this.#left -= used;
        if (this.#left === 0) this.#state = 'chunkEnd';
        this.#to.data(used === data.length ? data : data.subarray(0, used));
        return used;
      }
      case 'chunkEnd':
        if (data.length < 2) return -1;
        if (data[0] !== 13 || data[1] !== 10) throw new MalformedResponse('a chunk is longer than it says');
        this.#state = 'chunkSize';
        return 2;
      case 'trailers': {
        const line = this.#line(data);
        if (line === undefined) return -1;
        if (line === '') this.#end(this.#reusable);
        else if (!HEADER_LINE.test(line)) throw new MalformedResponse('a trailer is malformed');
        return line.length + 2;
      }
      case 'idle':
        throw new MalformedResponse('an answer to no request');
    }
  }
  #line(data: Buffer): string | undefined {
    const end = data.indexOf('\r\n');
    if (end > MAX_LINE_BYTES || (end < 0 && data.length > MAX_LINE_BYTES))
      throw new MalformedResponse('a line is too long');
    return end < 0 ? undefined : data.toString('latin1', 0, end);
  }
  #readHead(data: Buffer): number {
    const end = data.indexOf(END_OF_HEAD);
    if (end > MAX_HEAD_BYTES || (end < 0 && data.length > MAX_HEAD_BYTES))
      throw new MalformedResponse('the head is too large');
    if (end < 0) return -1;
    const used = end + END_OF_HEAD.length;
    const [first = '', ...lines] = data.toString('latin1', 0, end).split('\r\n');
    const status = STATUS_LINE.exec(first);
    if (status === null) throw new MalformedResponse('the status line is malformed');
    const headers: string[] = [];
    let length: string | undefined;
    let coding: string | undefined;
    let connection = '';
    for (const line of lines) {
      const parts = HEADER_LINE.exec(line);
      if (parts === null) throw new MalformedResponse('a header is malformed');
      const [, name = '', padded = ''] = parts;
      const value = padded.trimEnd();
      headers.push(name, value);
      if (name.length === 14 && name.toLowerCase() === 'content-length') {
        if (!/^\d{1,15}$/.test(value) || (length !== undefined && length !== value))
          throw new MalformedResponse('the length of the answer is malformed');
        length = value;
      } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding')
        coding = coding === undefined ? value.toLowerCase() : `${coding}, ${value.toLowerCase()}`;
      else if (name.length === 10 && name.toLowerCase() === 'connection') connection += `,${value.toLowerCase()}`;
    }
    const code = Number(status[2]);
    const isOld = status[1] === '0';
    const head = { status: code, headers };
    if (code === 101) {
      if (!this.#mayUpgrade) throw new MalformedResponse('another protocol, for which nobody asked');
      this.#state = 'idle';
      this.#to.upgraded(head, data.subarray(used));
      return data.length;
    }
    if (code < 200) return used;
    const says = (token: string): boolean => connection.split(',').some((t) => t.trim() === token);
    this.#reusable = isOld ? says('keep-alive') : !says('close');
    if (coding !== undefined && (length !== undefined || coding !== 'chunked' || isOld))
      throw new MalformedResponse('where the answer ends can be read in two ways');
    this.#to.head(head);
    if (this.#isHead || code === 204 || code === 304) this.#end(this.#reusable);
    else if (coding !== undefined) this.#state = 'chunkSize';
    else if (length === undefined) this.#state = 'untilEnd';
    else if ((this.#left = Number(length)) === 0) this.#end(this.#reusable);
    else this.#state = 'length';
    return used;
  }
  #end(reusable: boolean): void {
    this.#state = 'idle';
    this.#to.end(reusable);
  }
}
