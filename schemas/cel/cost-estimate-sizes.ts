import type { CelExpr } from './ast.ts';
import type { Range } from './estimates.ts';
import type { CelType } from './types.ts';

/**
 * The way to a part of a variable, kept as the original keeps it: a way that is made longer twice may share its memory with
 * the first, which then leads where the second leads. Sizes, and so what is refused, depend on that.
 */
export interface Path {
  readonly slots: string[];
  readonly length: number;
  readonly capacity: number;
}
export const NOWHERE: Path = { slots: [], length: 0, capacity: 0 };
/** A step further. */
export function step(path: Path, name: string): Path {
  const { slots, length, capacity } = path;
  if (length < capacity) {
    slots[length] = name;
    return { slots, length: length + 1, capacity };
  }
  return { slots: [...slots.slice(0, length), name], length: length + 1, capacity: Math.max(1, capacity * 2) };
}
/** Something whose size may be asked: `path` leads to it from a variable where it is declared. */
export interface Sized {
  readonly path: Path;
  readonly type: CelType;
  readonly expr?: CelExpr | undefined;
  readonly size?: Range | undefined;
}
/** What a call costs without its arguments; the size of what it gives, if that has one. */
export interface CallEstimate {
  readonly cost: Range;
  readonly size?: Range | undefined;
}
/** The size of a part of a variable by its declaration; undefined where none is known. */
export type SizeOf = (path: Path) => Range | undefined;
