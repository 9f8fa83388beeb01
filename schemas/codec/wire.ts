/** Protobuf's wire format, as much of it as Kubernetes uses. */
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Reads a message field by field: `while (reader.next()) …` one value of `reader.field`. Throws Error when cut short. */
export class WireReader {
  field = 0;
  #wire = 0;
  #at = 0;
  readonly #bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }
  next(): boolean {
    if (this.#at >= this.#bytes.length) return false;
    const tag = this.#small();
    this.field = tag >>> 3;
    this.#wire = tag & 7;
    if (this.field === 0) throw new Error('illegal tag 0');
    return true;
  }
  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error('unexpected EOF');
    return byte;
  }
  #small(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error('integer overflow');
  }
  varint(): bigint {
    if (this.#wire !== VARINT) throw new Error(`wrong wireType = ${this.#wire}`);
    const first = this.#bytes[this.#at];
    if (first !== undefined && first < 0x80) {
      this.#at++;
      return BigInt(first);
    }
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Error('integer overflow');
  }
  /** Of a repeated field: one value, or all of those that are packed together. */
  varints(): bigint[] {
    if (this.#wire !== BYTES) return [this.varint()];
    const packed = new WireReader(this.bytes());
    packed.#wire = VARINT;
    const values: bigint[] = [];
    while (packed.#at < packed.#bytes.length) values.push(packed.varint());
    return values;
  }
  bytes(): Uint8Array {
    if (this.#wire !== BYTES) throw new Error(`wrong wireType = ${this.#wire}`);
    const length = this.#small();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new Error('unexpected EOF');
    const out = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return out;
  }
  text(): string {
    return utf8.decode(this.bytes());
  }
  double(): number {
    if (this.#wire !== FIXED64) throw new Error(`wrong wireType = ${this.#wire}`);
    return this.#view(8).getFloat64(0, true);
  }
  #view(length: number): DataView {
    if (this.#at + length > this.#bytes.length) throw new Error('unexpected EOF');
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset + this.#at, length);
    this.#at += length;
    return view;
  }
  skip(): void {
    switch (this.#wire) {
      case VARINT:
        while (this.#byte() >= 0x80);
        return;
      case FIXED64:
        return void this.#view(8);
      case BYTES:
        return void this.bytes();
      case FIXED32:
        return void this.#view(4);
      default:
        throw new Error(`illegal wireType ${this.#wire}`);
    }
  }
}

/** Writes a message field by field. */
export class WireWriter {
  #out = Buffer.allocUnsafe(256);
  #length = 0;
  #room(bytes: number): void {
    if (this.#length + bytes <= this.#out.length) return;
    const bigger = Buffer.allocUnsafe(Math.max(this.#out.length * 2, this.#length + bytes));
    this.#out.copy(bigger, 0, 0, this.#length);
    this.#out = bigger;
  }
  #small(value: number): void {
    this.#room(5);
    let rest = value;
    while (rest >= 0x80) {
      this.#out[this.#length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#out[this.#length++] = rest;
  }
  varint(field: number, value: number | bigint): void {
    this.#small((field << 3) | VARINT);
    if (typeof value === 'number' && value >= 0 && value < 0x7fffffff) return this.#small(value);
    this.#room(10);
    let rest = BigInt.asUintN(64, typeof value === 'number' ? BigInt(Math.trunc(value)) : value);
    while (rest >= 0x80n) {
      this.#out[this.#length++] = Number(rest & 0x7fn) | 0x80;
      rest >>= 7n;
    }
    this.#out[this.#length++] = Number(rest);
  }
  bytes(field: number, value: Uint8Array): void {
    this.#small((field << 3) | BYTES);
    this.#small(value.length);
    this.#room(value.length);
    this.#out.set(value, this.#length);
    this.#length += value.length;
  }
  /** Fields that are encoded already. */
  append(fields: Uint8Array): void {
    this.#room(fields.length);
    this.#out.set(fields, this.#length);
    this.#length += fields.length;
  }
  text(field: number, value: string): void {
    this.#small((field << 3) | BYTES);
    const length = Buffer.byteLength(value);
    this.#small(length);
    this.#room(length);
    this.#length += this.#out.write(value, this.#length);
  }
  double(field: number, value: number): void {
    this.#small((field << 3) | FIXED64);
    this.#room(8);
    this.#length = this.#out.writeDoubleLE(value, this.#length);
  }
  message(field: number, inner: WireWriter): void {
    this.bytes(field, inner.finish());
  }
  /** Begins a message whose fields are written next; close() with what this returns ends it. */
  open(field: number): number {
    this.#small((field << 3) | BYTES);
    this.#room(1);
    return ++this.#length;
  }
  /** Room was left for a length below 128; a longer message is moved on by what its length takes more. */
  close(start: number): void {
    const length = this.#length - start;
    if (length >= 0x80) {
      const more = length < 0x4000 ? 1 : length < 0x20_0000 ? 2 : length < 0x1000_0000 ? 3 : 4;
      this.#room(more);
      this.#out.copyWithin(start + more, start, this.#length);
    }
    this.#length = start - 1;
    this.#small(length);
    this.#length += length;
  }
  finish(): Buffer {
    return this.#out.subarray(0, this.#length);
  }
}
