import type { Errors } from '../define.ts';
import { invalid, type FieldPath } from '../meta/field.ts';

/** Paths below some folder. Source: pkg/apis/core/validation ValidateLocalNonReservedPath and its parts. */
export function* validateNoBacksteps(path: string, at: FieldPath): Errors {
  if (path.split('/').includes('..')) yield invalid(at, path, "must not contain '..'");
}
export function* validateDescending(path: string, at: FieldPath): Errors {
  if (path.startsWith('/')) yield invalid(at, path, 'must be a relative path');
  yield* validateNoBacksteps(path, at);
}
export function* validateLocalPath(path: string, at: FieldPath): Errors {
  yield* validateDescending(path, at);
  if (path.startsWith('..') && !path.startsWith('../')) yield invalid(at, path, "must not start with '..'");
}
const MAX_MODE = 0o777;
export function* validateMode(mode: number | undefined, at: FieldPath): Errors {
  if (mode !== undefined && (mode > MAX_MODE || mode < 0))
    yield invalid(at, mode, 'must be a number between 0 and 0777 (octal), both inclusive');
}
