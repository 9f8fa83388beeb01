import type { CelExpr } from './ast.ts';
import { namedType } from './declarations.ts';
import type { CelEnvironment } from './environment.ts';
import { typeOf, type CelType } from './types.ts';

interface Scope {
  readonly names: ReadonlyMap<string, CelType>;
  readonly outer: Scope | undefined;
}
/** What names mean at a place in an expression. */
export class Names {
  /** The environment's variables that were looked up. */
  readonly uses = new Set<string>();
  readonly #environment: CelEnvironment;
  #scope: Scope | undefined;

  constructor(environment: CelEnvironment) {
    this.#environment = environment;
  }
  enter(names: ReadonlyMap<string, CelType>): void {
    this.#scope = { names, outer: this.#scope };
  }
  leave(): void {
    this.#scope = this.#scope?.outer;
  }
  /** What a name means: a variable within, one of the environment, or a type. */
  lookup(name: string): { readonly name: string; readonly type: CelType; readonly denotes?: CelType } | undefined {
    const plain = name.startsWith('.') ? name.slice(1) : name;
    for (let scope = this.#scope; scope; scope = scope.outer) {
      const type = scope.names.get(plain);
      if (type) return { name: plain, type };
    }
    const variable = this.#environment.variables.get(plain);
    if (variable) {
      this.uses.add(plain);
      return { name: plain, type: variable.type };
    }
    const named = namedType(plain) ?? this.#environment.types.get(plain)?.type;
    return named && { name: plain, type: typeOf(named), denotes: named };
  }
}

/** `a.b.c` of a chain of names; undefined for anything else. */
export function qualifiedName(expr: CelExpr): string | undefined {
  if (expr.kind === 'ident') return expr.name;
  if (expr.kind !== 'select' || expr.test) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}
