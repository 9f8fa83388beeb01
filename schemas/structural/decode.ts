import { ApiError } from '../meta/status.ts';
import type { DynamicObject } from '../meta/object.ts';
import { isEmptyOf, withoutEmpties } from './empties.ts';
import { planOf, type EitherPlan, type FieldPlan, type StructPlan, type Plan } from './plan.ts';
import { conversionError, readConverted } from './converted.ts';
import { readScalar, unmarshalError, type Place } from './scalar.ts';
import type { FieldSchema, SchemaSet } from './schema.ts';
import { unknownFields } from './unknown.ts';

export interface DecodeOptions {
  /** What the endpoint takes, for the error text: `Pod in version "v1" cannot be handled as a Pod: ...`. */
  readonly kind?: string;
  readonly version?: string;
  /** The object came by way of a Go map (strategic merge, server-side apply): other texts, and numbers are converted. */
  readonly fromMap?: boolean;
}
export interface Decoded {
  readonly object: DynamicObject;
  /** `unknown field "spec.foo"`, in the order of the document or, from a map, sorted; dropped from `object`. */
  readonly strict: readonly string[];
  /** It says empty lists or maps, which the store does not: withoutEmpties() takes them out. */
  readonly empties?: boolean;
}
type Json = Readonly<Record<string, unknown>>;

/**
 * What Go's decoder makes of parsed JSON: types checked, unknown fields dropped, nulls and zero values dropped where
 * the Go struct would not print them (but not empty lists and maps, which rules can tell from none), zero values of fields that it always prints filled in, quantities and times in
 * canonical form, keys in the order of the Go struct. The input is not changed and shares nothing mutable with the
 * result but raw JSON fields. Throws BadRequest.
 */
export function decode(value: unknown, schema: FieldSchema, set: SchemaSet, options: DecodeOptions = {}): Decoded {
  if (schema.read) return schema.read(value, options.fromMap === true);
  const plan = planOf(schema, set);
  const state: State = { unknown: false, empties: false, fromMap: options.fromMap === true, inOrder: false };
  try {
    const object = read(value, plan, undefined, state) as DynamicObject;
    const strict = state.unknown ? unknownFields(value, plan) : [];
    return { object, strict: state.fromMap ? strict.sort() : strict, empties: state.empties };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const { message } = state.fromMap ? error : firstOf(error, value, plan);
    if (state.fromMap) throw new ApiError('BadRequest', message, { cause: error });
    throw new ApiError('BadRequest', cannotHandle(message, value, plan, options), { cause: error });
  }
}
/** Of several mistakes Go's JSON decoder tells the first of the document, not of the struct. */
function firstOf(found: Error, value: unknown, plan: Plan): Error {
  try {
    read(value, plan, undefined, { unknown: true, empties: true, fromMap: false, inOrder: true });
  } catch (error) {
    return error as Error;
  }
  return found;
}
/** The text that a decoding error is wrapped in. Source: apiserver pkg/endpoints/handlers/create.go transformDecodeError. */
function cannotHandle(why: string, value: unknown, plan: Plan, options: DecodeOptions): string {
  const given = value as { kind?: unknown; apiVersion?: unknown } | null;
  const kind = options.kind ?? (plan.kind === 'struct' ? plan.name : '');
  const givenKind = typeof given?.kind === 'string' && given.kind !== '' ? given.kind : kind;
  const apiVersion =
    typeof given?.apiVersion === 'string' && given.apiVersion !== '' ? given.apiVersion : (options.version ?? 'v1');
  return `${givenKind} in version ${JSON.stringify(apiVersion.slice(apiVersion.indexOf('/') + 1))} cannot be handled as a ${kind}: ${why}`;
}
/** The object as Go prints it: after admission or defaulting put values in. Throws BadRequest on wrong types. */
export function canonical(object: unknown, schema: FieldSchema, set: SchemaSet): DynamicObject {
  const decoded = decode(object, schema, set);
  return decoded.empties ? withoutEmpties(decoded.object, schema, set, 'print') : decoded.object;
}

interface State {
  unknown: boolean;
  /** Whether an empty list or map was seen. */
  empties: boolean;
  readonly fromMap: boolean;
  /** Of the document: to find the first mistake. */
  readonly inOrder: boolean;
}
/** Not for other modules: becomes an ApiError in decode(). */
export class DecodeError extends Error {
  override readonly name = 'DecodeError';
}

