import type { CelCall, CelComprehension, CelExpr } from './ast.ts';
import { callEstimate } from './cost-estimate-calls.ts';
import { ADDING, operatorEstimate } from './cost-estimate-operators.ts';
import { NOWHERE, step, type CallEstimate, type Path, type Sized, type SizeOf } from './cost-estimate-sizes.ts';
import type { CelEnvironment } from './environment.ts';
import { fixed, MOST, ONE, plus, times, union, UNKNOWN, ZERO, type Range } from './estimates.ts';
import { isOpaque, TYPE, type CelType } from './types.ts';

const LIST_COST = fixed(10);
const MAP_COST = fixed(30);
const STRUCT_COST = fixed(40);
const ACCUMULATORS = new Set(['@result', '__result__']);

/** The sizes of what a list or map holds. */
interface Entries {
  readonly of: 'list' | 'map';
  readonly key: Range;
  readonly value: Range;
}
interface Local {
  readonly path: Path;
  readonly size?: Range | undefined;
  readonly entries?: Entries | undefined;
}
/**
 * What evaluating a checked expression may cost at least and at most.
 * Source: cel-go checker/cost.go, apiserver pkg/cel/library/cost.go.
 */
export function estimateCost(expr: CelExpr, environment: CelEnvironment): Range {
  const { sizes } = environment;
  return new Estimator(({ slots, length }) => {
    const most = sizes?.(slots.slice(0, length));
    return most === undefined ? undefined : { min: 0n, max: BigInt(most) };
  }).cost(expr);
}

class Estimator {
  readonly #sizeOf: SizeOf;
  readonly #paths = new Map<CelExpr, Path>();
  readonly #sizes = new Map<CelExpr, Range>();
  readonly #entries = new Map<CelExpr, Entries>();
  readonly #locals = new Map<string, Local[]>();

