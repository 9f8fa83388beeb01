import { equalValues } from './values-equal.ts';
import { CelError, CelList, noSuchOverload, type CelValue } from './values.ts';

type Read = (item: unknown) => CelValue;
/** A list of a schema. Items are JSON; those that an expression added are values already. */
export class TypedList extends CelList {
  readonly items: readonly unknown[];
  protected readonly read: Read;
  constructor(items: readonly unknown[], read: Read) {
    super();
    this.items = items;
    this.read = read;
  }
  get size(): number {
    return this.items.length;
  }
  at(index: number): CelValue {
    const item = this.items[index];
    return typeof item === 'bigint' || (typeof item === 'object' && item !== null && isValue(item))
      ? (item as CelValue)
      : this.read(item);
  }
  override concat(other: CelList): CelList | CelError {
    return new TypedList([...this.items, ...rawItems(other)], this.read);
  }
  override has(item: CelValue): boolean | CelError {
    let error: CelError | undefined;
    for (let i = 0; i < this.size; i++) {
      const found = equalValues(this.at(i), item);
      if (found === true) return true;
      if (found !== false) error ??= found;
    }
    return error ?? false;
  }
  override equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelList)) return noOverload(other);
    if (this.size !== other.size) return false;
    for (let i = 0; i < this.size; i++) {
      const found = equalValues(this.at(i), other.at(i));
      if (found !== true) return found;
    }
    return true;
  }
}
/** x-kubernetes-list-type: set. The order does not count; adding keeps what is there and appends what is new. */
export class TypedSet extends TypedList {
  override concat(other: CelList): CelList {
    const seen = new Set(this.items.map(scalarKey));
    const items = [...this.items];
    for (const item of rawItems(other)) {
      const key = scalarKey(item);
      if (seen.has(key)) continue;
      seen.add(key);
      items.push(item);
    }
    return new TypedSet(items, this.read);
  }
  override equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelList)) return noOverload(other);
    if (this.size !== other.size) return false;
    const mine = new Set(this.items.map(scalarKey));
    return rawItems(other).every((item) => mine.has(scalarKey(item)));
  }
}
/** x-kubernetes-list-type: map. Items are told apart by their keys; adding puts items of the same keys in place. */
export class TypedMapList extends TypedList {
  private readonly keys: readonly string[];
  constructor(items: readonly unknown[], read: Read, keys: readonly string[]) {
    super(items, read);
    this.keys = keys;
  }
  private keyOf(item: unknown): unknown {
    // What an expression made has no keys: it is like nothing else.
    if (typeof item !== 'object' || item === null || isValue(item)) return {};
    return this.keys.map((key) => scalarKey((item as Readonly<Record<string, unknown>>)[key])).join('\0');
  }
  override concat(other: CelList): CelList {
    const items = [...this.items];
    const places = new Map(items.map((item, i) => [this.keyOf(item), i]));
    for (const item of rawItems(other)) {
      const place = places.get(this.keyOf(item));
      if (place === undefined) items.push(item);
      else items[place] = item;
    }
    return new TypedMapList(items, this.read, this.keys);
  }
  override equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelList)) return noOverload(other);
    if (this.size !== other.size) return false;
    const mine = new Map(this.items.map((item) => [this.keyOf(item), item]));
    for (const [i, item] of rawItems(other).entries()) {
      const key = this.keyOf(item);
      if (!mine.has(key)) return false;
      const found = equalValues(this.read(mine.get(key)), other.at(i));
      if (found !== true) return found;
    }
    return true;
  }
}
const noOverload = (other: CelValue): CelError => (other instanceof CelError ? other : noSuchOverload());
const rawItems = (list: CelList): readonly unknown[] => (list instanceof TypedList ? list.items : [...list]);
/** JSON's objects have no class, values have one. */
const isValue = (item: object): boolean =>
  !Array.isArray(item) && Object.getPrototypeOf(item) !== Object.prototype && Object.getPrototypeOf(item) !== null;
function scalarKey(item: unknown): string {
  if (typeof item === 'bigint' || (typeof item === 'number' && Number.isInteger(item))) return `int ${item}`;
  return typeof item === 'object' ? `object ${JSON.stringify(item)}` : `${typeof item} ${String(item)}`;
}
