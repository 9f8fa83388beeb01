import type { CelType } from './types.ts';

interface Node {
  /** Unique within an expression. */
  readonly id: number;
  /** Where it stands, in code points from the beginning of the source: of a call its operator, of a selection its dot. */
  readonly offset: number;
  /** Filled in by the checker; undefined before. */
  type?: CelType;
}
/** An expression with its macros expanded. After checking every node has its type, calls have their overloads. */
export type CelExpr =
  CelLiteral | CelIdent | CelSelect | CelCall | CelListExpr | CelMapExpr | CelStructExpr | CelComprehension;
/** `value` is a bigint for int and uint (told apart by `literal`), a number for double. */
export interface CelLiteral extends Node {
  readonly kind: 'literal';
  readonly literal: 'bool' | 'int' | 'uint' | 'double' | 'string' | 'bytes' | 'null';
  readonly value: boolean | bigint | number | string | Uint8Array | null;
}
/** A variable, or with `denotes` the name of a type. Qualified names (`a.b.c` declared as one) are one node. */
export interface CelIdent extends Node {
  readonly kind: 'ident';
  name: string;
  denotes?: CelType;
}
/** `operand.field`, or with `test` what `has(operand.field)` asks. `operand.?field` is a call of `_?._`. */
export interface CelSelect extends Node {
  readonly kind: 'select';
  readonly operand: CelExpr;
  readonly field: string;
  readonly test: boolean;
}
/** Operators are calls too, under cel-go's names (`_+_`, `_?_:_`, `_[_]`, `_?._`, `!_`, `-_`, `@in`, `@not_strictly_false`). */
export interface CelCall extends Node {
  readonly kind: 'call';
  /** Qualified for functions in namespaces: `math.greatest`, `cidr`; then there is no target. */
  name: string;
  target?: CelExpr | undefined;
  readonly args: readonly CelExpr[];
  /** Ids of the overloads that may be meant, as in cel-go (`add_int64`, `string_char_at_int`): one, or several if a type is dyn. */
  overloads?: readonly string[];
}
export interface CelListExpr extends Node {
  readonly kind: 'list';
  readonly elements: readonly CelExpr[];
  /** Indexes of elements that are `?x`: left out when x is empty. */
  readonly optionals: readonly number[];
}
export interface CelMapExpr extends Node {
  readonly kind: 'map';
  readonly entries: readonly {
    readonly id: number;
    readonly offset: number;
    readonly key: CelExpr;
    readonly value: CelExpr;
    readonly optional: boolean;
  }[];
}
/** `Object{spec: Object.spec{...}}`. */
export interface CelStructExpr extends Node {
  readonly kind: 'struct';
  name: string;
  readonly entries: readonly {
    readonly id: number;
    readonly offset: number;
    readonly field: string;
    readonly value: CelExpr;
    readonly optional: boolean;
  }[];
}
/** A fold: what the macros come to. With `iterVar2` the first variable is the index or key, the second the value. */
export interface CelComprehension extends Node {
  readonly kind: 'comprehension';
  readonly iterVar: string;
  readonly iterVar2?: string | undefined;
  readonly iterRange: CelExpr;
  readonly accuVar: string;
  readonly accuInit: CelExpr;
  readonly loopCondition: CelExpr;
  readonly loopStep: CelExpr;
  readonly result: CelExpr;
}
