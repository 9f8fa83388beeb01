import { goFormat, isMap, put, type JsonMap } from '../values.ts';
import { byElement } from './compare.ts';
import { isEmptySet, isMember, MEMBER, printElement, type FieldSet } from './field-set.ts';
import type { TypedNode } from './typed-schema.ts';

/** The paths that a configuration sets. A struct or list is not itself in the set, an item of a list or map is. */
export function fieldSetOf(node: TypedNode, value: unknown): FieldSet {
  const set: Record<string, FieldSet> = {};
  if (Array.isArray(value)) {
    for (const [element, items] of byElement(node, value))
      set[element] = items.length > 1 ? MEMBER : withMember(below(node.element, items[0]), true);
  } else if (isMap(value)) {
    for (const [key, item] of Object.entries(value)) {
      if (item === undefined) continue;
      const child = node.field(key);
      const isOwn = item === null || !node.declares(key) || (isMap(item) && Object.keys(item).length === 0);
      const inner = below(child, item);
      if (inner !== undefined || isOwn) set[`f:${key}`] = withMember(inner, isOwn);
    }
  }
  return set;
}
/** The child value of a field: undefined if nothing of it is set (an empty list, say). */
function below(node: TypedNode, value: unknown): FieldSet | undefined {
  if (typeof value !== 'object' || value === null) return MEMBER;
  if (node.atomic || node.kind === 'scalar' || (Array.isArray(value) && node.kind !== 'list')) return MEMBER;
  const set = fieldSetOf(node, value);
  return isEmptySet(set) ? undefined : set;
}
const withMember = (set: FieldSet | undefined, isOwn: boolean): FieldSet =>
  set === undefined || isEmptySet(set) ? MEMBER : isOwn ? { '.': MEMBER, ...set } : set;

/** Fields that are declared and have members below become members themselves. */
export function withNamedFields(node: TypedNode, set: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const key in set) {
    const child = set[key]!;
    if (key === '.' || isEmptySet(child)) {
      out[key] = child;
      continue;
    }
    const name = key.slice(2);
    const isField = key.startsWith('f:');
    const inner = withNamedFields(isField ? node.field(name) : node.element, child);
    out[key] = isField && node.declares(name) && !('.' in inner) ? { '.': MEMBER, ...inner } : inner;
  }
  return out;
}

/** Lays a configuration over an object: leaves of the configuration win, lists with keys are merged item by item. */
export function mergeTyped(node: TypedNode, live: unknown, config: unknown): unknown {
  if (config === undefined) return live;
  if (live === undefined || live === null) return config;
  if (node.atomic || node.kind === 'scalar') return config;
  if (isMap(live) && (isMap(config) || config === null)) {
    if (config === null || Object.keys(config).length === 0) return Object.keys(live).length === 0 ? config : live;
    let merged: JsonMap | undefined;
    for (const key of Object.keys(config)) {
      const value = mergeTyped(node.field(key), Object.hasOwn(live, key) ? live[key] : undefined, config[key]);
      if (value !== live[key] || !Object.hasOwn(live, key)) put((merged ??= { ...live }), key, value);
    }
    return merged ?? live;
  }
  if (Array.isArray(live) && (Array.isArray(config) || config === null) && node.kind === 'list') {
    if (config === null || config.length === 0) return live.length === 0 ? config : live;
    return live.length === 0 ? config : mergeLists(node, live, config);
  }
  return config;
}
/** Items of the configuration come in its order; others of the object keep their place between them. */
function mergeLists(node: TypedNode, live: readonly unknown[], config: readonly unknown[]): unknown[] {
  const left = live.map((item) => node.elementOf(item));
  const right = config.map((item) => node.elementOf(item));
  const ours = new Map(left.map((element, i) => [element, live[i]]));
  const theirs = new Map(right.map((element, i) => [element, config[i]]));
  const shared = right.filter((element) => ours.has(element));
  const done = new Set<string>();
  const out: unknown[] = [];
  const take = (element: string): void => {
    done.add(element);
    out.push(mergeTyped(node.element, ours.get(element), theirs.get(element)));
  };
  let next = shared.shift();
  for (let l = 0, r = 0; l < left.length || r < right.length;) {
    if (l < left.length && r < right.length) {
      const element = left[l]!;
      if (element === right[r]) {
        take(element);
        l++;
        r++;
        next = shared.shift();
        continue;
      }
      if (theirs.has(element) && next !== undefined && next !== element) {
        // It comes later in the configuration: taken when its turn is.
        l++;
        continue;
      }
    }
    if (l < left.length) {
      const element = left[l]!;
      if (!theirs.has(element)) {
        out.push(live[l++]);
        continue;
      }
      if (done.has(element)) l++;
    }
    if (r < right.length) {
      const element = right[r++]!;
      take(element);
      if (next === element) next = shared.shift();
    }
  }
  return out;
}

