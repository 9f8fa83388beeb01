import { parseDuration } from '../meta/duration.ts';
import { equal } from '../meta/equal.ts';
import { RFC3339, parseGoTime } from '../meta/go-time.ts';
import type { CelDeclared } from './declared.ts';
import { isReserved } from './names.ts';
import { TypedList, TypedMapList, TypedSet } from './values-object-list.ts';
import { equalValues } from './values-equal.ts';
import { parseTimestamp } from './values-time.ts';
import { CelArray, CelDuration, CelError, CelMap, CelOpaque, CelTimestamp, noSuchOverload, type CelValue } from './values.ts'; // prettier-ignore

type Json = Readonly<Record<string, unknown>>;
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isInteger = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < 2 ** 63;
/** Go's name of what JSON gives. */
const goType = (value: unknown): string => {
  if (Array.isArray(value)) return '[]interface {}';
  if (typeof value === 'number') return isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'object' ? 'map[string]interface {}' : typeof value === 'boolean' ? 'bool' : typeof value;
};
const expected = (wanted: string, value: unknown): CelError =>
  new CelError(`invalid data, expected ${wanted}, got ${goType(value)}`);

/**
 * What an expression sees of a value given as JSON, by what is declared of it. What does not fit is an error where it is
 * looked at. Source: apiserver pkg/cel/common/valuesunstructured.go UnstructuredToVal.
 */
export function celValue(value: unknown, declared: CelDeclared | undefined): CelValue {
  if (value === null || value === undefined)
    return declared?.nullable ? null : new CelError('invalid data, got null for schema with nullable=false');
  if (declared === undefined) return new Preserved(value);
  if (declared.format === 'int-or-string') {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && isInteger(value)) return BigInt(value);
    return new CelError('invalid data, expected XIntOrString value to be either a string or integer');
  }
  switch (declared.type.kind) {
    case 'object':
      if (!isObject(value))
        return new CelError('invalid data, expected a map for the provided schema with type=object');
      return new TypedObject(value, declared);
    case 'map':
      if (!isObject(value))
        return new CelError('invalid data, expected a map for the provided schema with type=object');
      return new TypedMap(value, declared);
    case 'list':
      if (!Array.isArray(value))
        return new CelError('invalid data, expected an array for the provided schema with type=array');
      return listValue(value, declared);
    case 'int':
      return typeof value === 'number' && isInteger(value) ? BigInt(value) : expected('int', value);
    case 'double':
      return typeof value === 'number' ? value : expected('float', value);
    case 'bool':
      return typeof value === 'boolean' ? value : expected('bool', value);
    case 'dyn':
      return celDynamic(value);
    default:
      return typeof value === 'string' ? textValue(value, declared.format) : expected('string', value);
  }
}
function listValue(value: readonly unknown[], declared: CelDeclared): CelValue {
  const read = (item: unknown): CelValue => celValue(item, declared.element);
  if (declared.listType === 'set') return new TypedSet(value, read);
  if (declared.listType === 'map') return new TypedMapList(value, read, declared.listMapKeys ?? []);
  return new TypedList(value, read);
}
function textValue(text: string, format: string | undefined): CelValue {
  switch (format) {
    case 'duration': {
      const read = parseDuration(text);
      const nanos = typeof read === 'bigint' ? read : wordyDuration(text);
      if (nanos !== undefined) return new CelDuration(nanos);
      return new CelError(`Invalid duration ${text}: unable to parse ${text} as duration`);
    }
    case 'date': {
      const time = parseTimestamp(`${text}T00:00:00Z`);
      if (time && /^\d{4}-\d\d-\d\d$/.test(text)) return time;
      return new CelError(`Invalid date formatted string ${text}: ${dateProblem(text)}`);
    }
    case 'date-time': {
      const time = parseTimestamp(text) ?? parseTimestamp(`${text}Z`);
      if (time) return time;
      if (text === '') return new CelTimestamp(0n);
      return new CelError(`Invalid date-time formatted string ${text}: ${dateTimeProblem(text)}`);
    }
    case 'byte':
      return bytesValue(text);
    default:
      return text;
  }
}
/** As time.Parse words it, for the layout that it tries last. */
const dateTimeProblem = (text: string): string => {
  const found = parseGoTime(text, RFC3339);
  return 'error' in found
    ? found.error.replace(` as "${RFC3339}"`, ' as "2006-01-02T15:04:05"').replace('as "Z07:00"', 'as ""')
    : '';
};
function dateProblem(text: string): string {
  const found = parseGoTime(`${text}T00:00:00Z`, RFC3339);
  if (!('error' in found)) return `parsing time ${JSON.stringify(text)}: extra text`;
  return found.error.replaceAll('T00:00:00Z"', '"').replace(` as "${RFC3339}"`, ' as "2006-01-02"');
}
const UNITS: readonly (readonly [nanos: bigint, ...names: string[]])[] = [
  [1n, 'ns', 'nano'], [1000n, 'us', 'µs', 'micro'], [1_000_000n, 'ms', 'milli'], [1_000_000_000n, 's', 'sec'],
  [60_000_000_000n, 'm', 'min'], [3_600_000_000_000n, 'h', 'hr', 'hour'], [86_400_000_000_000n, 'd', 'day'],
  [604_800_000_000_000n, 'w', 'wk', 'week'],
]; // prettier-ignore
/** `2 days`, `1 week`. Source: kube-openapi strfmt ParseDuration. */
function wordyDuration(text: string): bigint | undefined {
  let total: bigint | undefined;
  for (const [, digits, name] of text.matchAll(/(\d+)\s*([A-Za-zµ]+)/g)) {
    const unit = name!.toLowerCase();
    for (const [nanos, ...names] of UNITS)
      if (names.includes(unit) || unit.startsWith(names.at(-1)!)) total = (total ?? 0n) + BigInt(digits!) * nanos;
  }
  return total;
}
/** Source: Go base64.URLEncoding, which is what the real one reads fields of format byte by. */
function bytesValue(text: string): CelValue {
  const clean = text.replaceAll(/[\r\n]/g, '');
  const body = clean.replace(/={0,2}$/, '');
  const at = /[^\w-]/.exec(body)?.index ?? -1;
  if (at < 0 && clean.length % 4 === 0 && body.length % 4 !== 1) return new Uint8Array(Buffer.from(body, 'base64url'));
  const where = at >= 0 ? at : body.length % 4 === 1 ? body.length : clean.length;
  return new CelError(`Invalid byte formatted string ${text}: illegal base64 data at input byte ${where}`);
}

