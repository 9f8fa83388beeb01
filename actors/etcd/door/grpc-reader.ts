const PREFIX = 5;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;

/** What a call ends with. `code`: one of gRPC's. */
export interface Refusal {
  readonly code: number;
  readonly details: string;
}
/** Thrown: the client sent what is no message, or one that is too long. */
export class BadMessage extends Error implements Refusal {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
  get details(): string {
    return this.message;
  }
}

/** Takes the messages of a stream out of its chunks. */
export class MessageReader {
  readonly #max: number;
  #rest: Buffer = Buffer.alloc(0);
  #late: Buffer[] = [];
  #length = 0;
  /** Of the next message with its prefix; 0: not known. */
  #wanted = 0;
  constructor(max: number) {
    this.#max = max;
  }
  /** Thrown: BadMessage. */
  push(chunk: Buffer): void {
    if (this.#length === 0) this.#rest = chunk;
    else this.#late.push(chunk);
    this.#length += chunk.length;
    this.#look();
  }
  /** The next whole message. Thrown: BadMessage. */
  next(): Buffer | undefined {
    if (this.#wanted === 0 || this.#length < this.#wanted) return undefined;
    const all = this.#joined();
    const message = all.subarray(PREFIX, this.#wanted);
    this.#rest = all.subarray(this.#wanted);
    this.#length = this.#rest.length;
    this.#wanted = 0;
    this.#look();
    return message;
  }
  #look(): void {
    if (this.#wanted > 0 || this.#length < PREFIX) return;
    const head = this.#rest.length < PREFIX ? this.#joined() : this.#rest;
    if (head[0] !== 0) throw new BadMessage(UNIMPLEMENTED, 'compressed messages are not read here');
    const length = head.readUInt32BE(1);
    if (length > this.#max) throw new BadMessage(RESOURCE_EXHAUSTED, `grpc: received message larger than max (${length} vs. ${this.#max})`); // prettier-ignore
    this.#wanted = PREFIX + length;
  }
  /** Copied once a message, however many chunks it came in. */
  #joined(): Buffer {
    if (this.#late.length > 0) this.#rest = Buffer.concat([this.#rest, ...this.#late.splice(0)]);
    return this.#rest;
  }
}
