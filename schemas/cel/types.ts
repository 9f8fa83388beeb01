/**
 * What an expression, or a part of it, may be. Objects are told apart by name, as in cel-go; what fields they have, the
 * environment knows.
 */
export type CelType =
  | { readonly kind: CelScalarKind }
  | { readonly kind: 'list'; readonly element: CelType }
  | { readonly kind: 'map'; readonly key: CelType; readonly value: CelType }
  | { readonly kind: 'optional'; readonly value: CelType }
  /** What `type(x)` gives, and the name of a type alone: `int`. */
  | { readonly kind: 'type'; readonly of?: CelType }
  /** Named: of a schema, or of a library (`kubernetes.Quantity`, `kubernetes.authorization.Authorizer`). */
  | { readonly kind: 'object'; readonly name: string }
  /** Stands for any type within the declaration of a function, or until the checker knows. */
  | { readonly kind: 'param'; readonly name: string };
export type CelScalarKind =
  'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null' | 'timestamp' | 'duration' | 'dyn' | 'any' | 'error';

export const BOOL: CelType = { kind: 'bool' };
export const INT: CelType = { kind: 'int' };
export const UINT: CelType = { kind: 'uint' };
export const DOUBLE: CelType = { kind: 'double' };
export const STRING: CelType = { kind: 'string' };
export const BYTES: CelType = { kind: 'bytes' };
export const NULL: CelType = { kind: 'null' };
export const TIMESTAMP: CelType = { kind: 'timestamp' };
export const DURATION: CelType = { kind: 'duration' };
export const DYN: CelType = { kind: 'dyn' };
export const ERROR: CelType = { kind: 'error' };
export const TYPE: CelType = { kind: 'type' };
export const listOf = (element: CelType): CelType => ({ kind: 'list', element });
export const mapOf = (key: CelType, value: CelType): CelType => ({ kind: 'map', key, value });
export const optionalOf = (value: CelType): CelType => ({ kind: 'optional', value });
export const typeOf = (of: CelType): CelType => ({ kind: 'type', of });
export const objectOf = (name: string): CelType => ({ kind: 'object', name });
export const paramOf = (name: string): CelType => ({ kind: 'param', name });

const NAMES: Readonly<Partial<Record<CelScalarKind, string>>> = {
  null: 'null_type',
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  error: '!error!',
};
/** The name of a type without its parameters, which is also what `string(type(x))` shows: `list`, `google.protobuf.Duration`. */
export function typeName(type: CelType): string {
  switch (type.kind) {
    case 'optional':
      return 'optional_type';
    case 'object':
    case 'param':
      return type.name;
    case 'list':
    case 'map':
    case 'type':
      return type.kind;
    default:
      return NAMES[type.kind] ?? type.kind;
  }
}
/** As cel-go prints a type in what it says: `list(int)`, `map(string, dyn)`, `timestamp`. */
export function showType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${showType(type.element)})`;
    case 'map':
      return `map(${showType(type.key)}, ${showType(type.value)})`;
    case 'optional':
      return `optional_type(${showType(type.value)})`;
    case 'type':
      return type.of === undefined ? 'type' : `type(${showType(type.of)})`;
    case 'null':
      return 'null';
    case 'timestamp':
    case 'duration':
      return type.kind;
    default:
      return typeName(type);
  }
}
/** As Go prints a type itself: `google.protobuf.Duration`, `null_type`, else as showType does. */
export function declaredType(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list(${declaredType(type.element)})`;
    case 'map':
      return `map(${declaredType(type.key)}, ${declaredType(type.value)})`;
    case 'optional':
      return `optional_type(${declaredType(type.value)})`;
    case 'type':
      return type.of === undefined ? 'type' : `type(${declaredType(type.of)})`;
    case 'any':
      return 'google.protobuf.Any';
    default:
      return typeName(type);
  }
}
/** Whether two types are the same, parameters included. */
export function sameType(a: CelType, b: CelType): boolean {
  if (a === b) return true;
  if (a.kind === 'list' && b.kind === 'list') return sameType(a.element, b.element);
  if (a.kind === 'map' && b.kind === 'map') return sameType(a.key, b.key) && sameType(a.value, b.value);
  if (a.kind === 'optional' && b.kind === 'optional') return sameType(a.value, b.value);
  if (a.kind === 'type' && b.kind === 'type')
    return a.of === undefined || b.of === undefined ? a.of === b.of : sameType(a.of, b.of);
  if ((a.kind === 'object' && b.kind === 'object') || (a.kind === 'param' && b.kind === 'param'))
    return a.name === b.name;
  return a.kind === b.kind;
}
export const isDyn = ({ kind }: CelType): boolean => kind === 'dyn' || kind === 'any';
/** Types of which not even fields can be asked for. */
export const isOpaque = (type: CelType): boolean => type.kind === 'object' && type.name.startsWith('net.');
