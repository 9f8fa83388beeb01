import type { CelDeclared } from './declared.ts';
import type { Overload } from './declarations.ts';
import { isReserved } from './names.ts';
import type { CelType } from './types.ts';

/** By the way to the part: a variable, then fields, `@items`, `@keys` and `@values`. */
export type CelSizes = (path: readonly string[]) => number | undefined;
/**
 * Sizes by the declaration of a root. Where a way begins is not looked at: `self` and `oldSelf` are alike, and what comes from
 * no variable is as large as one. Source: apiextensions-apiserver pkg/apiserver/schema/cel/compilation.go sizeEstimator.
 */
export function sizesWithin(root: CelDeclared): CelSizes {
  return (path) => {
    let at: CelDeclared | undefined = root;
    for (let i = 1; at && i < path.length; i++) at = partOf(at, path[i]!);
    return at && (at.maxElements ?? 0);
  };
}
/** A step into a declaration. */
export function partOf(at: CelDeclared, name: string): CelDeclared | undefined {
  if (name === '@items' || name === '@values') return at.element;
  return name === '@keys' ? at.key : at.fields?.get(name)?.declared;
}
/** What an expression may speak of. All of Kubernetes 1.36's libraries are in every environment. */
export interface CelEnvironment {
  readonly variables: ReadonlyMap<string, CelDeclared>;
  /** Objects by the names of their types; those within variables are here too. */
  readonly types: ReadonlyMap<string, CelDeclared>;
  /** Functions beside those of all environments, or instead of them. */
  readonly functions?: ReadonlyMap<string, readonly Overload[]> | undefined;
  /** How large a part of a variable may get, in elements or bytes, for estimates of costs; undefined: unknown. */
  readonly sizes?: CelSizes | undefined;
  /** `cel.bind(name, value, expression)` is a macro. */
  readonly binds: boolean;
  /** The type of a field of an object type; undefined if it has none of that name. */
  field(type: string, field: string): CelType | undefined;
}
/**
 * An environment of variables (`self`, `object`, `params`). `types` are further objects that may be made in an expression
 * (`Object.spec{...}`).
 */
export function celEnvironment(of: {
  readonly variables: Readonly<Record<string, CelDeclared>>;
  readonly types?: readonly CelDeclared[] | undefined;
  /** Types that are known by the form of their names. */
  readonly typeByName?: ((name: string) => CelDeclared | undefined) | undefined;
  readonly functions?: ReadonlyMap<string, readonly Overload[]> | undefined;
  readonly sizes?: CelSizes | undefined;
  readonly binds?: boolean | undefined;
}): CelEnvironment {
  const types = new Types(of.typeByName);
  for (const one of [...Object.values(of.variables), ...(of.types ?? [])]) collect(one, types);
  return {
    variables: new Map(Object.entries(of.variables)),
    types,
    functions: of.functions,
    sizes: of.sizes,
    binds: of.binds === true,
    field: (type, field) => fieldOf(types.get(type)?.fields, field),
  };
}
class Types extends Map<string, CelDeclared> {
  readonly #byName: ((name: string) => CelDeclared | undefined) | undefined;

  constructor(byName: ((name: string) => CelDeclared | undefined) | undefined) {
    super();
    this.#byName = byName;
  }
  override get(name: string): CelDeclared | undefined {
    return super.get(name) ?? this.#byName?.(name);
  }
}
/** A reserved word after a dot means the field of that name, which is declared escaped. */
function fieldOf(fields: CelDeclared['fields'], name: string): CelType | undefined {
  return (fields?.get(name) ?? (isReserved(name) ? fields?.get(`__${name}__`) : undefined))?.declared.type;
}
/** What has no fields at all, as authorizers, is no type that one could look into. */
function collect(one: CelDeclared, into: Map<string, CelDeclared>): void {
  if (one.type.kind === 'object' && one.fields) {
    if (into.has(one.type.name)) return;
    into.set(one.type.name, one);
    for (const { declared } of one.fields?.values() ?? []) collect(declared, into);
  }
  if (one.element) collect(one.element, into);
}
