import { spelledInteger } from '../codec/json-numbers.ts';
import { canonicalQuantity } from '../meta/quantity.ts';
import { canonicalMicroTime, canonicalTime } from '../meta/time.ts';
import { namedField } from './embedded.ts';
import type { ScalarPlan } from './plan.ts';

/** Where the decoder is: for error texts only, so a linked list. */
export interface Place {
  readonly parent: Place | undefined;
  readonly name: string;
  /** Name of the struct the field is in. */
  readonly struct: string;
  readonly goType: string;
}
/** Source: Go's encoding/json UnmarshalTypeError. List indices and map keys are not part of the path. */
export function unmarshalError(value: unknown, goType: string, place: Place | undefined, literal = false): string {
  const what = Array.isArray(value)
    ? 'array'
    : value === null
      ? 'null'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value === 'number'
          ? literal
            ? `number ${value}`
            : 'number'
          : typeof value === 'symbol'
            ? spelled(value, goType)
            : typeof value;
  if (place === undefined) return `json: cannot unmarshal ${what} into Go value of type ${goType}`;
  let path = namedField(place.struct, place.name);
  for (let p = place.parent; p !== undefined; p = p.parent) path = `${namedField(p.struct, p.name)}.${path}`;
  return `json: cannot unmarshal ${what} into Go struct field ${place.struct}.${path} of type ${leafType(place, goType)}`;
}
/** A number is told as it was written where a number was wanted. */
const spelled = (value: symbol, goType: string): string =>
  /^(?:u?int|float)\d/.test(goType) ? `number ${value.description}` : 'number';
/** The field's own Go type names it better (`v1.Protocol`); of what lies in a list or map, the rest of that type. */
export function leafType(place: Place, goType: string): string {
  let named = place.goType;
  while (shapeOf(named) !== '' && shapeOf(named) !== shapeOf(goType)) named = named.slice(named.indexOf(']') + 1);
  return named;
}
const shapeOf = (goType: string): string => (goType.startsWith('[]') ? '[]' : goType.startsWith('map[') ? 'map' : '');

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Throws Error with Go's text. */
export function readScalar(value: unknown, plan: ScalarPlan, place: Place | undefined): unknown {
  switch (plan.kind) {
    case 'int32':
    case 'int64': {
      if (typeof value !== 'number') return readSpelled(value, plan.kind, plan.goType, place);
      const limit = plan.kind === 'int32' ? 2 ** 31 : 2 ** 63;
      if (!Number.isInteger(value) || value >= limit || value < -limit)
        throw new Error(unmarshalError(value, plan.goType, place, true));
      return value;
    }
    case 'double':
      if (typeof value !== 'number') return readSpelled(value, plan.kind, plan.goType, place);
      if (!Number.isFinite(value)) throw new Error(unmarshalError(value, plan.goType, place, true));
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw new Error(unmarshalError(value, plan.goType, place));
      return value;
    case 'bytes':
      return readBytes(value, place);
    case 'time':
    case 'microTime':
      if (typeof value !== 'string')
        throw new Error(unmarshalError(value, 'string', place && { ...place, goType: 'string' }));
      return plan.kind === 'time' ? canonicalTime(value) : canonicalMicroTime(value);
    case 'quantity':
      if (typeof value === 'symbol') return canonicalQuantity(value.description!);
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
      return canonicalQuantity(value);
    case 'intOrString': {
      if (typeof value === 'string') return value;
      const inner = place && { ...place, goType: 'int32' };
      if (typeof value !== 'number') return readSpelled(value, 'int32', 'int32', inner);
      if (!Number.isInteger(value) || value >= 2 ** 31 || value < -(2 ** 31))
        throw new Error(unmarshalError(value, 'int32', inner, true));
      return value;
    }
    default:
      return value;
  }
}
/** Not a number, or one of which the spelling is known. Throws Error with Go's text. */
function readSpelled(
  value: unknown,
  kind: 'int32' | 'int64' | 'double',
  goType: string,
  place: Place | undefined,
): number {
  if (typeof value === 'symbol') {
    const number =
      kind === 'double' ? Number(value.description) : spelledInteger(value, kind === 'int32' ? 1n << 31n : 1n << 63n);
    if (number !== undefined && Number.isFinite(number)) return number;
  }
  throw new Error(unmarshalError(value, goType, place));
}
/** Base64, or a list of numbers as Go's decoder takes it too. */
function readBytes(value: unknown, place: Place | undefined): string {
  if (Array.isArray(value)) {
    const inner = place && { ...place, goType: 'uint8' };
    for (const item of value) {
      if (item === null) continue;
      if (typeof item !== 'number') throw new Error(unmarshalError(item, 'uint8', inner));
      if (!Number.isInteger(item) || item < 0 || item > 255)
        throw new Error(unmarshalError(item, 'uint8', inner, true));
    }
    return Buffer.from(value as number[]).toString('base64');
  }
  if (typeof value !== 'string') throw new Error(unmarshalError(value, '[]uint8', place));
  const clean = value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]/g, '') : value;
  if (!BASE64.test(clean)) throw new Error(`illegal base64 data at input byte ${badByte(clean)}`);
  return clean;
}
function badByte(text: string): number {
  const at = /[^A-Za-z0-9+/]/.exec(text)?.index ?? text.length - (text.length % 4);
  return text[at] === '=' && text.length % 4 !== 0 ? text.length : at;
}
