import { decodeHuffman } from './huffman.ts';

/** A field's name and value. */
export type Field = readonly [name: string, value: string];
/** The block is none: what comes after it cannot be understood either, so the connection ends. */
export class BadHeaders extends Error {}
/** Together they are longer than is let in. */
export class TooManyHeaders extends Error {}

/** Source: RFC 7541 appendix A. A name without a value has an empty one. */
const STATIC: readonly Field[] = [
  ':authority', ':method GET', ':method POST', ':path /', ':path /index.html', ':scheme http', ':scheme https', ':status 200',
  ':status 204', ':status 206', ':status 304', ':status 400', ':status 404', ':status 500', 'accept-charset',
  'accept-encoding gzip, deflate', 'accept-language', 'accept-ranges', 'accept', 'access-control-allow-origin', 'age', 'allow',
  'authorization', 'cache-control', 'content-disposition', 'content-encoding', 'content-language', 'content-length',
  'content-location', 'content-range', 'content-type', 'cookie', 'date', 'etag', 'expect', 'expires', 'from', 'host', 'if-match',
  'if-modified-since', 'if-none-match', 'if-range', 'if-unmodified-since', 'last-modified', 'link', 'location', 'max-forwards',
  'proxy-authenticate', 'proxy-authorization', 'range', 'referer', 'refresh', 'retry-after', 'server', 'set-cookie',
  'strict-transport-security', 'transfer-encoding', 'user-agent', 'vary', 'via', 'www-authenticate',
].map((line): Field => {
  const gap = line.indexOf(' ');
  return gap < 0 ? [line, ''] : [line.slice(0, gap), line.slice(gap + 1)];
}); // prettier-ignore
/** What a field takes besides its characters, by the RFC's reckoning. */
const FIELD_BYTES = 32;
const sizeOf = ([name, value]: Field): number => name.length + value.length + FIELD_BYTES;
/** The default of SETTINGS_HEADER_TABLE_SIZE, from which we do not part. */
const TABLE_BYTES = 4096;

/** Reads the blocks of one connection's headers, in the order in which they came. Source: RFC 7541. */
export class HeaderReader {
  readonly #max: number;
  /** Newest last. */
  #table: Field[] = [];
  #size = 0;
  #limit = TABLE_BYTES;
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  /** `max`: bytes of one block's fields, by the RFC's reckoning. */
  constructor(max: number) {
    this.#max = max;
  }
  /** Thrown: BadHeaders, TooManyHeaders. */
  read(block: Uint8Array): Field[] {
    this.#bytes = block;
    this.#at = 0;
    const fields: Field[] = [];
    let left = this.#max;
    while (this.#at < block.length) {
      const field = this.#field(block[this.#at]!, fields.length === 0);
      if (field === undefined) continue;
      left -= sizeOf(field);
      // The rest is read all the same, so that the table stays the client's.
      if (left >= 0) fields.push(field);
    }
    if (left < 0) throw new TooManyHeaders(`headers of more than ${this.#max} bytes`);
    return fields;
  }
  #field(byte: number, isFirst: boolean): Field | undefined {
    if ((byte & 0x80) !== 0) return this.#indexed(this.#number(7));
    if ((byte & 0x40) !== 0) return this.#keep(this.#literal(6));
    if ((byte & 0x20) === 0) return this.#literal(4);
    if (!isFirst) throw new BadHeaders('the size of the table changes in the middle of a block');
    const limit = this.#number(5);
    if (limit > TABLE_BYTES) throw new BadHeaders(`a table of ${limit} bytes, where ${TABLE_BYTES} are allowed`);
    this.#limit = limit;
    this.#evict();
    return undefined;
  }
  #literal(prefix: number): Field {
    const index = this.#number(prefix);
    const name = index === 0 ? this.#text() : this.#indexed(index)[0];
    return [name, this.#text()];
  }
  #indexed(index: number): Field {
    const field = index <= STATIC.length ? STATIC[index - 1] : this.#table.at(STATIC.length - index);
    if (field === undefined) throw new BadHeaders(`there is no field ${index}`);
    return field;
  }
  #keep(field: Field): Field {
    this.#table.push(field);
    this.#size += sizeOf(field);
    this.#evict();
    return field;
  }
  #evict(): void {
    let gone = 0;
    while (this.#size > this.#limit) this.#size -= sizeOf(this.#table[gone++]!);
    if (gone > 0) this.#table = this.#table.slice(gone);
  }
  #text(): string {
    const isHuffman = (this.#byte() & 0x80) !== 0;
    const length = this.#number(7);
    const from = this.#at;
    if (length > this.#bytes.length - from) throw new BadHeaders('a text is cut short');
    this.#at += length;
    const text = isHuffman
      ? decodeHuffman(this.#bytes, from, this.#at)
      : String.fromCharCode(...this.#bytes.subarray(from, this.#at));
    if (text === undefined) throw new BadHeaders('a text is not of the Huffman code');
    return text;
  }
  #byte(): number {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) throw new BadHeaders('a field is cut short');
    return byte;
  }
  /** In the last `prefix` bits of the next byte, and in more bytes if they are all ones. */
  #number(prefix: number): number {
    const most = (1 << prefix) - 1;
    let value = this.#byte() & most;
    this.#at++;
    if (value < most) return value;
    for (let shift = 0; shift <= 21; shift += 7) {
      const byte = this.#byte();
      this.#at++;
      value += (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
    throw new BadHeaders('a number is too large');
  }
}

const STATUS_200 = 0x88;
/** A block that needs no table of the reader's, and leaves none behind. Texts are a character a byte. */
export function headerBlock(fields: readonly Field[]): Buffer {
  const parts: number[] = [];
  for (const [name, value] of fields)
    if (name === ':status' && value === '200') parts.push(STATUS_200);
    else parts.push(0, ...text(name), ...text(value));
  return Buffer.from(parts);
}
function text(characters: string): number[] {
  const bytes = [...Buffer.from(characters, 'latin1')];
  const most = 0x7f;
  if (bytes.length < most) return [bytes.length, ...bytes];
  const length = [most];
  let rest = bytes.length - most;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) length.push(0x80 | (rest & 0x7f));
  return [...length, rest, ...bytes];
}
