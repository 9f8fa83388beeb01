import { goQuote } from './go-quote.ts';

/** One cause of an Invalid status. `field` is a path such as `spec.containers[0].image`. */
export interface FieldError {
  readonly reason:
    | 'FieldValueInvalid' | 'FieldValueRequired' | 'FieldValueForbidden' | 'FieldValueNotSupported'
    | 'FieldValueDuplicate' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid' | 'FieldValueNotFound' | 'InternalError';
  readonly field: string;
  /** Without the field, as in details.causes[].message: `Invalid value: "x": must be ...`. */
  readonly message: string;
} // prettier-ignore

/** A place in an object; call it to go deeper: `at('spec')('containers')(0)`; `at.key('a.b/c')` prints `[a.b/c]`. */
export interface FieldPath {
  (step: string | number): FieldPath;
  key(name: string): FieldPath;
  toString(): string;
}
const KEPT = new Map<string, FieldPath>();
const MAX_KEPT = 4096;
/**
 * Paths are kept, as nearly all that validation asks for are the same few: made anew, they were a tenth of what a create
 * allocates. Those with indexes are kept too until the table is full; keys of users' maps are not.
 */
export function fieldPath(path = ''): FieldPath {
  const kept = KEPT.get(path);
  if (kept !== undefined) return kept;
  const made = makePath(path);
  if (KEPT.size < MAX_KEPT) KEPT.set(path, made);
  return made;
}
/** Of errors that belong to no field: what Go makes of the path with an empty name. */
export const noField = (): FieldPath => fieldPath('[]');
function makePath(path: string): FieldPath {
  /** Those that are kept, without their text being put together again. */
  let steps: Map<string | number, FieldPath> | undefined;
  const go = (step: string | number): FieldPath => {
    const known = steps?.get(step);
    if (known !== undefined) return known;
    const text = typeof step === 'number' ? `${path}[${step}]` : path ? `${path}.${step}` : step;
    const next = fieldPath(text);
    if (KEPT.get(text) === next) (steps ??= new Map<string | number, FieldPath>()).set(step, next);
    return next;
  };
  return Object.assign(go, {
    key: (name: string) => makePath(`${path}[${name}]`),
    toString: () => path,
  });
}

/** Of a label selector, which is printed without what is empty: it is the one struct of a version's own that errors show. */
const withoutEmptyHalves = (key: string, value: unknown): unknown =>
  (key === 'matchLabels' || key === 'matchExpressions') && Object.keys(value ?? {}).length === 0 ? undefined : value;
/** `value` is printed as JSON. Source: apimachinery util/validation/field, Error.ErrorBody. */
const show = (value: unknown): string => {
  if (value === undefined) return 'null';
  if (typeof value === 'string') return goQuote(value);
  const text = JSON.stringify(value, withoutEmptyHalves);
  // Go's encoder escapes these in what it prints, but not in a string by itself.
  return typeof value === 'object' ? text.replace(/[<>&]/g, (c) => `\\u00${c.codePointAt(0)!.toString(16)}`) : text;
};
export const invalid = (at: FieldPath, value: unknown, why: string): FieldError => ({
  reason: 'FieldValueInvalid', field: at.toString(), message: `Invalid value: ${show(value)}${why === '' ? '' : `: ${why}`}`,
}); // prettier-ignore
/** Where the value says nothing: `Invalid value: why`. */
export const invalidOmitted = (at: FieldPath, why: string): FieldError => ({
  reason: 'FieldValueInvalid',
  field: at.toString(),
  message: `Invalid value: ${why}`,
});
export const required = (at: FieldPath, why = ''): FieldError => ({
  reason: 'FieldValueRequired',
  field: at.toString(),
  message: `Required value${why === '' ? '' : `: ${why}`}`,
});
export const forbidden = (at: FieldPath, why: string): FieldError => ({
  reason: 'FieldValueForbidden',
  field: at.toString(),
  message: `Forbidden: ${why}`,
});
export const duplicate = (at: FieldPath, value: unknown): FieldError => ({
  reason: 'FieldValueDuplicate',
  field: at.toString(),
  message: `Duplicate value: ${show(value)}`,
});
export const notFound = (at: FieldPath, value: unknown): FieldError => ({
  reason: 'FieldValueNotFound',
  field: at.toString(),
  message: `Not found: ${show(value)}`,
});
export const internalError = (at: FieldPath, why: string): FieldError => ({
  reason: 'InternalError',
  field: at.toString(),
  message: `Internal error: ${why}`,
});
/** Values are listed in the order given: sort where the real one takes them from a set. */
export const notSupported = (at: FieldPath, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported', field: at.toString(),
  message: `Unsupported value: ${show(value)}${supported.length > 0 ? `: supported values: ${supported.map(goQuote).join(', ')}` : ''}`,
}); // prettier-ignore
export const tooLong = (at: FieldPath, max: number): FieldError => ({
  reason: 'FieldValueTooLong', field: at.toString(), message: `Too long: may not be more than ${max} bytes`,
}); // prettier-ignore
export const tooMany = (at: FieldPath, actual: number, max: number): FieldError => ({
  reason: 'FieldValueTooMany', field: at.toString(), message: `Too many: ${actual}: must have at most ${max} item${max === 1 ? '' : 's'}`,
}); // prettier-ignore