/** A JSON object of which something is declared. */
abstract class Typed extends CelMap {
  readonly value: Json;
  readonly declared: CelDeclared;
  constructor(value: Json, declared: CelDeclared) {
    super();
    this.value = value;
    this.declared = declared;
  }
  get size(): number {
    return Object.keys(this.value).length;
  }
}
/** An object with fields that are declared. Fields that are null are as good as absent. */
class TypedObject extends Typed {
  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return noSuchOverload();
    const { fields } = this.declared;
    const field = fields?.get(key) ?? (isReserved(key) ? fields?.get(`__${key}__`) : undefined);
    if (field === undefined) return undefined;
    const value = Object.hasOwn(this.value, field.name) ? this.value[field.name] : undefined;
    return value === undefined || value === null ? undefined : celValue(value, field.declared);
  }
  *keys(): Generator<CelValue, void, undefined> {
    for (const [name, field] of this.declared.fields ?? []) if (Object.hasOwn(this.value, field.name)) yield name;
  }
  override equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelMap)) return other instanceof CelError ? other : noSuchOverload();
    if (this.size !== other.size) return false;
    const declared = new Map([...(this.declared.fields ?? [])].map(([name, field]) => [field.name, name]));
    for (const [key, value] of Object.entries(this.value)) {
      const name = declared.get(key);
      if (name === undefined) {
        if (!(other instanceof TypedObject)) return noSuchOverload();
        if (Object.hasOwn(other.value, key) && !equal(value, other.value[key])) return false;
        continue;
      }
      const [mine, theirs] = [this.find(name), other.find(name)];
      if ((mine === undefined) !== (theirs === undefined)) return false;
      if (mine === undefined) continue;
      const found = equalValues(mine, theirs!);
      if (found !== true) return found;
    }
    return true;
  }
}
/** A map whose values are all declared alike. */
class TypedMap extends Typed {
  find(key: CelValue): CelValue | undefined {
    if (typeof key !== 'string') return noSuchOverload();
    return Object.hasOwn(this.value, key) ? celValue(this.value[key], this.declared.element) : undefined;
  }
  keys(): Iterable<CelValue> {
    return Object.keys(this.value);
  }
  override equals(other: CelValue): boolean | CelError {
    if (!(other instanceof CelMap)) return other instanceof CelError ? other : noSuchOverload();
    if (this.size !== other.size) return false;
    for (const key of Object.keys(this.value)) {
      const theirs = other.find(key);
      if (theirs === undefined) return false;
      const found = equalValues(this.find(key)!, theirs);
      if (found !== true) return found;
    }
    return true;
  }
}
/** What no schema describes: it can only be compared. */
class Preserved extends CelOpaque {
  override readonly typeName = 'unknown';
  readonly value: unknown;
  constructor(value: unknown) {
    super();
    this.value = value;
  }
  equals(other: CelValue): boolean {
    return other instanceof Preserved && equal(this.value, other.value);
  }
}
/** JSON without a schema: whole numbers are ints. Source: cel-go common/types/provider.go NativeToValue. */
export function celDynamic(value: unknown): CelValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number') return isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return new DynamicList(value);
  return typeof value === 'object' ? new DynamicMap(value as Json) : (value as string | boolean | bigint);
}
class DynamicList extends CelArray {
  constructor(value: readonly unknown[]) {
    super(value.map(celDynamic));
  }
}
class DynamicMap extends CelMap {
  readonly value: Json;
  constructor(value: Json) {
    super();
    this.value = value;
  }
  get size(): number {
    return Object.keys(this.value).length;
  }
  find(key: CelValue): CelValue | undefined {
    return typeof key === 'string' && Object.hasOwn(this.value, key) ? celDynamic(this.value[key]) : undefined;
  }
  keys(): Iterable<CelValue> {
    return Object.keys(this.value);
  }
}
