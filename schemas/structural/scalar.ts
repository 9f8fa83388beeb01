import { canonicalQuantity } from '../meta/quantity.ts';
import { canonicalMicroTime, canonicalTime, timeError } from '../meta/time.ts';
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
          : typeof value;
  if (place === undefined) return `json: cannot unmarshal ${what} into Go value of type ${goType}`;
  let path = place.name;
  for (let p = place.parent; p !== undefined; p = p.parent) path = `${p.name}.${path}`;
  return `json: cannot unmarshal ${what} into Go struct field ${place.struct}.${path} of type ${leafType(place, goType)}`;
}
/** The field's own Go type names it better (`v1.Protocol`), unless a list or map is in between. */
const leafType = (place: Place, goType: string): string => {
  const named = place.goType;
  if (goType.startsWith('[]') || goType.startsWith('map[')) return named;
  if (named.startsWith('[]')) return named.slice(2);
  return named.startsWith('map[') ? named.slice(named.indexOf(']') + 1) : named;
};

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const STRUCT_TIME_ERROR = 'json: cannot unmarshal';

/** Throws Error with Go's text. */
export function readScalar(value: unknown, plan: ScalarPlan, place: Place | undefined): unknown {
  switch (plan.kind) {
    case 'int32':
    case 'int64': {
      if (typeof value !== 'number') throw new Error(unmarshalError(value, plan.goType, place));
      const limit = plan.kind === 'int32' ? 2 ** 31 : 2 ** 63;
      if (!Number.isInteger(value) || value >= limit || value < -limit)
        throw new Error(unmarshalError(value, plan.goType, place, true));
      return value;
    }
    case 'double':
      if (typeof value !== 'number') throw new Error(unmarshalError(value, plan.goType, place));
      return value;
    case 'boolean':
      if (typeof value !== 'boolean') throw new Error(unmarshalError(value, plan.goType, place));
      return value;
    case 'bytes': {
      if (typeof value !== 'string') throw new Error(unmarshalError(value, plan.goType, place));
      const clean = value.includes('\n') || value.includes('\r') ? value.replace(/[\r\n]/g, '') : value;
      if (!BASE64.test(clean)) throw new Error(`illegal base64 data at input byte ${badByte(clean)}`);
      return clean;
    }
    case 'time':
    case 'microTime': {
      // Their UnmarshalJSON decodes into a plain string, so the error names no field.
      if (typeof value !== 'string')
        throw new Error(
          `${STRUCT_TIME_ERROR} ${typeof value === 'boolean' ? 'bool' : Array.isArray(value) ? 'array' : typeof value} into Go value of type string`,
        );
      const time = plan.kind === 'time' ? canonicalTime(value) : canonicalMicroTime(value);
      if (time === undefined) throw new Error(timeError(value));
      return time;
    }
    case 'quantity':
      if (typeof value !== 'string' && typeof value !== 'number')
        throw new Error("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
      return canonicalQuantity(value);
    case 'intOrString':
      if (typeof value === 'string') return value;
      if (typeof value !== 'number') throw new Error(unmarshalError(value, 'int32', undefined));
      if (!Number.isInteger(value) || value >= 2 ** 31 || value < -(2 ** 31))
        throw new Error(unmarshalError(value, 'int32', undefined, true));
      return value;
    default:
      return value;
  }
}
function badByte(text: string): number {
  const at = /[^A-Za-z0-9+/]/.exec(text)?.index ?? text.length - (text.length % 4);
  return text[at] === '=' && text.length % 4 !== 0 ? text.length : at;
}
