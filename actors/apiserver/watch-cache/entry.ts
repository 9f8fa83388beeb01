import type { DynamicObject } from '../../../schemas/meta/object.ts';

/** How objects are sent, and stored where nothing encrypts them: the bus's codec. */
export interface ObjectCodec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}
/**
 * Bytes that keep nothing else alive. What comes from the bus or the codec is a view of a buffer that many messages share
 * and that may be megabytes, as what Node makes of a text is a view of its pool: one object that stays would hold all of it.
 */
function apart(bytes: Uint8Array): Buffer {
  if (bytes.byteLength === bytes.buffer.byteLength) return Buffer.from(bytes.buffer);
  const copy = Buffer.allocUnsafeSlow(bytes.byteLength);
  copy.set(bytes);
  return copy;
}
/** What makes objects of the store's values. */
export interface EntryReader {
  /** Throws for what cannot be read. */
  open(key: string, stored: Uint8Array): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/**
 * One version of one object as the store holds it, plus what was derived from it on demand: the decoded object and its
 * encodings. Everything here is shared by all readers and never changed.
 */
export class Entry {
  readonly key: string;
  readonly revision: number;
  readonly createRevision: number;
  /** Exactly as in the store, perhaps encrypted. */
  readonly stored: Uint8Array;
  readonly #reader: EntryReader;
  #plain: Uint8Array | undefined;
  #object: DynamicObject | undefined;
  /** Somebody has asked for the object since the last call of forgetUnused(). */
  #isInUse: boolean;
  /** JSON in the storage version: by far the most asked for, so it has a field of its own. */
  #json: Buffer | undefined;
  #others: Map<string, Buffer> | undefined;

  constructor(
    reader: EntryReader,
    key: string,
    revision: number,
    createRevision: number,
    stored: Uint8Array,
    object?: DynamicObject,
  ) {
    this.#reader = reader;
    this.key = key;
    this.revision = revision;
    this.createRevision = createRevision;
    this.stored = apart(stored);
    this.#object = object;
    this.#isInUse = object !== undefined;
  }
  /** The encoding without metadata.resourceVersion. Throws for what nobody's key opens. */
  get plain(): Uint8Array {
    return (this.#plain ??= this.#reader.open(this.key, this.stored));
  }
  /** Nobody's key opens it: those who only follow changes do as if it were not there. */
  get isSealed(): boolean {
    if (this.#object !== undefined) return false;
    try {
      void this.plain;
      return false;
    } catch {
      return true;
    }
  }
  /** In the storage version, with metadata.resourceVersion. Throws as `plain` does. */
  get object(): DynamicObject {
    if (this.#object === undefined) {
      const object = this.#reader.decode(this.plain) as DynamicObject;
      object.metadata.resourceVersion = String(this.revision);
      this.#object = object;
    }
    this.#isInUse = true;
    return this.#object;
  }
  /** Lets the object go that nobody has asked for since the last call. */
  forgetUnused(): void {
    if (!this.#isInUse) this.#object = undefined;
    this.#isInUse = false;
  }
  /** Of a version that was replaced: who still needs it, to catch up, decodes it again. */
  forgetObject(): void {
    this.forgetEncodings();
    this.#object = undefined;
  }
  /** What still needs an encoding makes it again. */
  forgetEncodings(): void {
    this.#json = undefined;
    this.#others = undefined;
  }
  /** JSON in the storage version, made once. */
  json(make: () => Buffer): Buffer {
    return (this.#json ??= apart(make()));
  }
  /** Another encoding made once; `kind` names version and media type. */
  encoded(kind: string, make: () => Buffer): Buffer {
    const known = this.#others?.get(kind);
    if (known !== undefined) return known;
    const bytes = apart(make());
    (this.#others ??= new Map()).set(kind, bytes);
    return bytes;
  }
}

/** One committed change of one key. */
export interface Change {
  readonly revision: number;
  readonly key: string;
  /** undefined: deleted. */
  readonly entry: Entry | undefined;
  readonly old: Entry | undefined;
  /** ms. */
  readonly time: number;
  /** Watch frames made of it in this tick, by encoding and event type: each is made once for all watchers. */
  frames: Map<string, unknown> | undefined;
}
