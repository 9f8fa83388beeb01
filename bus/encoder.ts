/** Messages share blocks of memory of this size, bytes: who keeps one copies it (see kept-values.ts). */
const BLOCK = 16 * 1024;
/** A block is left for the next when less than this is left of it. */
const LEAST = 2 * 1024;
/** To this length characters are written one by one; longer texts by Node, which has a price of its own. */
const SHORT = 48;

let block = Buffer.allocUnsafeSlow(BLOCK);
/** Where the next byte goes. */
let at = 0;
/** Where the message begins. */
let start = 0;

/**
 * MessagePack of a value, each number, text and length in its shortest form, without the fields that are undefined: byte for
 * byte what msgpackr writes, in half the time. What says how it is written (`toJSON`) is written so.
 * Thrown: TypeError for what is no value (functions); RangeError where it is nested too deep.
 */
export function encodeValue(value: unknown): Uint8Array {
  if (block.length - at < LEAST) {
    block = Buffer.allocUnsafeSlow(BLOCK);
    at = 0;
  }
  start = at;
  try {
    write(value);
  } catch (error) {
    at = start;
    throw error;
  }
  const bytes = block.subarray(start, at);
  // A long one has a block of its own size.
  if (block.length > BLOCK) at = block.length;
  return bytes;
}

/** Sees to it that `length` bytes fit behind what is there. */
function makeRoom(length: number): void {
  if (at + length <= block.length) return;
  const written = at - start;
  const larger = Buffer.allocUnsafeSlow(Math.max(BLOCK, (written + length) * 2));
  block.copy(larger, 0, start, at);
  block = larger;
  start = 0;
  at = written;
}

function write(value: unknown): void {
  switch (typeof value) {
    case 'string':
      writeText(value);
      return;
    case 'number':
      writeNumber(value);
      return;
    case 'boolean':
      makeRoom(1);
      block[at++] = value ? 0xc3 : 0xc2;
      return;
    case 'object':
      if (value === null) {
        makeRoom(1);
        block[at++] = 0xc0;
      } else if (Array.isArray(value)) writeArray(value);
      else if (value instanceof Uint8Array) writeBytes(value);
      else if ('toJSON' in value && typeof value.toJSON === 'function') write(value.toJSON());
      else writeObject(value);
      return;
    case 'bigint':
      makeRoom(9);
      block[at++] = 0xd3;
      at = block.writeBigInt64BE(value, at);
      return;
    case 'undefined':
      // What an array has where nothing was put.
      makeRoom(3);
      block[at++] = 0xd4;
      block[at++] = 0;
      block[at++] = 0;
      return;
    default:
      throw new TypeError(`no message holds a ${typeof value}`);
  }
}

function writeObject(object: object): void {
  makeRoom(1);
  // Its length is known when it is written; where that takes more than the one byte, all is moved on.
  const head = at++ - start;
  let length = 0;
  for (const key in object) {
    const value = (object as Record<string, unknown>)[key];
    if (value === undefined) continue;
    writeText(key);
    write(value);
    length++;
  }
  if (length < 0x10) {
    block[start + head] = 0x80 | length;
    return;
  }
  const more = length < 0x10000 ? 2 : 4;
  makeRoom(more);
  const from = start + head;
  block.copyWithin(from + 1 + more, from + 1, at);
  at += more;
  if (more === 2) {
    block[from] = 0xde;
    block.writeUInt16BE(length, from + 1);
  } else {
    block[from] = 0xdf;
    block.writeUInt32BE(length, from + 1);
  }
}

function writeArray(array: readonly unknown[]): void {
  writeHead(array.length, 0x90, 0x10, 0, 0xdc, 0xdd);
  for (let i = 0; i < array.length; i++) write(array[i]);
}

function writeBytes(bytes: Uint8Array): void {
  writeHead(bytes.length, 0, 0, 0xc4, 0xc5, 0xc6);
  makeRoom(bytes.length);
  block.set(bytes, at);
  at += bytes.length;
}

function writeText(text: string): void {
  const { length } = text;
  if (length < SHORT && writeShort(text, length)) return;
  const bytes = Buffer.byteLength(text);
  writeHead(bytes, 0xa0, 0x20, 0xd9, 0xda, 0xdb);
  makeRoom(bytes);
  at += block.write(text, at, bytes, bytes === length ? 'latin1' : 'utf8');
}
/** False, with nothing written: not all are ASCII. */
function writeShort(text: string, length: number): boolean {
  makeRoom(length + 2);
  const before = at;
  if (length < 0x20) block[at++] = 0xa0 | length;
  else {
    block[at++] = 0xd9;
    block[at++] = length;
  }
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) {
      at = before;
      return false;
    }
    block[at++] = code;
  }
  return true;
}

/** A type and a length: within one byte (`few` + length) below `limit`, else a byte of 8 (0: there is none), 16 or 32 bits. */
function writeHead(length: number, few: number, limit: number, of8: number, of16: number, of32: number): void {
  makeRoom(5);
  if (length < limit) block[at++] = few | length;
  else if (length < 0x100 && of8 !== 0) {
    block[at++] = of8;
    block[at++] = length;
  } else if (length < 0x10000) {
    block[at++] = of16;
    block[at++] = length >> 8;
    block[at++] = length & 0xff;
  } else {
    block[at++] = of32;
    at = block.writeUInt32BE(length, at);
  }
}

function writeNumber(value: number): void {
  makeRoom(9);
  if (value >>> 0 === value) {
    if (value < 0x80) block[at++] = value;
    else if (value < 0x100) {
      block[at++] = 0xcc;
      block[at++] = value;
    } else if (value < 0x10000) {
      block[at++] = 0xcd;
      block[at++] = value >> 8;
      block[at++] = value & 0xff;
    } else {
      block[at++] = 0xce;
      at = block.writeUInt32BE(value, at);
    }
  } else if (value >> 0 === value) {
    if (value >= -0x20) block[at++] = 0x100 + value;
    else if (value >= -0x80) {
      block[at++] = 0xd0;
      block[at++] = value + 0x100;
    } else if (value >= -0x8000) {
      block[at++] = 0xd1;
      at = block.writeInt16BE(value, at);
    } else {
      block[at++] = 0xd2;
      at = block.writeInt32BE(value, at);
    }
  } else {
    block[at++] = 0xcb;
    at = block.writeDoubleBE(value, at);
  }
}
