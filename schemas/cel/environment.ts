import type { CelDeclared } from './declared.ts';
import type { Overload } from './declarations.ts';
import { isReserved } from './names.ts';
import type { CelType } from './types.ts';

/** What an expression may speak of. All of Kubernetes 1.36's libraries are in every environment. */
export interface CelEnvironment {
  readonly variables: ReadonlyMap<string, CelDeclared>;
  /** Objects by the names of their types; those within variables are here too. */
  readonly types: ReadonlyMap<string, CelDeclared>;
  /** Functions beside those of all environments, or instead of them. */
  readonly functions?: ReadonlyMap<string, readonly Overload[]> | undefined;
  /** What the sizes of all variables are known by when costs are estimated (`self` and `oldSelf` are alike); undefined: by nothing. */
  readonly sizes?: CelDeclared | undefined;
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
  readonly functions?: ReadonlyMap<string, readonly Overload[]> | undefined;
  readonly sizes?: CelDeclared | undefined;
}): CelEnvironment {
  const types = new Map<string, CelDeclared>();
  for (const one of [...Object.values(of.variables), ...(of.types ?? [])]) collect(one, types);
  return {
    variables: new Map(Object.entries(of.variables)),
    types,
    functions: of.functions,
    sizes: of.sizes,
    field: (type, field) => fieldOf(types.get(type)?.fields, field),
  };
}
/** A reserved word after a dot means the field of that name, which is declared escaped. */
function fieldOf(fields: CelDeclared['fields'], name: string): CelType | undefined {
  return (fields?.get(name) ?? (isReserved(name) ? fields?.get(`__${name}__`) : undefined))?.declared.type;
}
function collect(one: CelDeclared, into: Map<string, CelDeclared>): void {
  if (one.type.kind === 'object') {
    if (into.has(one.type.name)) return;
    into.set(one.type.name, one);
    for (const { declared } of one.fields?.values() ?? []) collect(declared, into);
  }
  if (one.element) collect(one.element, into);
}