function read(value: unknown, plan: Plan, place: Place | undefined, state: State): unknown {
  switch (plan.kind) {
    case 'struct':
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw mismatch(value, plan, place, state);
      if (state.inOrder) return readInOrder(value as Json, plan, place, state);
      return readStruct(value as Json, plan, place, state);
    case 'list': {
      if (!Array.isArray(value)) throw mismatch(value, plan, place, state);
      return value.map((item) => readItem(item, plan.items, place, state));
    }
    case 'map': {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        throw mismatch(value, plan, place, state);
      const out: Record<string, unknown> = {};
      // Go prints maps by key.
      for (const key of state.inOrder ? Object.keys(value) : Object.keys(value).sort()) {
        const item = readItem((value as Json)[key], plan.values, place, state);
        if (plan.values.kind === 'list' && isEmptyOf(item, plan.values)) state.empties = true;
        if (key === '__proto__')
          Object.defineProperty(out, key, { value: item, enumerable: true, configurable: true, writable: true });
        else out[key] = item;
      }
      return out;
    }
    case 'either':
      return readEither(value, plan, state.fromMap ? undefined : place, state);
    case 'string':
      if (typeof value !== 'string') throw mismatch(value, plan, place, state);
      return value;
    default:
      try {
        return state.fromMap ? readConverted(value, plan) : readScalar(value, plan, place);
      } catch (error) {
        throw new DecodeError((error as Error).message, { cause: error });
      }
  }
}
/** Source: apiextensions/v1 marshal.go. */
function readEither(value: unknown, plan: EitherPlan, place: Place | undefined, state: State): unknown {
  // Its own decoder is not strict, and reads JSON even where the object came by way of a map.
  const own: State = { unknown: true, empties: false, fromMap: false, inOrder: state.inOrder };
  const below = (inner: unknown): unknown => {
    const out = read(inner, plan.object(), place && { ...place, goType: plan.object().goType }, own);
    state.empties ||= own.empties;
    return out;
  };
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return below(value);
  if (plan.other === 'boolean') {
    if (typeof value === 'boolean') return value;
    throw new DecodeError('boolean or JSON schema expected');
  }
  if (!Array.isArray(value)) return null;
  if (plan.other === 'list') return value.map((item) => below(item ?? {}));
  for (const item of value)
    if (item !== null && typeof item !== 'string')
      throw new DecodeError(unmarshalError(item, 'string', place && { ...place, goType: 'string' }));
  return value.map((item: string | null) => item ?? '');
}
/** Of a list or map: null is the zero value. */
function readItem(value: unknown, plan: Plan, place: Place | undefined, state: State): unknown {
  if (value !== null && value !== undefined) return read(value, plan, place, state);
  switch (plan.kind) {
    case 'struct':
      return readStruct({}, plan, place, state);
    case 'string':
    case 'bytes':
      return '';
    case 'int32':
    case 'int64':
    case 'double':
    case 'intOrString':
      return 0;
    case 'boolean':
      return false;
    case 'quantity':
      return '0';
    default:
      return null;
  }
}
function readStruct(value: Json, plan: StructPlan, place: Place | undefined, state: State): Record<string, unknown> {
  const out: Record<string, unknown> = {};
  let seen = 0;
  for (const field of plan.fields) {
    const given = value[field.name];
    if (given !== undefined) {
      seen++;
      if (given !== null) {
        const inner: Place = { parent: place, name: field.name, struct: plan.name, goType: field.goType };
        const result = read(given, field.plan, inner, state);
        if (isEmptyOf(result, field.plan)) {
          state.empties = true;
          out[field.name] = result;
          continue;
        }
        if (field.always || field.pointer || !isZero(result, field)) {
          out[field.name] = field.default !== undefined && !field.pointer && result === '' ? field.default : result;
          continue;
        }
      }
    }
    const zero = zeroField(field, state);
    if (zero !== undefined) out[field.name] = zero;
  }
  if (!state.unknown && seen < countKeys(value)) state.unknown = true;
  return out;
}
function readInOrder(value: Json, plan: StructPlan, place: Place | undefined, state: State): undefined {
  for (const [name, given] of Object.entries(value)) {
    const field = plan.byName.get(name);
    if (field === undefined || given === null || given === undefined) continue;
    read(given, field.plan, { parent: place, name, struct: plan.name, goType: field.goType }, state);
  }
  return undefined;
}
function countKeys(value: Json): number {
  let n = 0;
  for (const key in value) if (value[key] !== undefined) n++;
  return n;
}
function zeroField(field: FieldPlan, state: State): unknown {
  if (field.default !== undefined) return field.default;
  if (!field.always) return undefined;
  return field.plan.kind === 'struct' && !field.pointer ? readStruct({}, field.plan, undefined, state) : field.zero;
}
/** Whether omitempty leaves it out. */
function isZero(value: unknown, field: FieldPlan): boolean {
  switch (field.plan.kind) {
    case 'string':
    case 'bytes':
      return value === '';
    case 'int32':
    case 'int64':
    case 'double':
      return value === 0;
    case 'boolean':
      return value === false;
    default:
      return value === null;
  }
}
const mismatch = (value: unknown, plan: Plan, place: Place | undefined, state: State): DecodeError =>
  new DecodeError(state.fromMap ? conversionError(value, plan, place) : unmarshalError(value, plan.goType, place));
