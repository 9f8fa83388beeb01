import { isMap, sameJson, type JsonMap } from '../values.ts';
import { MEMBER, type FieldSet } from './field-set.ts';
import type { TypedNode } from './typed-schema.ts';

/** What differs between two objects. `changed` holds added and modified paths. */
export interface Difference {
  readonly changed: FieldSet;
  readonly removed: FieldSet;
}
type Draft = Record<string, FieldSet>;

/** Fields of metadata that the server owns: nobody manages them. Source: apimachinery managedfields stripMetaManager. */
const SERVER_METADATA: ReadonlySet<string> = new Set([
  'name', 'namespace', 'creationTimestamp', 'selfLink', 'uid', 'clusterName', 'generation', 'managedFields', 'resourceVersion',
]); // prettier-ignore

/** Compares two whole objects; apiVersion, kind and what the server owns of metadata are left out. */
export function compareObjects(node: TypedNode, before: JsonMap, after: JsonMap): Difference {
  const walk = new Walk(node.isCustom);
  const changed: Draft = {};
  const removed: Draft = {};
  for (const key in after) {
    if (key === 'metadata' || key === 'apiVersion' || key === 'kind') continue;
    walk.compareField(node, key, before[key], after[key], changed, removed);
  }
  for (const key in before)
    if (after[key] === undefined && key !== 'metadata' && key !== 'apiVersion' && key !== 'kind')
      walk.compareField(node, key, before[key], undefined, changed, removed);
  const metadata = node.field('metadata');
  const left = isMap(before['metadata']) ? before['metadata'] : {};
  const right = isMap(after['metadata']) ? after['metadata'] : {};
  const metaChanged: Draft = {};
  const metaRemoved: Draft = {};
  for (const key in right)
    if (!SERVER_METADATA.has(key)) walk.compareField(metadata, key, left[key], right[key], metaChanged, metaRemoved);
  for (const key in left)
    if (right[key] === undefined && !SERVER_METADATA.has(key))
      walk.compareField(metadata, key, left[key], undefined, metaChanged, metaRemoved);
  for (const _ in metaChanged) {
    changed['f:metadata'] = metaChanged;
    break;
  }
  for (const _ in metaRemoved) {
    removed['f:metadata'] = metaRemoved;
    break;
  }
  return { changed, removed };
}

/** `changed` and `removed` of the values compared last; undefined for none. Two returns without an object for each. */
class Walk {
  private changed: FieldSet | undefined;
  private removed: FieldSet | undefined;
  /** Of custom kinds a null that comes is a value; in the others it stands for nothing. */
  private readonly hasNulls: boolean;

  constructor(hasNulls: boolean) {
    this.hasNulls = hasNulls;
  }
  compareField(node: TypedNode, key: string, l: unknown, r: unknown, changed: Draft, removed: Draft): void {
    if (l === r || (l === undefined && r === null && !this.hasNulls)) return;
    const member = node.member(key);
    this.compare(member.node, l, r);
    if (this.changed !== undefined) changed[member.element] = this.changed;
    if (this.removed !== undefined) removed[member.element] = this.removed;
  }

