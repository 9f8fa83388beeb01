/** Texts of up to so many bytes are remembered; longer ones hardly ever come twice. */
const LONGEST = 40;
/** Places for texts that were read, by what they hash to: a later one takes the place of an earlier one. */
const PLACES = 4096;
/** To this length an array is made in its size; one that only claims to be longer takes no memory before its elements come. */
const LIKELY = 64;

const texts: string[] = Array.from({ length: PLACES }, () => '');
const keys: string[] = Array.from({ length: PLACES }, () => '');

const NONE = new Uint8Array(0);
let bytes: Uint8Array = NONE;
/** The next byte to read, and the one behind the last. */
let at = 0;
let end = 0;

const NOTHING = Symbol('nothing');
const NO_READER = (): unknown => NOTHING;

const truncated = (): Error => new Error('the message ends too early');

/**
 * The one value that a message is. Of texts that come again and again, as nearly all of an object's do, there is one in
 * memory and not one for each object. Bytes are a view into the message.
 * Thrown: Error for what is not one well-formed value of the format (see codec.ts); RangeError where it is nested too deep.
 */
export function decodeValue(message: Uint8Array): unknown {
  return reading(message, () => last(read()));
}
/** The same of an object of the API, without its metadata.managedFields: they are most of what an object takes, and few ask for them. */
export function decodeLean(message: Uint8Array): unknown {
  return reading(message, () => last(read('metadata', readMetadata)));
}
/** All values of a concatenation. */
export function decodeValues(message: Uint8Array): unknown[] {
  return reading(message, () => {
    const values: unknown[] = [];
    while (at < end) values.push(read());
    return values;
  });
}
function reading<T>(message: Uint8Array, read: () => T): T {
  bytes = message;
  at = 0;
  end = message.length;
  try {
    return read();
  } finally {
    // What was read holds no message.
    bytes = NONE;
  }
}
function last(value: unknown): unknown {
  if (at !== end) throw new Error(`${end - at} bytes are left`);
  return value;
}

/** The lengths and numbers that do not fit into their first byte: 8, 16 or 32 bits. */
function uint8(): number {
  if (at >= end) throw truncated();
  return bytes[at++]!;
}
function uint16(): number {
  if (at + 2 > end) throw truncated();
  return (bytes[at++]! << 8) | bytes[at++]!;
}
function uint32(): number {
  if (at + 4 > end) throw truncated();
  return ((bytes[at++]! << 24) | (bytes[at++]! << 16) | (bytes[at++]! << 8) | bytes[at++]!) >>> 0;
}
function float(size: 4 | 8): number {
  const from = at;
  pass(size);
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, size);
  return size === 4 ? view.getFloat32(0) : view.getFloat64(0);
}
/** Goes on behind the next `length` bytes. */
function pass(length: number): void {
  if (at + length > end) throw truncated();
  at += length;
}

/** The next value. Of an object, the value of the key `special` is read by `readSpecial`, and left out if that gives NOTHING. */
function read(special = '', readSpecial = NO_READER): unknown {
  const head = uint8();
  if (head < 0x80) return head;
  if (head < 0x90) return readObject(head & 0x0f, special, readSpecial);
  if (head < 0xa0) return readArray(head & 0x0f);
  if (head < 0xc0) return readText(head & 0x1f, texts);
  if (head >= 0xe0) return head - 0x100;
  switch (head) {
    case 0xc0:
      return null;
    case 0xc2:
      return false;
    case 0xc3:
      return true;
    case 0xc4:
      return readBytes(uint8());
    case 0xc5:
      return readBytes(uint16());
    case 0xc6:
      return readBytes(uint32());
    case 0xca:
      return float(4);
    case 0xcb:
      return float(8);
    case 0xcc:
      return uint8();
    case 0xcd:
      return uint16();
    case 0xce:
      return uint32();
    case 0xcf:
      return uint32() * 2 ** 32 + uint32();
    case 0xd0:
      return (uint8() << 24) >> 24;
    case 0xd1:
      return (uint16() << 16) >> 16;
    case 0xd2:
      return uint32() | 0;
    case 0xd3:
      return (uint32() | 0) * 2 ** 32 + uint32();
    case 0xd4:
      // What an array has where nothing was put.
      if (uint16() === 0) return undefined;
      break;
    case 0xd9:
      return readText(uint8(), texts);
    case 0xda:
      return readText(uint16(), texts);
    case 0xdb:
      return readText(uint32(), texts);
    case 0xdc:
      return readArray(uint16());
    case 0xdd:
      return readArray(uint32());
    case 0xde:
      return readObject(uint16(), special, readSpecial);
    case 0xdf:
      return readObject(uint32(), special, readSpecial);
  }
  throw new Error(`a value of type ${head}`);
}

