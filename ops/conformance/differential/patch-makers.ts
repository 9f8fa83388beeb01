import type { Json } from './mutate.ts';
import type { Random } from './random.ts';
import { resolve, type Shape } from './shapes.ts';

type JsonObject = { [key: string]: Json };
export type PatchType = 'merge' | 'strategic' | 'json' | 'apply';
const isMap = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
/** Values seen of a field of some name, so that some of what is made up is good. */
export type Pool = ReadonlyMap<string, readonly Json[]>;

/** The server's, which a patch seldom names. */
const RARE = new Set(['apiVersion', 'kind', 'metadata', 'status', 'uid', 'resourceVersion', 'creationTimestamp', 'generation', 'managedFields', 'selfLink', 'namespace', 'deletionTimestamp', 'deletionGracePeriodSeconds']); // prettier-ignore
const ODD: readonly Json[] = [
  null,
  '',
  'x',
  5,
  -1,
  1.5,
  true,
  [],
  {},
  ['x'],
  { x: 'y' },
  [null],
  [{}],
  [[]],
  'ä',
  9007199254740992,
  '1',
];

/** Makes patches of one type for one object. */
export class PatchMaker {
  readonly #random: Random;
  readonly #pool: Pool;
  readonly #type: PatchType;
  constructor(type: PatchType, random: Random, pool: Pool) {
    this.#type = type;
    this.#random = random;
    this.#pool = pool;
  }
  make(live: Json, shape: Shape): Json {
    if (this.#random.chance(0.01)) return this.#random.pick(ODD);
    if (this.#type === 'json') return this.#operations(live);
    const part = this.#map(isMap(live) ? live : {}, shape, 'root', 0);
    if (this.#type !== 'apply') return part;
    const { apiVersion, kind } = live as JsonObject;
    const metadata = isMap(part['metadata']) ? part['metadata'] : {};
    const { name } = (live as { metadata: { name: string } }).metadata;
    return { apiVersion: apiVersion!, kind: kind!, ...part, metadata: { name, ...metadata } };
  }

  #map(live: JsonObject, of: Shape, field: string, depth: number): JsonObject {
    const random = this.#random;
    const { shape } = resolve(of, field);
    const out: JsonObject = {};
    const declared = Object.keys(shape.fields ?? {}).filter((name) => !RARE.has(name) || random.chance(name === 'metadata' || name === 'status' ? 0.3 : 0.02)); // prettier-ignore
    const present = [...declared, ...(shape.fields === undefined ? Object.keys(live) : [])].filter((name) => live[name] !== undefined); // prettier-ignore
    const absent = shape.fields === undefined ? ['k1', 'k2'] : declared.filter((name) => live[name] === undefined);
    const names = new Set(random.some(present, this.#type === 'apply' ? 0.5 : 2 / (present.length + 1)));
    if (present.length > 0 && (names.size === 0 || random.chance(0.3))) names.add(random.pick(present));
    if (absent.length > 0 && random.chance(0.25)) names.add(random.pick(absent));
    if (random.chance(0.02)) names.add('undeclared');
    for (const name of names) {
      const inner = shape.fields?.[name] ?? shape.values ?? {};
      out[name] = this.#value(live[name], inner, name, depth + 1);
      if (this.#type === 'strategic' && (Array.isArray(live[name]) || random.chance(0.01))) this.#listDirectives(out, name, live[name], inner); // prettier-ignore
    }
    if (this.#type === 'strategic' && depth > 0) {
      if (random.chance(0.03)) out['$patch'] = random.pick<Json>(['replace', 'replace', 'delete', 'delete', 'merge', 'bogus', 5, null]); // prettier-ignore
      if (random.chance(0.04)) {
        const named = Object.keys(out).filter((key) => !key.startsWith('$'));
        out['$retainKeys'] = random.pick<Json>([named, [...named, random.pick([...present, 'x'])], random.some(named), 'x', null, [], [5, ...named]]); // prettier-ignore
      }
    }
    return out;
  }

  #value(live: Json | undefined, of: Shape, field: string, depth: number): Json {
    const random = this.#random;
    if (random.chance(0.04)) return this.#type === 'apply' && random.chance(0.5) ? (live ?? null) : null;
    if (random.chance(0.02)) return random.pick(ODD);
    const { shape } = resolve(of, field);
    if (Array.isArray(live) && !random.chance(0.05)) return this.#list(live, of, field, depth);
    if (isMap(live) && !random.chance(0.05)) return this.#map(live, of, field, depth);
    if (live !== undefined && this.#type === 'apply' && random.chance(0.7)) return live;
    return this.#fresh(shape, of, field, depth);
  }
  #fresh(shape: Shape, of: Shape, field: string, depth: number): Json {
    const random = this.#random;
    const known = this.#pool.get(field);
    if (known !== undefined && random.chance(0.7)) return random.pick(known);
    if (shape.format === 'int-or-string') return random.pick<Json>([1, '10%', 'x']);
    if (shape.format === 'date-time') return '2020-01-02T03:04:05Z';
    switch (shape.type) {
      case 'string':
        return shape.enum !== undefined && random.chance(0.8) ? random.pick(shape.enum) : random.pick(['x', 'y', 'z-1', '']); // prettier-ignore
      case 'integer':
        return random.pick([0, 1, 2, 3, 80]);
      case 'number':
        return random.pick([0.5, 1, 1.5]);
      case 'boolean':
        return random.chance(0.5);
      case 'array':
        return this.#list([], of, field, depth);
      case 'object': {
        if (depth > 9) return {};
        const required = (shape.required ?? []).map((name) => [name, this.#value(undefined, shape.fields?.[name] ?? {}, name, depth + 1)]); // prettier-ignore
        return { ...(Object.fromEntries(required) as JsonObject), ...(random.chance(0.5) ? this.#map({}, of, field, depth) : {}) }; // prettier-ignore
      }
      default:
        return random.pick(ODD);
    }
  }

  #list(live: readonly Json[], of: Shape, field: string, depth: number): Json[] {
    const random = this.#random;
    const { shape } = resolve(of, field);
    const items = shape.items ?? {};
    const keys = shape.listMapKeys ?? (shape.patchMergeKey === undefined ? [] : [shape.patchMergeKey]);
    const out: Json[] = random.some(live, 0.5).map((item) => {
      if (!isMap(item)) return item;
      const identity = Object.fromEntries(keys.filter((key) => item[key] !== undefined && !random.chance(0.03)).map((key) => [key, item[key]!])); // prettier-ignore
      if (this.#type === 'strategic' && random.chance(0.15)) return { ...identity, $patch: 'delete' };
      return this.#type === 'apply' && random.chance(0.5) ? item : { ...this.#map(item, items, `${field}[]`, depth + 1), ...identity }; // prettier-ignore
    });
    if (random.chance(0.3) && depth < 10) {
      const item = this.#value(undefined, items, field, depth + 1);
      const fields = resolve(items, field).shape.fields ?? {};
      out.push(isMap(item) ? { ...item, ...Object.fromEntries(keys.filter(() => random.chance(0.9)).map((key) => [key, this.#value(undefined, fields[key] ?? {}, key, depth + 1)])) } : item); // prettier-ignore
    }
    if (out.length > 0 && random.chance(0.05)) out.push(random.pick(out));
    if (random.chance(0.02)) out.push(random.pick(ODD));
    if (this.#type === 'strategic' && random.chance(0.04)) out.push({ $patch: random.pick<Json>(['replace', 'replace', 'merge', 'bogus', 1]) }); // prettier-ignore
    return random.chance(0.3) ? random.shuffled(out) : out;
  }
  #listDirectives(out: JsonObject, name: string, live: Json | undefined, of: Shape): void {
    const random = this.#random;
    const { shape } = resolve(of, name);
    const key = shape.patchMergeKey;
    const now = Array.isArray(live) ? live : [];
    const sent = Array.isArray(out[name]) ? out[name] : [];
    const keyed = (item: Json): Json => (key !== undefined && isMap(item) ? { [key]: item[key] ?? null } : item);
    if (random.chance(0.12)) {
      const all = [...sent, ...random.some(now, 0.7)].map(keyed);
      const unique = [...new Map(all.map((item) => [JSON.stringify(item), item])).values()];
      out[`$setElementOrder/${name}`] = random.pick<() => Json>([() => unique, () => unique, () => unique, () => random.shuffled(unique), () => random.some(unique), () => random.pick(ODD)])(); // prettier-ignore
      if (random.chance(0.3)) delete out[name];
    }
    if (random.chance(0.06)) {
      out[`$deleteFromPrimitiveList/${name}`] = random.chance(0.8) ? random.some(now) : random.pick(ODD);
      if (random.chance(0.5)) delete out[name];
    }
    if (random.chance(0.004)) out[random.pick(['$setElementOrder', '$deleteFromPrimitiveList', '$patch/x', '$setElementOrderX/y'])] = random.pick(ODD); // prettier-ignore
  }

  #operations(live: Json): Json[] {
    const random = this.#random;
    const places: { path: string; value: Json }[] = [];
    const walk = (value: Json, path: string): void => {
      places.push({ path, value });
      if (typeof value === 'object' && value !== null)
        for (const [key, inner] of Object.entries(value))
          if (key !== 'managedFields') walk(inner, `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`);
    };
    walk(live, '');
    // The parts of the server are many: an operation on them says little.
    const common = places.filter(({ path }) => !/^\/(metadata\/(uid|resourceVersion|creationTimestamp|generation|namespace)|apiVersion|kind)/.test(path)); // prettier-ignore
    const place = (): { path: string; value: Json } => random.pick(random.chance(0.95) ? common : places);
    const path = (): string => {
      const { path: there, value } = place();
      if (random.chance(0.55)) return there;
      if (Array.isArray(value)) return `${there}/${random.pick(['-', '0', '1', '-1', '-2', '01', '+1', '99', '1.5', 'x', '', `${value.length}`])}`; // prettier-ignore
      if (isMap(value)) return `${there}/${random.pick(['new', 'labels', 'replicas', '~01', '~2', 'a b', 'ä', ''])}`;
      return random.pick([`${there}/x`, there.slice(1), `${there}/`, there, '', '/']);
    };
    const value = (): Json => {
      if (random.chance(0.3)) return random.pick(ODD);
      const found = place();
      const known = this.#pool.get(found.path.slice(found.path.lastIndexOf('/') + 1));
      return known !== undefined && random.chance(0.5) ? random.pick(known) : found.value;
    };
    return Array.from({ length: 1 + random.below(3) }, () => {
      const op = random.pick(['add', 'add', 'remove', 'replace', 'replace', 'move', 'copy', 'test']);
      if (random.chance(0.02)) return random.pick<Json>([null, {}, 5, { op: 'frob', path: '/x' }, { op, value: 1 }, { op, path: 5 }, { op, path: null }, { op, path: '/metadata/labels/x', from: 5 }, { op: 'add', path: '/metadata/labels/q', value: 'x', extra: 1 }]); // prettier-ignore
      if (op === 'test') {
        const { path: at, value: there } = place();
        return random.chance(0.7) ? { op, path: at, value: there } : { op, path: path(), ...(random.chance(0.8) && { value: value() }) }; // prettier-ignore
      }
      if (op === 'remove') return { op, path: random.chance(0.9) ? place().path : path() };
      if (op === 'move' || op === 'copy') return { op, from: random.chance(0.9) ? place().path : path(), path: path() };
      return random.chance(0.97) ? { op, path: path(), value: value() } : { op, path: path() };
    });
  }
}
/** Fills a pool from objects. */
export function poolOf(objects: readonly Json[]): Pool {
  const pool = new Map<string, Json[]>();
  const learn = (value: Json, key: string): void => {
    const known = pool.get(key) ?? pool.set(key, []).get(key)!;
    if (known.length < 6 && !known.some((other) => JSON.stringify(other) === JSON.stringify(value))) known.push(value);
    if (Array.isArray(value)) for (const item of value) learn(item, `${key}[]`);
    else if (isMap(value)) for (const [name, inner] of Object.entries(value)) learn(inner, name);
  };
  for (const object of objects) learn(object, '');
  return pool;
}