  private compare(node: TypedNode, l: unknown, r: unknown): void {
    this.changed = undefined;
    this.removed = undefined;
    if (l === undefined) this.changed = allOf(node, r);
    else if (r === undefined) this.removed = allOf(node, l);
    else if (typeof l !== 'object' || typeof r !== 'object') this.leaf(l, r);
    else if (Array.isArray(l) || Array.isArray(r)) this.compareLists(node, l, r);
    else if (node.kind === 'scalar') this.leaf(l, r);
    else if (node.kind === 'list') this.compareLists(node, l, r);
    else if (node.atomic || (isEmpty(l) && isEmpty(r))) this.leaf(l, r);
    else this.compareMaps(node, (l ?? {}) as JsonMap, (r ?? {}) as JsonMap);
  }
  private leaf(l: unknown, r: unknown): void {
    if (!sameJson(l, r)) this.changed = MEMBER;
  }
  private compareMaps(node: TypedNode, l: JsonMap, r: JsonMap): void {
    let changed: Draft | undefined;
    let removed: Draft | undefined;
    for (const key in r) {
      const left = l[key];
      const right = r[key];
      if (left === right || right === undefined || (right === null && left === undefined && !this.hasNulls)) continue;
      const member = node.member(key);
      this.compare(member.node, left, right);
      if (this.changed !== undefined) (changed ??= {})[member.element] = this.changed;
      if (this.removed !== undefined) (removed ??= {})[member.element] = this.removed;
    }
    for (const key in l)
      if (r[key] === undefined && l[key] !== undefined) (removed ??= {})[`f:${key}`] = allOf(node.field(key), l[key]);
    this.changed = changed;
    this.removed = removed;
  }
  private compareLists(node: TypedNode, l: unknown, r: unknown): void {
    if (sameJson(l, r)) return;
    const left = (Array.isArray(l) ? l : []) as unknown[];
    const right = (Array.isArray(r) ? r : []) as unknown[];
    if (node.kind !== 'list' || node.atomic || (left.length === 0 && right.length === 0)) {
      this.changed = MEMBER;
      return;
    }
    let changed: Draft | undefined;
    let removed: Draft | undefined;
    const before = byElement(node, left);
    const after = byElement(node, right);
    for (const [element, rights] of after) {
      const lefts = before.get(element);
      if (rights.length === 1 && (lefts === undefined || lefts.length === 1)) {
        this.compare(node.element, lefts?.[0], rights[0]);
        if (this.changed !== undefined) (changed ??= {})[element] = this.changed;
        if (this.removed !== undefined) (removed ??= {})[element] = this.removed;
      } else if (rights.length > 1) {
        if (!sameJson(lefts, rights)) (changed ??= {})[element] = MEMBER;
        // Of what is there twice nothing below is owned.
        if (lefts?.length === 1) (removed ??= {})[element] = allOf(node.element, lefts[0]);
      } else {
        (changed ??= {})[element] = allOf(node.element, rights[0]);
        (removed ??= {})[element] = MEMBER;
      }
    }
    for (const [element, lefts] of before)
      if (!after.has(element)) (removed ??= {})[element] = lefts.length > 1 ? MEMBER : allOf(node.element, lefts[0]);
    this.changed = changed;
    this.removed = removed;
  }
}
const isEmpty = (value: object | null): boolean => {
  for (const _ in value) return false;
  return true;
};
/** Thrown by comparisons: an item of a list with keys has none of them, so that its path cannot be told. */
export class KeylessItem extends Error {
  override name = 'KeylessItem';
}
function elementIn(node: TypedNode, item: unknown): string {
  const element = node.elementOf(item);
  if (element === 'k:{}') throw new KeylessItem('associative list with keys has an element that omits all key fields');
  return element;
}
export function byElement(node: TypedNode, list: readonly unknown[]): Map<string, unknown[]> {
  const items = new Map<string, unknown[]>();
  for (const item of list) {
    const element = elementIn(node, item);
    const same = items.get(element);
    if (same === undefined) items.set(element, [item]);
    else same.push(item);
  }
  return items;
}

/** The paths that appear when a value appears where there was none: its own and all below. */
function allOf(node: TypedNode, value: unknown): FieldSet {
  if (typeof value !== 'object' || value === null) return MEMBER;
  let set: Draft | undefined;
  if (Array.isArray(value)) {
    if (node.kind !== 'list' || node.atomic) return MEMBER;
    for (const item of value as unknown[]) {
      const element = elementIn(node, item);
      set ??= { '.': MEMBER };
      set[element] = set[element] === undefined ? allOf(node.element, item) : MEMBER;
    }
  } else {
    if (node.atomic || node.kind === 'scalar' || node.kind === 'list') return MEMBER;
    for (const key in value) {
      const item = (value as JsonMap)[key];
      if (item === undefined) continue;
      const member = node.member(key);
      (set ??= { '.': MEMBER })[member.element] = allOf(member.node, item);
    }
  }
  return set ?? MEMBER;
}
