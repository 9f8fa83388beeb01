import type { CelCall, CelComprehension, CelExpr, CelIdent, CelSelect, CelStructExpr } from './ast.ts';
import { Substitutions } from './check-types.ts';
import { Names, qualifiedName } from './check-names.ts';
import { overloadsOf, type Overload } from './declarations.ts';
import type { CelEnvironment } from './environment.ts';
import type { Issue } from './messages.ts';
import {
  BOOL, BYTES, DOUBLE, DYN, ERROR, INT, isDyn, isOpaque, listOf, mapOf, NULL, optionalOf, sameType, showType, STRING, typeName, UINT, type CelType,
} from './types.ts'; // prettier-ignore

/**
 * Gives every part of an expression its type and every call its overloads, in place; what does not fit is told.
 * Source: cel-go checker/checker.go.
 */
export function check(
  expr: CelExpr,
  environment: CelEnvironment,
): { readonly issues: readonly Issue[]; readonly uses: ReadonlySet<string> } {
  const checker = new Checker(environment);
  checker.check(expr);
  checker.finish();
  return checker;
}

const LITERALS = { bool: BOOL, int: INT, uint: UINT, double: DOUBLE, string: STRING, bytes: BYTES, null: NULL };
class Checker {
  readonly issues: Issue[] = [];
  readonly #environment: CelEnvironment;
  readonly #types = new Substitutions();
  readonly #nodes: CelExpr[] = [];
  readonly #names: Names;