  constructor(sizeOf: SizeOf) {
    this.#sizeOf = sizeOf;
  }
  cost(expr: CelExpr): Range {
    switch (expr.kind) {
      case 'literal':
        return ZERO;
      case 'ident':
        this.#paths.set(expr, this.#local(expr.name)?.path ?? { slots: [expr.name], length: 1, capacity: 1 });
        return ONE;
      case 'select':
        return this.#select(expr);
      case 'call':
        return this.#call(expr);
      case 'list':
        return this.#list(expr);
      case 'map':
        return this.#map(expr);
      case 'struct': {
        const fields = expr.entries.map(({ value }) => this.cost(value));
        return fields.reduce(plus, STRUCT_COST);
      }
      case 'comprehension':
        return isBind(expr) ? this.#bind(expr) : this.#fold(expr);
    }
  }
  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }
  #push(name: string, local: Local): void {
    const known = this.#locals.get(name);
    if (known) known.push(local);
    else this.#locals.set(name, [local]);
  }
  #pop(name: string): void {
    this.#locals.get(name)!.pop();
  }
  #pathOf(expr: CelExpr): Path {
    return (expr.kind === 'ident' ? this.#local(expr.name)?.path : undefined) ?? this.#paths.get(expr) ?? NOWHERE;
  }
  #select(expr: CelExpr & { kind: 'select' }): Range {
    const operand = this.cost(expr.operand);
    // Asking whether a field is there costs nothing.
    if (expr.test) return operand;
    this.#paths.set(expr, step(this.#pathOf(expr.operand), expr.field));
    const kind = expr.operand.type!.kind;
    return kind === 'map' || (kind === 'object' && !isOpaque(expr.operand.type!)) || kind === 'param'
      ? plus(operand, ONE)
      : operand;
  }
  #list(expr: CelExpr & { kind: 'list' }): Range {
    let sum = LIST_COST;
    let size: Range = { min: expr.elements.length === 0 ? 0n : MOST, max: 0n };
    for (const element of expr.elements) {
      sum = plus(sum, this.cost(element));
      size = union(size, this.#sizeOrUnknown(element));
    }
    this.#entries.set(expr, { of: 'list', key: ONE, value: size });
    return sum;
  }
  #map(expr: CelExpr & { kind: 'map' }): Range {
    let sum = MAP_COST;
    let key: Range = { min: expr.entries.length === 0 ? 0n : MOST, max: 0n };
    let value = key;
    for (const entry of expr.entries) {
      sum = plus(sum, plus(this.cost(entry.key), this.cost(entry.value)));
      key = union(key, this.#sizeOrUnknown(entry.key));
      value = union(value, this.#sizeOrUnknown(entry.value));
    }
    this.#entries.set(expr, { of: 'map', key, value });
    return sum;
  }

  #bind(expr: CelComprehension): Range {
    let sum = plus(this.cost(expr.iterRange), this.cost(expr.accuInit));
    this.#pushValue(expr.accuVar, expr.accuInit);
    sum = plus(sum, this.cost(expr.result));
    this.#pop(expr.accuVar);
    this.#copy(expr, expr.result);
    return sum;
  }
  #fold(expr: CelComprehension): Range {
    const { iterRange, accuInit } = expr;
    let sum = plus(this.cost(iterRange), this.cost(accuInit));
    this.#pushValue(expr.accuVar, accuInit);
    const entries = this.#entriesOf(iterRange);
    const isList = (entries?.of ?? iterRange.type!.kind) === 'list';
    const path = this.#pathOf(iterRange);
    const two = expr.iterVar2 !== undefined;
    const first = two || !isList ? entries?.key : entries?.value;
    this.#push(expr.iterVar, {
      path: step(path, isList ? (two ? '@indices' : '@items') : '@keys'),
      size: first,
    });
    if (two) this.#push(expr.iterVar2, { path: step(path, isList ? '@items' : '@values'), size: entries?.value });
    const once = plus(this.cost(expr.loopCondition), this.cost(expr.loopStep));
    this.#pop(expr.iterVar);
    if (two) this.#pop(expr.iterVar2);
    sum = plus(sum, this.cost(expr.result));
    this.#pop(expr.accuVar);
    const count = this.#sizeOrUnknown(iterRange);
    sum = plus(sum, times(count, once));
    if (accuInit.kind === 'literal') this.#setSize(expr, this.#sizeOfExpr(accuInit));
    if (accuInit.kind === 'list' || accuInit.kind === 'map') {
      this.#setSize(expr, count);
      this.#setEntries(expr, this.#entriesOf(expr.loopStep));
    }
    return sum;
  }
  #pushValue(name: string, value: CelExpr): void {
    this.#push(name, { path: this.#pathOf(value), size: this.#sizeOfExpr(value), entries: this.#entriesOf(value) });
  }

  #call(expr: CelCall): Range {
    if (expr.name === 'dyn') {
      const argument = expr.args[0]!;
      const cost = plus(ONE, this.cost(argument));
      this.#copy(expr, argument);
      return cost;
    }
    const costs: Range[] = [];
    const args: Sized[] = [];
    for (const arg of expr.args) {
      costs.push(this.cost(arg));
      args.push(this.#sized(arg));
    }
    if (!expr.overloads?.length) return ZERO;
    let sum = ZERO;
    let target: Sized | undefined;
    if (expr.target) {
      sum = this.cost(expr.target);
      target = this.#sized(expr.target);
    }
    let cost: Range = { min: MOST, max: 0n };
    let size: Range | undefined;
    for (const overload of expr.overloads) {
      const one = this.#overload(expr, overload, target, args, costs);
      cost = union(cost, one.cost);
      if (one.size) size = size ? union(size, one.size) : one.size;
      if (overload === 'index_list' || overload === 'index_map') {
        const [container] = expr.args as [CelExpr];
        size = this.#entriesOf(container)?.value;
        this.#paths.set(expr, step(this.#pathOf(container), overload === 'index_list' ? '@items' : '@values'));
      }
      size ??= this.#sizeOfExpr(expr);
    }
    this.#setSize(expr, size);
    return plus(sum, cost);
  }
  #overload(
    expr: CelCall,
    id: string,
    target: Sized | undefined,
    args: readonly Sized[],
    costs: readonly Range[],
  ): CallEstimate {
    const known = callEstimate(expr.name, id, target, args, this.#sizeOf);
    if (known) return { cost: plus(known.cost, costs.reduce(plus, ZERO)), size: known.size };
    if (id === 'conditional') this.#setEntries(expr, this.#joined(expr.args[1]!, expr.args[2]!));
    else if (ADDING.has(id)) this.#setEntries(expr, this.#joined(expr.args[0]!, expr.args[1]!));
    return operatorEstimate(
      id,
      target?.size ?? UNKNOWN,
      args.map(({ size }) => size ?? UNKNOWN),
      costs,
    );
  }

  #sized(expr: CelExpr): Sized {
    const path = this.#pathOf(expr);
    return {
      path: path.length > 0 && ACCUMULATORS.has(path.slots[0]!) ? NOWHERE : path,
      type: expr.type ?? TYPE,
      expr,
      size: this.#sizeOfExpr(expr),
    };
  }
  #sizeOrUnknown(expr: CelExpr): Range {
    return this.#sizeOfExpr(expr) ?? UNKNOWN;
  }
  #setSize(expr: CelExpr, size: Range | undefined): void {
    if (size) this.#sizes.set(expr, size);
  }
  #setEntries(expr: CelExpr, entries: Entries | undefined): void {
    if (entries) this.#entries.set(expr, entries);
  }
  #copy(to: CelExpr, from: CelExpr): void {
    this.#setSize(to, this.#sizeOfExpr(from));
    this.#setEntries(to, this.#entriesOf(from));
  }
  #sizeOfExpr(expr: CelExpr): Range | undefined {
    const known = this.#sizes.get(expr) ?? literalSize(expr);
    if (known) return known;
    const path = this.#pathOf(expr);
    const declared = path.length === 0 ? undefined : this.#sizeOf(path);
    if (declared) {
      this.#sizes.set(expr, declared);
      return declared;
    }
    if (isScalar(expr.type!)) return ONE;
    return expr.kind === 'ident' ? this.#local(expr.name)?.size : undefined;
  }
  #entriesOf(expr: CelExpr): Entries | undefined {
    return this.#entries.get(expr) ?? (expr.kind === 'ident' ? this.#local(expr.name)?.entries : undefined);
  }
  #joined(a: CelExpr, b: CelExpr): Entries | undefined {
    const [left, right] = [this.#entriesOf(a), this.#entriesOf(b)];
    if (!left || !right) return undefined;
    return { of: left.of, key: union(left.key, right.key), value: union(left.value, right.value) };
  }
}
/** What a name is bound to for one expression. */
const isBind = ({ iterRange, loopCondition }: CelComprehension): boolean =>
  iterRange.kind === 'list' &&
  iterRange.elements.length === 0 &&
  loopCondition.kind === 'literal' &&
  loopCondition.value === false;
function literalSize(expr: CelExpr): Range | undefined {
  if (expr.kind === 'list') return fixed(expr.elements.length);
  if (expr.kind === 'map') return fixed(expr.entries.length);
  if (expr.kind !== 'literal') return undefined;
  if (typeof expr.value === 'string') return fixed([...expr.value].length);
  return expr.value instanceof Uint8Array ? fixed(expr.value.length) : ONE;
}
const SCALARS = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);
const isScalar = (type: CelType): boolean =>
  SCALARS.has(type.kind) || (type.kind === 'optional' && isScalar(type.value));
