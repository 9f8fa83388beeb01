import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { isObject, schemaOf } from '../structural/custom-values.ts';

/**
 * A part of an object and what it was before an update. What is as it was does not fail rules that came later.
 * Source: apiserver pkg/cel/common/equality.go CorrelatedObject, maplist.go.
 */
export class Correlation {
  private readonly value: unknown;
  private readonly old: unknown;
  private readonly schema: JSONSchemaProps;
  private readonly children = new Map<string | number, Correlation | undefined>();
  private isSame: boolean | undefined;
  constructor(value: unknown, old: unknown, schema: JSONSchemaProps) {
    this.value = value;
    this.old = old;
    this.schema = schema;
  }
  key(name: string): Correlation | undefined {
    if (!this.children.has(name)) this.children.set(name, this.property(name));
    return this.children.get(name);
  }
  private property(name: string): Correlation | undefined {
    const { value, old, schema } = this;
    if (!isObject(value) || !isObject(old) || !Object.hasOwn(value, name) || !Object.hasOwn(old, name))
      return undefined;
    const { properties } = schema;
    const own =
      properties && Object.hasOwn(properties, name) ? properties[name] : schemaOf(schema.additionalProperties);
    return own && new Correlation(value[name], old[name], own);
  }
  index(at: number): Correlation | undefined {
    if (!this.children.has(at)) this.children.set(at, this.item(at));
    return this.children.get(at);
  }
  private item(at: number): Correlation | undefined {
    const { value, old, schema } = this;
    const items = schemaOf(schema.items);
    if (!Array.isArray(value) || !Array.isArray(old) || at >= value.length || !items) return undefined;
    const before = oldItem(schema, old, value[at]);
    return before === undefined || before === null ? undefined : new Correlation(value[at], before, items);
  }
  /** Whether it is what it was; of lists with keys the order does not count. */
  get same(): boolean {
    return (this.isSame ??= this.compare());
  }
  private compare(): boolean {
    const { value, old } = this;
    if (Array.isArray(value)) {
      if (!Array.isArray(old) || value.length !== old.length) return false;
      if (this.schema['x-kubernetes-list-type'] !== 'map') return identical(value, old);
      return value.every((_, i) => this.index(i)?.same === true);
    }
    if (!isObject(value) || !isObject(old)) return identical(value, old);
    const names = Object.keys(value);
    return names.length === Object.keys(old).length && names.every((name) => this.key(name)?.same === true);
  }
}
/** The item of an old list that has the keys of a new one; only lists with keys have such. */
export function oldItem(schema: JSONSchemaProps, old: readonly unknown[], item: unknown): unknown {
  const keys = schema['x-kubernetes-list-map-keys'] ?? [];
  if (schema['x-kubernetes-list-type'] !== 'map' || keys.length === 0) return undefined;
  const wanted = keysOf(item, keys);
  return wanted === undefined ? undefined : itemsByKeys(old, keys).get(wanted);
}
const indexed = new WeakMap<
  readonly unknown[],
  { readonly keys: readonly string[]; readonly items: ReadonlyMap<string, unknown> }
>();
/** The first item with each combination of keys. */
function itemsByKeys(list: readonly unknown[], keys: readonly string[]): ReadonlyMap<string, unknown> {
  const known = indexed.get(list);
  if (known?.keys === keys) return known.items;
  const items = new Map<string, unknown>();
  for (const one of list) {
    const key = keysOf(one, keys);
    if (key !== undefined && !items.has(key)) items.set(key, one);
  }
  indexed.set(list, { keys, items });
  return items;
} // prettier-ignore
function keysOf(item: unknown, keys: readonly string[]): string | undefined {
  if (!isObject(item)) return undefined;
  const values = keys.map((key) => item[key]);
  return values.every((value) => ['string', 'number', 'boolean'].includes(typeof value)) ? JSON.stringify(values) : undefined; // prettier-ignore
}
/** Unlike semantic equality, empty is not absent. */
function identical(a: unknown, b: unknown): boolean {
  if (Array.isArray(a)) return Array.isArray(b) && a.length === b.length && a.every((item, i) => identical(item, b[i]));
  if (!isObject(a)) return a === b;
  if (!isObject(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && identical(a[name], b[name])); // prettier-ignore
}