  constructor(environment: CelEnvironment) {
    this.#environment = environment;
    this.#names = new Names(environment);
  }
  get uses(): ReadonlySet<string> {
    return this.#names.uses;
  }
  finish(): void {
    for (const node of this.#nodes) node.type = this.#types.apply(node.type!, true);
  }
  #say(at: number, message: string): void {
    this.issues.push({ at, message });
  }
  #undeclared(at: number, name: string): void {
    this.#say(at, `undeclared reference to '${name}' (in container '')`);
  }
  check(expr: CelExpr): CelType {
    const type = this.#typeOf(expr);
    expr.type = type;
    this.#nodes.push(expr);
    return type;
  }
  #typeOf(expr: CelExpr): CelType {
    switch (expr.kind) {
      case 'literal':
        return LITERALS[expr.literal];
      case 'ident':
        return this.#ident(expr);
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct':
        return this.#struct(expr);
      case 'comprehension':
        return this.#comprehension(expr);
    }
  }

  #ident(expr: CelIdent): CelType {
    const found = this.#names.lookup(expr.name);
    if (!found) {
      this.#undeclared(expr.offset, expr.name);
      return ERROR;
    }
    expr.name = found.name;
    if (found.denotes) expr.denotes = found.denotes;
    return found.type;
  }
  #select(expr: CelSelect): CelType {
    const name = expr.test ? undefined : qualifiedName(expr);
    const found = name === undefined ? undefined : this.#names.lookup(name);
    if (found) {
      const { type, ...ident } = found;
      Object.assign(expr, { kind: 'ident', ...ident });
      return type;
    }
    const type = this.#field(expr.offset, expr.operand, expr.field, false);
    return expr.test ? BOOL : this.#types.apply(type);
  }
  #field(at: number, operand: CelExpr, field: string, optional: boolean): CelType {
    const given = this.#types.apply(this.check(operand));
    const target = given.kind === 'optional' ? given.value : given;
    const type = this.#fieldOf(at, target, field);
    return given.kind === 'optional' || optional ? optionalOf(type) : type;
  }
  #fieldOf(at: number, target: CelType, field: string): CelType {
    switch (target.kind) {
      case 'map':
        return target.value;
      case 'object':
        if (!isOpaque(target)) return this.#declaredField(at, target.name, field) ?? ERROR;
        this.#say(at, `type '${showType(target)}' does not support field selection`);
        return DYN;
      case 'param':
        this.#types.isAssignable(DYN, target);
        return DYN;
      case 'dyn':
      case 'any':
      case 'error':
        return DYN;
      default:
        this.#say(at, `type '${showType(target)}' does not support field selection`);
        return DYN;
    }
  }
  #declaredField(at: number, type: string, field: string): CelType | undefined {
    const found = this.#environment.field(type, field);
    if (found) return found;
    if (this.#environment.types.get(type)) this.#say(at, `undefined field '${field}'`);
    else this.#say(at, `unexpected failed resolution of '${type}'`);
    return undefined;
  }

  #call(expr: CelCall): CelType {
    if (expr.name === '_?._') {
      const [operand, field] = expr.args as [CelExpr, CelExpr];
      this.#nodes.push(field);
      field.type = STRING;
      expr.overloads = ['select_optional_field'];
      const name = field.kind === 'literal' ? String(field.value) : '';
      return this.#types.apply(this.#field(expr.offset, operand, name, true));
    }
    for (const arg of expr.args) this.check(arg);
    if (expr.target === undefined) {
      const name = expr.name.startsWith('.') ? expr.name.slice(1) : expr.name;
      const overloads = this.#functions(name);
      if (!overloads) {
        this.#undeclared(expr.offset, expr.name);
        return ERROR;
      }
      expr.name = name;
      return this.#resolve(expr, overloads);
    }
    const prefix = qualifiedName(expr.target);
    const qualified = prefix && `${prefix.startsWith('.') ? prefix.slice(1) : prefix}.${expr.name}`;
    const inNamespace = qualified && this.#functions(qualified);
    if (inNamespace) {
      expr.target = undefined;
      expr.name = qualified;
      return this.#resolve(expr, inNamespace);
    }
    this.check(expr.target);
    const overloads = this.#functions(expr.name);
    if (overloads) return this.#resolve(expr, overloads);
    this.#undeclared(expr.offset, expr.name);
    return ERROR;
  }
  #functions(name: string): readonly Overload[] | undefined {
    return this.#environment.functions?.get(name) ?? overloadsOf(name);
  }
  #resolve(expr: CelCall, overloads: readonly Overload[]): CelType {
    const given = [...(expr.target ? [expr.target] : []), ...expr.args].map((one) => one.type!);
    const isMember = expr.target !== undefined;
    if (expr.name === '_&&_' || expr.name === '_||_') return this.#logical(expr, overloads[0]!, given);
    const ids: string[] = [];
    let result: CelType | undefined;
    for (const overload of overloads) {
      if (overload.isMember !== isMember) continue;
      const { args, type } = this.#instance(overload);
      if (!this.#types.areAssignable(given, args)) continue;
      ids.push(overload.id);
      const own = this.#types.apply(type);
      if (result === undefined) result = own;
      else if (!isDyn(result) && !sameType(own, result)) result = DYN;
    }
    if (result !== undefined) {
      expr.overloads = ids;
      return result;
    }
    const shown = given.map((one) => showType(this.#types.apply(one, true)));
    const signature = isMember ? `${shown[0]}.(${shown.slice(1).join(', ')})` : `(${shown.join(', ')})`;
    this.#say(expr.offset, `found no matching overload for '${expr.name}' applied to '${signature}'`);
    return ERROR;
  }
  #logical(expr: CelCall, overload: Overload, given: readonly CelType[]): CelType {
    let fits = true;
    for (const [i, type] of given.entries()) {
      if (this.#types.isAssignable(type, BOOL)) continue;
      this.#mismatch(expr.args[i]!, BOOL, type);
      fits = false;
    }
    if (fits) expr.overloads = [overload.id];
    return fits ? BOOL : ERROR;
  }
  #instance(overload: Overload): { args: readonly CelType[]; type: CelType } {
    if (overload.params.length === 0) return { args: overload.args, type: overload.result };
    const fresh = new Map(overload.params.map((name) => [name, this.#types.fresh()]));
    return {
      args: overload.args.map((one) => Substitutions.instantiate(one, fresh)),
      type: Substitutions.instantiate(overload.result, fresh),
    };
  }
  #mismatch(at: CelExpr, expected: CelType, actual: CelType): void {
    this.#say(at.offset, `expected type '${showType(expected)}' but found '${showType(actual)}'`);
  }

  /** Of an element that is there only if it has a value: what it then is. */
  #unwrapped(expr: CelExpr, type: CelType, isOptional: boolean): CelType {
    if (!isOptional) return type;
    if (type.kind === 'optional') return type.value;
    if (!isDyn(type)) this.#mismatch(expr, optionalOf(type), type);
    return type;
  }
  /** Elements of different types make a list of dyn here; check-literals.ts refuses those that are not formatted. */
  #join(before: CelType | undefined, type: CelType): CelType {
    if (before === undefined) return type;
    return this.#types.isAssignable(before, type) ? this.#types.mostGeneral(before, type) : DYN;
  }
  #list(expr: CelExpr & { kind: 'list' }): CelType {
    const optionals = new Set(expr.optionals);
    let joined: CelType | undefined;
    for (const [i, element] of expr.elements.entries())
      joined = this.#join(joined, this.#unwrapped(element, this.check(element), optionals.has(i)));
    return listOf(joined ?? this.#types.fresh());
  }
  #map(expr: CelExpr & { kind: 'map' }): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of expr.entries) {
      key = this.#join(key, this.check(entry.key));
      value = this.#join(value, this.#unwrapped(entry.value, this.check(entry.value), entry.optional));
    }
    if (key !== undefined && value !== undefined) return mapOf(key, value);
    return mapOf(this.#types.fresh(), this.#types.fresh());
  }
  #struct(expr: CelStructExpr): CelType {
    const found = this.#names.lookup(expr.name);
    if (!found) {
      this.#undeclared(expr.offset, expr.name);
      return ERROR;
    }
    expr.name = found.name;
    let result: CelType = ERROR;
    if (found.type.kind !== 'error') {
      if (found.denotes === undefined) this.#say(expr.offset, `'${typeName(found.type)}' is not a type`);
      else if (!MESSAGES.has(found.denotes.kind))
        this.#say(expr.offset, `'${typeName(found.denotes)}' is not a message type`);
      else result = found.denotes;
    }
    for (const entry of expr.entries) {
      const value = this.check(entry.value);
      const field = this.#declaredField(entry.offset, found.name, entry.field) ?? ERROR;
      const given = this.#unwrapped(entry.value, value, entry.optional);
      if (!this.#types.isAssignable(field, given))
        this.#say(
          entry.offset,
          `expected type of field '${entry.field}' is '${showType(field)}' but provided type is '${showType(given)}'`,
        );
    }
    return result;
  }
  #comprehension(expr: CelComprehension): CelType {
    this.check(expr.iterRange);
    const accu = this.check(expr.accuInit);
    const range = this.#types.apply(expr.iterRange.type!);
    this.#names.enter(new Map([[expr.accuVar, accu]]));
    const [first, second] = this.#iterated(expr, range);
    const names = new Map([[expr.iterVar, first]]);
    if (expr.iterVar2 !== undefined) names.set(expr.iterVar2, second);
    this.#names.enter(names);
    this.#assert(expr.loopCondition, BOOL);
    this.#assert(expr.loopStep, accu);
    this.#names.leave();
    const result = this.check(expr.result);
    this.#names.leave();
    return this.#types.apply(result);
  }
  /** The types of the variables of a fold over a range. */
  #iterated(expr: CelComprehension, range: CelType): readonly [CelType, CelType] {
    const two = expr.iterVar2 !== undefined;
    switch (range.kind) {
      case 'list':
        return two ? [INT, range.element] : [range.element, ERROR];
      case 'map':
        return [range.key, range.value];
      case 'dyn':
      case 'error':
      case 'param':
        this.#types.isAssignable(DYN, range);
        return [DYN, DYN];
      default:
        this.#say(
          expr.iterRange.offset,
          `expression of type '${showType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [ERROR, ERROR];
    }
  }
  #assert(expr: CelExpr, type: CelType): void {
    const given = this.check(expr);
    if (!this.#types.isAssignable(type, given)) this.#mismatch(expr, type, given);
  }
}
const MESSAGES = new Set(['object', 'timestamp', 'duration', 'dyn', 'null']);
