import { constants, createInflate, type Inflate } from 'node:zlib';
import { DICTIONARY } from './dictionary.ts';

/** By lower-case name; a value that was given several times holds NULs between them. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** Source: moby/spdystream spdy/read.go. */
const MOST_HEADERS = 1_000;
/** Of a block, without its compression. */
const MOST_BYTES = 64 * 1024;

/** Thrown for what SPDY does not allow; the connection is of no use after it. */
export class SpdyError extends Error {
  override readonly name = 'SpdyError';
}

/** Reads the header blocks of one direction of a connection, in order: each needs what the ones before it said. */
export class HeaderReader {
  #inflate: Inflate | undefined;

  /** Rejects with SpdyError. One at a time. */
  async read(block: Uint8Array): Promise<SpdyHeaders> {
    const inflate = (this.#inflate ??= createInflate({ dictionary: DICTIONARY, flush: constants.Z_SYNC_FLUSH }));
    const chunks: Buffer[] = [];
    let size = 0;
    await new Promise<void>((resolve, reject) => {
      const fail = (): void => reject(new SpdyError('headers that cannot be decompressed'));
      const take = (chunk: Buffer): void => {
        if ((size += chunk.length) > MOST_BYTES) reject(new SpdyError('too many headers'));
        else chunks.push(chunk);
      };
      inflate.once('error', fail);
      inflate.on('data', take);
      inflate.write(block, () => {
        inflate.off('error', fail);
        inflate.off('data', take);
        resolve();
      });
    });
    return parsed(Buffer.concat(chunks));
  }
  close(): void {
    this.#inflate?.on('error', () => {});
    this.#inflate?.close();
  }
}
function parsed(block: Buffer): SpdyHeaders {
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyError('headers that are cut off');
    return block.readUInt32BE((at += 4) - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > block.length) throw new SpdyError('headers that are cut off');
    return block.toString('utf8', at, (at += length));
  };
  const count = number();
  if (count > MOST_HEADERS) throw new SpdyError('too many headers');
  const headers = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const name = text();
    if (name === '' || name !== name.toLowerCase()) throw new SpdyError('a header whose name is not in lower case');
    if (headers.has(name)) throw new SpdyError('a header that is there twice');
    headers.set(name, text());
  }
  if (at !== block.length) throw new SpdyError('something after the headers');
  return headers;
}

const MOST_STORED = 65_535;
/** An empty block: Go's reader hands out what it has when it comes to one. */
const FLUSH = Buffer.of(0, 0, 0, 0xff, 0xff);
/** Writes the header blocks of one direction: as zlib has it, but without the trouble of compressing what is short. */
export class HeaderWriter {
  #hasBegun = false;

  write(headers: Readonly<Record<string, string>>): Buffer {
    const parts: Buffer[] = [number(Object.keys(headers).length)];
    for (const [name, value] of Object.entries(headers))
      for (const text of [name.toLowerCase(), value]) parts.push(number(Buffer.byteLength(text)), Buffer.from(text));
    const block = Buffer.concat(parts);
    if (block.length > MOST_STORED) throw new SpdyError('too many headers');
    // A block that is stored as it is, and not the last one.
    const head = Buffer.alloc(5);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(~block.length & 0xffff, 3);
    const opening = this.#hasBegun ? Buffer.alloc(0) : Buffer.of(0x78, 0x01);
    this.#hasBegun = true;
    return Buffer.concat([opening, head, block, FLUSH]);
  }
}
function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