function readObject(length: number, special: string, readSpecial: () => unknown): Record<string, unknown> {
  const object: Record<string, unknown> = {};
  for (let i = 0; i < length; i++) {
    const key = readKey();
    const value = key === special && key !== '' ? readSpecial() : read();
    if (value === NOTHING) continue;
    if (key === '__proto__') setOwn(object, key, value);
    else object[key] = value;
  }
  return object;
}
/** As it comes, and not the object's prototype. */
function setOwn(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, { value, writable: true, enumerable: true, configurable: true });
}
function readKey(): string {
  const head = uint8();
  if ((head & 0xe0) === 0xa0) return readText(head & 0x1f, keys);
  if (head === 0xd9) return readText(uint8(), keys);
  if (head === 0xda) return readText(uint16(), keys);
  if (head === 0xdb) return readText(uint32(), keys);
  throw new Error(`a key of type ${head}`);
}

function readArray(length: number): unknown[] {
  if (length > LIKELY) {
    const array: unknown[] = [];
    for (let i = 0; i < length; i++) array.push(read());
    return array;
  }
  const array = new Array<unknown>(length);
  for (let i = 0; i < length; i++) array[i] = read();
  return array;
}

function readBytes(length: number): Uint8Array {
  const from = at;
  pass(length);
  return bytes.subarray(from, at);
}

function readText(length: number, known: string[]): string {
  const from = at;
  pass(length);
  const to = at;
  if (length > LONGEST) return Buffer.prototype.utf8Slice.call(bytes, from, to);
  let hash = length;
  if (length <= 8) for (let i = from; i < to; i++) hash = Math.imul(hash, 31) + bytes[i]!;
  else {
    const middle = (from + to) >> 1;
    hash = Math.imul(hash, 31) + ((bytes[from]! << 16) | (bytes[from + 2]! << 8) | bytes[middle]!);
    hash = Math.imul(hash, 31) + ((bytes[middle + 1]! << 16) | (bytes[to - 4]! << 8) | bytes[to - 3]!);
    hash = Math.imul(hash, 31) + ((bytes[to - 2]! << 8) | bytes[to - 1]!);
  }
  const place = (hash ^ (hash >>> 12)) & (PLACES - 1);
  const text = known[place]!;
  if (text.length === length) {
    let i = 0;
    while (i < length && text.charCodeAt(i) === bytes[from + i]) i++;
    if (i === length) return text;
  }
  const read = Buffer.prototype.utf8Slice.call(bytes, from, to);
  // As many characters as bytes: it is ASCII, so characters may be compared with bytes.
  if (read.length === length) known[place] = read;
  return read;
}

const readMetadata = (): unknown => read('managedFields', skip);

/** Goes on behind the next value. */
function skip(): typeof NOTHING {
  for (let left = 1; left > 0; left--) {
    const head = uint8();
    if (head < 0x80 || head >= 0xe0) continue;
    else if (head < 0x90) left += 2 * (head & 0x0f);
    else if (head < 0xa0) left += head & 0x0f;
    else if (head < 0xc0) pass(head & 0x1f);
    else left += skipRest(head);
  }
  return NOTHING;
}
/** What is behind the first byte of a value; how many values are still to come of it. */
function skipRest(head: number): number {
  switch (head) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return 0;
    case 0xc4:
    case 0xd9:
      pass(uint8());
      return 0;
    case 0xc5:
    case 0xda:
      pass(uint16());
      return 0;
    case 0xc6:
    case 0xdb:
      pass(uint32());
      return 0;
    case 0xcc:
    case 0xd0:
      pass(1);
      return 0;
    case 0xcd:
    case 0xd1:
    case 0xd4:
      pass(2);
      return 0;
    case 0xca:
    case 0xce:
    case 0xd2:
      pass(4);
      return 0;
    case 0xcb:
    case 0xcf:
    case 0xd3:
      pass(8);
      return 0;
    case 0xdc:
      return uint16();
    case 0xdd:
      return uint32();
    case 0xde:
      return 2 * uint16();
    case 0xdf:
      return 2 * uint32();
    default:
      throw new Error(`a value of type ${head}`);
  }
}