/** The value without the members of `remove`; undefined when nothing is left of it. */
export function withoutItems(node: TypedNode, value: unknown, remove: FieldSet): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (node.atomic || node.kind === 'scalar' || isEmptySet(remove)) return value;
  if (Array.isArray(value)) {
    if (node.kind !== 'list') return value;
    const kept: unknown[] = [];
    for (const item of value as unknown[]) {
      const inner = remove[node.elementOf(item)];
      if (inner === undefined) kept.push(item);
      else if (!isMember(inner)) kept.push(withoutItems(node.element, item, inner));
    }
    return kept.length > 0 ? kept : undefined;
  }
  const map = value as JsonMap;
  const kept: JsonMap = {};
  let size = 0;
  for (const key of Object.keys(map)) {
    const inner = remove[`f:${key}`];
    if (inner !== undefined && isMember(inner)) continue;
    const item = inner === undefined ? map[key] : withoutItems(node.field(key), map[key], inner);
    if (item === undefined) continue;
    put(kept, key, item);
    size++;
  }
  return size > 0 ? kept : undefined;
}

/** Why a configuration is not of its type: `.spec.replicas: expected numeric (int or float), got string`. */
export function* typeErrors(node: TypedNode, value: unknown, path = ''): Generator<string> {
  if (value === null || value === undefined || node.kind === 'any') return;
  const say = (why: string): string => (path === '' ? why : `${path}: ${why}`);
  if (node.kind === 'scalar') {
    const wrong = scalarError(node, value);
    if (wrong !== undefined) yield say(wrong);
  } else if (node.kind === 'list') {
    if (!Array.isArray(value)) return yield say(`expected list, got &{${goFormat(value)}}`);
    const seen = new Set<string>();
    for (const [i, item] of (value as unknown[]).entries()) {
      let element = `i:${i}`;
      if (!node.atomic) {
        const wrong = itemError(node, item);
        if (wrong !== undefined) return yield say(`element ${i}: ${wrong}`);
        element = node.elementOf(item);
        if (seen.has(element)) yield say(`duplicate entries for key ${printElement(element)}`);
        seen.add(element);
      }
      yield* typeErrors(node.element, item, path + printElement(element));
    }
  } else {
    if (!isMap(value)) return yield say(`expected map, got &{${goFormat(value)}}`);
    for (const [key, item] of Object.entries(value)) {
      if (!node.isOpen && !node.declares(key)) return yield `${path}.${key}: field not declared in schema`;
      yield* typeErrors(node.field(key), item, `${path}.${key}`);
    }
  }
}
function scalarError(node: TypedNode, value: unknown): string | undefined {
  switch (node.scalar) {
    case 'numeric':
      return typeof value === 'number' ? undefined : `expected numeric (int or float), got ${Array.isArray(value) ? '[]interface {}' : isMap(value) ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : 'string'}`;
    case 'string':
      return typeof value === 'string' ? undefined : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goFormat(value)}}`;
    default:
      return typeof value === 'object' ? `expected any scalar, got &{${goFormat(value)}}` : undefined;
  }
} // prettier-ignore
/** As Go's `%#v` prints a decoded value. */
function goSyntax(value: unknown): string {
  if (value === null) return 'interface {}(nil)';
  if (Array.isArray(value)) return `[]interface {}{${value.map(goSyntax).join(', ')}}`;
  if (isMap(value))
    return `map[string]interface {}{${Object.keys(value).sort().map((key) => `${JSON.stringify(key)}:${goSyntax(value[key])}`).join(', ')}}`; // prettier-ignore
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
function itemError(node: TypedNode, item: unknown): string | undefined {
  if (node.listKeys === undefined) {
    if (isMap(item)) return "associative list without keys has an element that's a map type";
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return item === null ? "associative list without keys has an element that's an explicit null" : undefined;
  }
  if (item === null) return 'associative list with keys may not have a null element';
  if (!isMap(item)) return 'associative list with keys may not have non-map elements';
  return node.elementOf(item) === 'k:{}'
    ? `associative list with keys has an element that omits all key fields [${node.listKeys.map((key) => JSON.stringify(key)).join(' ')}] (and doesn't have default values for any key fields)`
    : undefined;
}
