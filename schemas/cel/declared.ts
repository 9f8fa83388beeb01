import type { CelType } from './types.ts';

/**
 * What is known of a variable, or of a part of it: type, the JSON that it is made of, and how large it may get.
 * Source: apiserver pkg/cel/types.go DeclType, pkg/cel/common/schemas.go.
 */
export interface CelDeclared {
  readonly type: CelType;
  /** Most elements of a list or map; of a string its longest, in bytes. Undefined where nothing bounds it but the request. */
  readonly maxElements?: number | undefined;
  /** The fewest bytes it takes as JSON. */
  readonly minSize: number;
  /** Of lists: the elements; of maps: the values. */
  readonly element?: CelDeclared | undefined;
  /** Of maps. */
  readonly key?: CelDeclared | undefined;
  /** Of objects, by their names in expressions (`__namespace__` for namespace). */
  readonly fields?: ReadonlyMap<string, CelField> | undefined;
  /** How lists compare and are added: as sets, or by these keys (names in JSON). */
  readonly listType?: 'set' | 'map' | 'atomic' | undefined;
  readonly listMapKeys?: readonly string[] | undefined;
  /** How JSON is read: `date-time`, `date`, `duration`, `byte`; `int-or-string`, `quantity`. */
  readonly format?: string | undefined;
  /** Fields that expressions do not see are kept when it is an object of unknown fields. */
  readonly nullable?: boolean | undefined;
}
export interface CelField {
  /** Its name in JSON. */
  readonly name: string;
  readonly declared: CelDeclared;
}
