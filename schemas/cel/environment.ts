import type { CelDeclared } from './declared.ts';
import type { CelType } from './types.ts';

/** What an expression may speak of. All of Kubernetes 1.36's libraries are in every environment. */
export interface CelEnvironment {
  readonly variables: ReadonlyMap<string, CelDeclared>;
  /** Objects by the names of their types; those within variables are here too. */
  readonly types: ReadonlyMap<string, CelDeclared>;
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
}): CelEnvironment {
  const types = new Map<string, CelDeclared>();
  for (const one of [...Object.values(of.variables), ...(of.types ?? [])]) collect(one, types);
  return {
    variables: new Map(Object.entries(of.variables)),
    types,
    field: (type, field) => types.get(type)?.fields?.get(field)?.declared.type,
  };
}
function collect(one: CelDeclared, into: Map<string, CelDeclared>): void {
  if (one.type.kind === 'object') {
    if (into.has(one.type.name)) return;
    into.set(one.type.name, one);
    for (const { declared } of one.fields?.values() ?? []) collect(declared, into);
  }
  if (one.element) collect(one.element, into);
}
