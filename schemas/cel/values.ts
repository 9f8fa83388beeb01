/** What expressions compute with, while they run. */
export type CelValue =
  | null
  | boolean
  /** An int: 64 bits, signed. */
  | bigint
  /** A double. */
  | number
  | string
  | Uint8Array
  | CelUint
  | CelTimestamp
  | CelDuration
  | CelTypeValue
  | CelOptional
  | CelList
  | CelMap
  | CelOpaque
  | CelError;

/**
 * What went wrong, as a value: it goes through operators as cel-go's errors do, until `||`, `&&` or a macro absorbs it.
 * The message is cel-go's.
 */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}
export class CelUint {
  readonly value: bigint;
  constructor(value: bigint) {
    this.value = value;
  }
}
/** A moment, and the offset that it is printed with. */
export class CelTimestamp {
  /** Nanoseconds since 1970. */
  readonly nanos: bigint;
  readonly offsetSeconds: number;
  constructor(nanos: bigint, offsetSeconds = 0) {
    this.nanos = nanos;
    this.offsetSeconds = offsetSeconds;
  }
}
export class CelDuration {
  readonly nanos: bigint;
  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}
/** A type as a value: what `type(x)` gives. */
export class CelTypeValue {
  readonly name: string;
  constructor(name: string) {
    this.name = name;
  }
}
export class CelOptional {
  static readonly none = new CelOptional(undefined);
  readonly value: CelValue | undefined;
  constructor(value: CelValue | undefined) {
    this.value = value;
  }
}
/** A value of a library's type: only that library's functions know what is in it. */
export abstract class CelOpaque {
  abstract readonly typeName: string;
  /** Whether it is the same as another; an error for one of another type. */
  abstract equals(other: CelValue): boolean | CelError;
  /** Bytes, where the cost of a call depends on it. */
  readonly size: number | undefined = undefined;
}
export abstract class CelList {
  abstract readonly size: number;
  /** Of an index within the list. */
  abstract at(index: number): CelValue;
  /** Adds another: the result is a new list. */
  concat(other: CelList): CelList | CelError {
    if (this.size === 0) return other;
    if (other.size === 0) return this;
    return new CelArray([...this, ...other]);
  }
  /** Whether an item is in it, where the list has its own way to look; undefined to compare one by one. */
  has(_item: CelValue): boolean | CelError | undefined {
    return undefined;
  }
  /** A list's own idea of equality, where it has one (sets); undefined to compare item by item. */
  equals(_other: CelValue): boolean | CelError | undefined {
    return undefined;
  }
  *[Symbol.iterator](): Generator<CelValue, void, undefined> {
    for (let i = 0; i < this.size; i++) yield this.at(i);
  }
}
export class CelArray extends CelList {
  readonly items: CelValue[];
  constructor(items: CelValue[]) {
    super();
    this.items = items;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelValue {
    return this.items[index]!;
  }
}
/** What a comprehension fills: adding to it changes it, as in cel-go. */
export class CelGrowingArray extends CelArray {
  override concat(other: CelList): CelList {
    if (other instanceof CelArray) for (const item of other.items.slice()) this.items.push(item);
    else for (const item of other) this.items.push(item);
    return this;
  }
}
export abstract class CelMap {
  abstract readonly size: number;
  /** Undefined when there is no such key. */
  abstract find(key: CelValue): CelValue | undefined;
  /** What `in` asks. Maps that find something for every key know better. */
  has(key: CelValue): boolean | CelError {
    const found = this.find(key);
    return found instanceof CelError ? found : found !== undefined;
  }
  abstract keys(): Iterable<CelValue>;
  /** A map's own idea of equality; undefined to compare entry by entry. */
  equals(_other: CelValue): boolean | CelError | undefined {
    return undefined;
  }
  /** The name of its type: objects have their own. */
  get typeName(): string {
    return 'map';
  }
}
/** A map made in an expression. */
export class CelEntries extends CelMap {
  readonly entries = new Map<unknown, readonly [key: CelValue, value: CelValue]>();
  get size(): number {
    return this.entries.size;
  }
  find(key: CelValue): CelValue | undefined {
    if (this.entries.size === 0) return undefined;
    for (const one of aliases(key)) {
      const entry = this.entries.get(one);
      if (entry) return entry[1];
    }
    return undefined;
  }
  set(key: CelValue, value: CelValue): void {
    this.entries.set(hash(key), [key, value]);
  }
  delete(key: CelValue): void {
    this.entries.delete(hash(key));
  }
  *keys(): Generator<CelValue, void, undefined> {
    for (const [key] of this.entries.values()) yield key;
  }
}
/** What a comprehension fills: cel.@mapInsert changes it. */
export class CelGrowingEntries extends CelEntries {}

/** A key that JavaScript's Map tells apart as CEL does: by type and value. */
function hash(key: CelValue): unknown {
  if (typeof key === 'string') return `s${key}`;
  if (key instanceof CelUint) return `u${key.value}`;
  if (key instanceof CelTimestamp) return `t${key.nanos}`;
  if (key instanceof CelDuration) return `d${key.nanos}`;
  if (key instanceof CelTypeValue) return `y${key.name}`;
  return key;
}
/** Numbers of another type find a key of the same amount. Source: cel-go common/types map.go Find. */
function aliases(key: CelValue): readonly unknown[] {
  if (typeof key === 'bigint') return key >= 0n ? [key, `u${key}`] : [key];
  if (key instanceof CelUint) return [hash(key), key.value];
  if (typeof key === 'number' && Number.isInteger(key) && Math.abs(key) < 2 ** 63)
    return [key, BigInt(key), `u${BigInt(key)}`];
  return [hash(key)];
}

/** The name of a value's type, as `type(x)` prints it. */
export function typeNameOf(value: CelValue): string {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
  }
  if (value === null) return 'null_type';
  if (value instanceof CelList) return 'list';
  if (value instanceof CelMap) return value.typeName;
  if (value instanceof CelUint) return 'uint';
  if (value instanceof Uint8Array) return 'bytes';
  if (value instanceof CelTimestamp) return 'google.protobuf.Timestamp';
  if (value instanceof CelDuration) return 'google.protobuf.Duration';
  if (value instanceof CelTypeValue) return 'type';
  if (value instanceof CelOptional) return 'optional_type';
  if (value instanceof CelOpaque) return value.typeName;
  return 'error';
}
/** A value's type with its parameters, as far as they are known while running: of lists and maps, not. */
export function typeTextOf(value: CelValue): string {
  const name = typeNameOf(value);
  return name === 'list' ? 'list(dyn)' : name === 'map' ? 'map(dyn, dyn)' : name;
}
/** One error for all calls that no overload fits; those that name the call are made where they happen. */
export const noSuchOverload = (): CelError => new CelError('no such overload');
