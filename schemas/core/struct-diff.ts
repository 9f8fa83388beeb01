import { goStruct } from '../helpers/go-struct.ts';
import { unifiedDiff } from '../helpers/unified-diff.ts';

/**
 * Two values as indented JSON of Go's structs, line by line, with three lines around each change: what some immutable
 * fields answer with. Source: apimachinery pkg/util/diff Diff.
 */
export const diffOfStructs = (definition: string, old: unknown, object: unknown, only?: readonly string[]): string =>
  unifiedDiff(linesOf(old, definition, only), linesOf(object, definition, only));

const linesOf = (value: unknown, definition: string, only: readonly string[] | undefined): string[] =>
  JSON.stringify(goStruct(value, definition, only), null, 1).split('\n');
