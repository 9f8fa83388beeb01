import type { FieldSchema, SchemaSet } from '../../structural/schema.ts';
import { isMap, type JsonMap } from '../values.ts';

/**
 * How ownership sees a type: as one value (`scalar`, or anything `atomic`), as named fields, as a map, or as a list
 * whose items have a name (their keys or their value). Compiled from a FieldSchema on first use.
 * Source: kube-openapi pkg/schemaconv.
 */
export class TypedNode {
  readonly kind: 'scalar' | 'map' | 'list' | 'any';
  readonly scalar: 'string' | 'numeric' | 'boolean' | 'untyped';
  /** Lists and maps: changes as a whole. */
  readonly atomic: boolean;
  /** Lists of maps: the fields that name an item, sorted; undefined for sets. */
  readonly listKeys: readonly string[] | undefined;
  /** Fields that are declared; others of a map are `element`. */
  readonly isOpen: boolean;
  private readonly schema: FieldSchema;
  private readonly set: SchemaSet;
  private readonly members = new Map<string, TypedMember>();
  private elementNode: TypedNode | undefined;
  private keyDefaults: (string | undefined)[] | undefined;

  constructor(field: FieldSchema, set: SchemaSet) {
    const schema = set.resolve(field);
    this.schema = schema;
    this.set = set;
    this.kind = isRaw(schema, field) ? 'any' : kindOf(schema);
    this.scalar = scalarOf(schema);
    this.atomic =
      this.kind === 'list'
        ? schema.listType === undefined ? schema.patchStrategy === undefined || schema.patchStrategy === 'retainKeys' : schema.listType === 'atomic'
        : schema.mapType === 'atomic' || isRaw(schema, field); // prettier-ignore
    const keys = schema.listType === 'map' ? schema.listMapKeys : schema.listType === undefined && schema.patchMergeKey ? [schema.patchMergeKey] : undefined; // prettier-ignore
    this.listKeys = keys && [...keys].sort();
    this.isOpen = schema.values !== undefined || schema.fields === undefined;
  }
  declares(name: string): boolean {
    return this.schema.fields !== undefined && Object.hasOwn(this.schema.fields, name);
  }
  field(name: string): TypedNode {
    return this.member(name).node;
  }
  /** A field with its path element. Kept for declared fields; the keys of maps have no end. */
  member(name: string): TypedMember {
    let member = this.members.get(name);
    if (member === undefined) {
      const schema = this.declares(name) ? this.schema.fields![name] : undefined;
      member = { element: `f:${name}`, node: schema === undefined ? this.element : typedNode(schema, this.set) };
      if (schema !== undefined) this.members.set(name, member);
    }
    return member;
  }
  get element(): TypedNode {
    return (this.elementNode ??= typedNode(
      (this.kind === 'list' ? this.schema.items : this.schema.values) ?? ANYTHING,
      this.set,
    ));
  }
  /** The root of a kind that came by a CustomResourceDefinition. */
  get isCustom(): boolean {
    return this.schema.read !== undefined;
  }
  /** The path element of a list's item: `k:{"name":"x"}` or `v:"x"`. */
  elementOf(item: unknown): string {
    if (this.listKeys === undefined) return `v:${JSON.stringify(item)}`;
    this.keyDefaults ??= this.listKeys.map((key) => {
      const value = this.element.schema.fields?.[key]?.default;
      return value === undefined ? undefined : JSON.stringify(value);
    });
    const map = isMap(item) ? item : {};
    let text = '';
    for (let i = 0; i < this.listKeys.length; i++) {
      const name = this.listKeys[i]!;
      const value = map[name] === undefined ? this.keyDefaults[i] : JSON.stringify(map[name]);
      if (value !== undefined) text += `${text === '' ? '' : ','}"${name}":${value}`;
    }
    return `k:{${text}}`;
  }
  /**
   * What a new, empty object of a built-in kind contains: its struct fields and those that are always written. Fields
   * that are in it are not new when an object is created, so they have no owner of their own.
   */
  get emptyObject(): JsonMap {
    return (this.empty ??= emptyOf(this.schema, this.set));
  }
  private empty: JsonMap | undefined;
}

export interface TypedMember {
  readonly element: string;
  readonly node: TypedNode;
}
/** Raw JSON, and what may be of several types: numbers or texts. */
const isRaw = (schema: FieldSchema, field: FieldSchema): boolean =>
  schema.ref === RAW_EXTENSION || field.ref === RAW_EXTENSION || schema.oneOf !== undefined;
const RAW_EXTENSION = 'io.k8s.apimachinery.pkg.runtime.RawExtension';
const ANYTHING: FieldSchema = {};

const caches = new WeakMap<SchemaSet, WeakMap<FieldSchema, TypedNode>>();
/** Nodes are kept as long as the schema they were made from. */
export function typedNode(schema: FieldSchema, set: SchemaSet): TypedNode {
  let cache = caches.get(set);
  if (cache === undefined) caches.set(set, (cache = new WeakMap()));
  let node = cache.get(schema);
  if (node === undefined) cache.set(schema, (node = new TypedNode(schema, set)));
  return node;
}

function kindOf(schema: FieldSchema): TypedNode['kind'] {
  if (schema.oneOf !== undefined || schema.format === 'int-or-string') return 'scalar';
  if (schema.type === 'array') return 'list';
  if (schema.type === 'object' || schema.fields !== undefined || schema.values !== undefined) return 'map';
  return schema.type === undefined ? 'any' : 'scalar';
}
function scalarOf(schema: FieldSchema): TypedNode['scalar'] {
  if (schema.oneOf !== undefined) return 'untyped';
  if (schema.type === 'integer' || schema.type === 'number') return 'numeric';
  if (schema.type === 'boolean') return 'boolean';
  return schema.type === 'string' && (schema.format === undefined || schema.format === 'byte') ? 'string' : 'untyped';
} // prettier-ignore

function emptyOf(schema: FieldSchema, set: SchemaSet): JsonMap {
  const empty: JsonMap = {};
  for (const [name, field] of Object.entries(schema.fields ?? {})) {
    if (field.always !== true) continue;
    const target = set.resolve(field);
    if (field.pointer !== true && target.fields !== undefined) empty[name] = emptyOf(target, set);
    else
      empty[name] = field.pointer === true || target.format === 'date-time' ? null : (ZERO[target.type ?? ''] ?? null);
  }
  return empty;
}
const ZERO: Readonly<Record<string, unknown>> = { string: '', integer: 0, number: 0, boolean: false };
