import { resolve, type Shape } from './shapes.ts';

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type Path = readonly (string | number)[];

/** An object that differs from another in one place. */
export interface Variant {
  readonly object: Json;
  /** Where, and what was done there: the same words wherever the same definition is used. */
  readonly signature: string;
  readonly path: Path;
  /** Something is there that was not: if a server takes it, more can be tried below it. */
  readonly grows: boolean;
  /** Nothing is there but an empty list or map, or null. */
  readonly empties: boolean;
}
/** Values that are known of fields of some name. */
export type Dictionary = ReadonlyMap<string, readonly Json[]>;

const STRINGS: readonly Json[] = ['', 'x', 'Bad_Name', 'example.com/x', '-', '50%', '1', '10.0.0.1', 'fd00::1', '/x', '../x', `x${'y'.repeat(300)}`, 'ä', 'a b', '2020-01-02T03:04:05Z', 'https://example.com/x']; // prettier-ignore
const QUANTITIES: readonly Json[] = ['1', '-1', '0', '1.5', '100m', '1.0001', 'x', '', 2];
const INTEGERS: readonly Json[] = [-1, 0, 1, 2, 101, 65536, 2147483647];

/** All objects that differ from `object` in one place below the definition `name`, apart from its kind and metadata's own. */
export function* variants(object: Json, name: string, dictionary: Dictionary, skip: ReadonlySet<string>): Generator<Variant> {
  yield* within(object, object, { ref: name }, name, [], dictionary, skip);
} // prettier-ignore

function* within(
  whole: Json,
  here: Json,
  of: Shape,
  field: string,
  path: Path,
  dictionary: Dictionary,
  skip: ReadonlySet<string>,
): Generator<Variant> {
  const { shape, name } = resolve(of, field);
  const change = (to: Json, at: Path, what: string, grows = false, empties = false): Variant =>
    ({ object: put(whole, at, to), path: at, signature: what, grows, empties }); // prettier-ignore
  if (Array.isArray(here)) {
    if (here.length > 0) {
      yield change([...here, here[0]!], path, `${name}: first item twice`);
      yield change([], path, `${name}: no items`, false, true);
      yield change([null], path, `${name}: an item null`, false, true);
    }
    for (const [i, item] of here.entries()) yield* within(whole, item, shape.items ?? {}, `${name}[]`, [...path, i], dictionary, skip); // prettier-ignore
    return;
  }
  if (typeof here !== 'object' || here === null) return;
  if (shape.values !== undefined) {
    const value = Object.values(here)[0];
    if (value !== undefined)
      for (const key of ['', 'Bad Key!', 'example.com/', 'x'.repeat(300), 'kubernetes.io/x'])
        yield change({ ...here, [key]: value }, path, `${name}: key ${key.slice(0, 20)}`, true);
    for (const [key, item] of Object.entries(here)) yield* leafs(item, shape.values, `${name}.*`, [...path, key]);
    return;
  }
  for (const [key, declared] of Object.entries(shape.fields ?? {})) {
    const at = [...path, key];
    if (skip.has(at.join('.'))) continue;
    const where = `${name}.${key}`;
    const present = here[key];
    if (present !== undefined) {
      const { [key]: _, ...without } = here;
      yield change(without, path, `${where}: removed`);
      yield change(null, at, `${where}: null`, false, true);
      yield* leafs(present, declared, where, at);
      yield* within(whole, present, declared, where, at, dictionary, skip);
    } else {
      const values = [minimal(declared, where, dictionary, 0), ...(dictionary.get(key) ?? []), ...emptyOf(declared)];
      for (const value of values) {
        yield change({ ...here, [key]: value }, path, `${where}: added ${short(value)}`, true, isHollow(value));
        // One of several, which exclude each other.
        for (const [other, sibling] of Object.entries(here)) {
          const optional = shape.required?.includes(other) !== true && typeof sibling === 'object';
          const { [other]: _, ...rest } = here;
          if (optional && path.length > 0)
            yield change({ ...rest, [key]: value }, path, `${where}: instead of ${other} ${short(value)}`, true, isHollow(value)); // prettier-ignore
        }
      }
    }
  }
  function* leafs(present: Json, declared: Shape, where: string, at: Path): Generator<Variant> {
    for (const value of [...(dictionary.get(String(at.at(-1))) ?? []), ...valuesOf(declared, where)])
      if (JSON.stringify(value) !== JSON.stringify(present))
        yield change(value, at, `${where}: ${short(value)}`, false, isHollow(value));
  }
}

function valuesOf(declared: Shape, where: string): readonly Json[] {
  const { shape, name } = resolve(declared, where);
  if (name.endsWith('.Quantity')) return QUANTITIES;
  if (shape.format === 'int-or-string') return [-1, 0, 1, 101, 70000, '50%', '101%', 'x', 'Bad_Name', '', '5'];
  switch (shape.type) {
    case 'string':
      return [...(shape.enum ?? []), ...(shape.format === 'date-time' ? ['2020-01-02T03:04:05.000000Z'] : []), ...STRINGS, 5]; // prettier-ignore
    case 'integer':
      return [...INTEGERS, 'x'];
    case 'boolean':
      return [true, false, 'x'];
    case 'array':
      return ['x', {}];
    default:
      return ['x', [], {}];
  }
}
function emptyOf(declared: Shape): readonly Json[] {
  const { shape } = resolve(declared, '');
  if (shape.type === 'array') return [[], ...(resolve(shape.items ?? {}, '').shape.type === 'object' ? [[{}]] : [])];
  if (shape.type === 'object' || shape.fields !== undefined) return [{}];
  return shape.enum ?? [];
}
/** A value of that shape with what it requires. */
function minimal(declared: Shape, where: string, dictionary: Dictionary, depth: number): Json {
  const { shape, name } = resolve(declared, where);
  const known = dictionary.get(where.slice(where.lastIndexOf('.') + 1))?.[0];
  if (name.endsWith('.Quantity')) return '1';
  if (shape.format === 'int-or-string') return 1;
  if (shape.values !== undefined) return { x: minimal(shape.values, `${where}.x`, new Map(), depth + 1) };
  switch (shape.type) {
    case 'string':
      if (shape.format === 'date-time') return '2020-01-02T03:04:05Z';
      return shape.enum?.[0] ?? (typeof known === 'string' ? known : shape.format === 'byte' ? 'eA==' : 'x');
    case 'integer':
      return typeof known === 'number' ? known : 1;
    case 'boolean':
      return true;
    case 'array':
      return depth > 6 ? [] : [minimal(shape.items ?? {}, where, dictionary, depth + 1)];
    default: {
      const required = depth > 6 ? [] : (shape.required ?? []);
      return Object.fromEntries(required.map((key) => [key, minimal(shape.fields?.[key] ?? {}, `${name}.${key}`, dictionary, depth + 1)])); // prettier-ignore
    }
  }
}
function put(whole: Json, path: Path, value: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(whole)) return whole.map((item, i) => (i === key ? put(item, rest, value) : item));
  const object = whole as { [key: string]: Json };
  return { ...object, [key]: put(object[key] ?? {}, rest, value) };
}
const short = (value: Json): string => JSON.stringify(value).slice(0, 40);
/** Nothing, or only nothings. */
const isHollow = (value: Json): boolean =>
  typeof value === 'object' && (value === null || Object.values(value).every(isHollow));
