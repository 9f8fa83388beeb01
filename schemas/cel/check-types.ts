import { DYN, isDyn, listOf, mapOf, optionalOf, sameType, typeOf, type CelType } from './types.ts';

/** Steps that deciding on types may take in an expression: types that double with every fold are stopped here. */
const FUEL = 3_000_000;
/** Thrown when the types of an expression are too large to be checked. */
export class TypesTooLarge extends Error {}

type Param = CelType & { kind: 'param' };
const isWild = (type: CelType): boolean => isDyn(type) || type.kind === 'error';
const isNullable = (type: CelType): boolean =>
  type.kind === 'object' || type.kind === 'optional' || type.kind === 'duration' || type.kind === 'timestamp';
const SINGULAR = new Set(['bool', 'bytes', 'double', 'int', 'string', 'uint', 'duration', 'timestamp']);

/** What is known of type parameters, and whether types fit each other by it. Source: cel-go checker/types.go. */
export class Substitutions {
  readonly #known = new Map<string, CelType>();
  /** What was changed since a try began: name and what it was. */
  #undo: [string, CelType | undefined][] = [];
  #fuel = FUEL;
  #lastVar = -1;

  fresh(): Param {
    this.#lastVar += 1;
    return { kind: 'param', name: `_var${this.#lastVar}` };
  }
  /** Whether `a` may be where `b` is wanted; what that says of parameters is kept if so. */
  isAssignable(a: CelType, b: CelType): boolean {
    return this.areAssignable([a], [b]);
  }
  areAssignable(a: readonly CelType[], b: readonly CelType[]): boolean {
    this.#undo = [];
    if (this.#fitAll(a, b)) return true;
    for (const [name, before] of this.#undo.toReversed()) {
      if (before === undefined) this.#known.delete(name);
      else this.#known.set(name, before);
    }
    return false;
  }
  #set(name: string, type: CelType): void {
    this.#undo.push([name, this.#known.get(name)]);
    this.#known.set(name, type);
  }
  #burn(): void {
    this.#fuel -= 1;
    if (this.#fuel < 0) throw new TypesTooLarge();
  }
  #fitAll(a: readonly CelType[], b: readonly CelType[]): boolean {
    return a.length === b.length && a.every((one, i) => this.#fit(one, b[i]!));
  }
  #fit(a: CelType, b: CelType): boolean {
    this.#burn();
    if (b.kind === 'param') {
      const { valid, known } = this.#isSubstitution(a, b);
      if (valid) return true;
      if (known) return false;
    }
    if (a.kind === 'param') return this.#isSubstitution(b, a).valid;
    if (isWild(a) || isWild(b)) return true;
    if (a.kind === 'null') return b.kind === 'null' || isNullable(b);
    if (b.kind === 'null') return isNullable(a);
    if (SINGULAR.has(a.kind)) return a.kind === b.kind;
    if (a.kind === 'object' && b.kind === 'object') return a.name === b.name;
    if (a.kind === 'type') return b.kind === 'type';
    if (a.kind === 'list' && b.kind === 'list') return this.#fit(a.element, b.element);
    if (a.kind === 'map' && b.kind === 'map') return this.#fit(a.key, b.key) && this.#fit(a.value, b.value);
    if (a.kind === 'optional' && b.kind === 'optional') return this.#fit(a.value, b.value);
    return false;
  }
  /** Whether the parameter may stand for the type. */
  #isSubstitution(type: CelType, param: Param): { valid: boolean; known: boolean } {
    if (type.kind === 'param' && type.name === param.name) return { valid: true, known: true };
    const known = this.#known.get(param.name);
    if (known !== undefined) {
      if (type.kind === known.kind && this.#same(type, known)) return { valid: true, known: true };
      if (!this.#fit(type, known)) return { valid: false, known: true };
      const general = this.mostGeneral(type, known);
      if (!this.#occurs(param, general)) this.#set(param.name, general);
      return { valid: true, known: true };
    }
    if (this.#occurs(param, type)) return { valid: false, known: false };
    this.#set(param.name, type);
    return { valid: true, known: false };
  }
  #same(a: CelType, b: CelType): boolean {
    this.#burn();
    if (a === b) return true;
    if (a.kind === 'list' && b.kind === 'list') return this.#same(a.element, b.element);
    if (a.kind === 'map' && b.kind === 'map') return this.#same(a.key, b.key) && this.#same(a.value, b.value);
    if (a.kind === 'optional' && b.kind === 'optional') return this.#same(a.value, b.value);
    return sameType(a, b);
  }
  #occurs(param: Param, within: CelType): boolean {
    this.#burn();
    switch (within.kind) {
      case 'param': {
        if (within.name === param.name) return true;
        const known = this.#known.get(within.name);
        return known !== undefined && this.#occurs(param, known);
      }
      case 'list':
        return this.#occurs(param, within.element);
      case 'map':
        return this.#occurs(param, within.key) || this.#occurs(param, within.value);
      case 'optional':
        return this.#occurs(param, within.value);
      case 'type':
        return within.of !== undefined && this.#occurs(param, within.of);
      default:
        return false;
    }
  }
  /** Of two types that fit each other the one that says less. */
  mostGeneral(a: CelType, b: CelType): CelType {
    return this.#saysNoMore(a, b) ? a : b;
  }
  #saysNoMore(a: CelType, b: CelType): boolean {
    this.#burn();
    if (isDyn(a) || a.kind === 'param') return true;
    if (isDyn(b) || b.kind === 'param' || a.kind !== b.kind) return false;
    if (a.kind === 'list' && b.kind === 'list') return this.#saysNoMore(a.element, b.element);
    if (a.kind === 'map' && b.kind === 'map')
      return this.#saysNoMore(a.key, b.key) && this.#saysNoMore(a.value, b.value);
    if (a.kind === 'optional' && b.kind === 'optional') return this.#saysNoMore(a.value, b.value);
    return a.kind === 'type' || sameType(a, b);
  }
  /** A type with all that is known of parameters put in; with `toDyn` the unknown become dyn. */
  apply(type: CelType, toDyn = false): CelType {
    this.#burn();
    switch (type.kind) {
      case 'param': {
        const known = this.#known.get(type.name);
        if (known !== undefined) return this.apply(known, toDyn);
        return toDyn ? DYN : type;
      }
      case 'list': {
        const element = this.apply(type.element, toDyn);
        return element === type.element ? type : listOf(element);
      }
      case 'map': {
        const key = this.apply(type.key, toDyn);
        const value = this.apply(type.value, toDyn);
        return key === type.key && value === type.value ? type : mapOf(key, value);
      }
      case 'optional': {
        const value = this.apply(type.value, toDyn);
        return value === type.value ? type : optionalOf(value);
      }
      case 'type': {
        if (type.of === undefined) return type;
        const of = this.apply(type.of, toDyn);
        return of === type.of ? type : typeOf(of);
      }
      default:
        return type;
    }
  }
  /** A declaration's type with its own parameters replaced. */
  static instantiate(type: CelType, fresh: ReadonlyMap<string, CelType>): CelType {
    switch (type.kind) {
      case 'param':
        return fresh.get(type.name) ?? type;
      case 'list':
        return listOf(Substitutions.instantiate(type.element, fresh));
      case 'map':
        return mapOf(Substitutions.instantiate(type.key, fresh), Substitutions.instantiate(type.value, fresh));
      case 'optional':
        return optionalOf(Substitutions.instantiate(type.value, fresh));
      case 'type':
        return type.of === undefined ? type : typeOf(Substitutions.instantiate(type.of, fresh));
      default:
        return type;
    }
  }
}
