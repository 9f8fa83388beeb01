import type { CelCall, CelComprehension, CelExpr, CelIdent, CelSelect } from './ast.ts';
import {
  type Attribute, ConditionalAttribute, isKey, StepAttribute, VariableAttribute, type Qualifier,
} from './eval-attribute.ts'; // prettier-ignore
import { callStep, knownPatternStep } from './eval-call.ts';
import { accumulator, runFold, type Fold } from './eval-fold.ts';
import { Frame, goTypeOf, isError, type Step } from './eval-frame.ts';
import { celFunction } from './libraries/functions.ts';
import { patternProblem } from './libraries/regex.ts';
import { LIST_COST, MAP_COST, sizeOf, STRUCT_COST } from './runtime-cost.ts';
import { typeName } from './types.ts';
import { equalValues } from './values-equal.ts';
import { membersOf } from './values-members.ts';
import { showValue } from './values-text.ts';
import {
  CelArray, CelEntries, CelError, CelOpaque, CelOptional, CelTypeValue, CelUint, noSuchOverload, type CelValue,
} from './values.ts'; // prettier-ignore
import { makeStruct } from './values-struct.ts';

/** A program that cannot be made though its source is sound: a constant that does not convert, a pattern that is none. */
export class CelPlanError extends Error {}

/** A planned expression: to run, to select of, and its value where that is known already. */
interface Planned {
  readonly run: Step;
  readonly attribute?: Attribute;
  readonly constant?: CelValue;
}
type Scope = ReadonlyMap<string, Step>;
const NONE: Scope = new Map();
const CONVERSIONS = new Set(
  'bool bytes double duration dyn int string timestamp type uint'.split(' '), // prettier-ignore
);
const PATTERNS = new Set(['matches', 'find', 'findAll']);
const NO_FRAME = new Frame(new Map(), Infinity);

const constant = (value: CelValue): Planned => ({ run: () => value, constant: value });
const isConstant = (one: Planned): one is Planned & { readonly constant: CelValue } => one.constant !== undefined;
/** Costs one when it is resolved; `ternary`: nothing of its own. */
function attributed(attribute: Attribute, cost = 1): Planned {
  const run: Step =
    cost === 0
      ? (frame) => attribute.resolve(frame)
      : (frame) => {
          const value = attribute.resolve(frame);
          frame.charge(cost);
          return value;
        };
  return { run, attribute };
}

/** Makes a checked expression ready to run. Throws CelPlanError. Source: cel-go interpreter/planner.go, decorators.go. */
export function plan(expr: CelExpr): Step {
  return new Planner().plan(expr, NONE).run;
}
class Planner {
  private slots = 0;

  plan(expr: CelExpr, scope: Scope): Planned {
    switch (expr.kind) {
      case 'literal':
        return constant(expr.literal === 'uint' ? new CelUint(expr.value as bigint) : expr.value);
      case 'ident':
        return this.ident(expr, scope);
      case 'select':
        return this.select(expr, scope);
      case 'call':
        return this.call(expr, scope);
      case 'list':
        return this.list(expr, scope);
      case 'map':
        return this.map(expr, scope);
      case 'struct':
        return this.struct(expr, scope);
      case 'comprehension':
        return this.fold(expr, scope);
    }
  }
  private ident({ name, denotes }: CelIdent, scope: Scope): Planned {
    if (denotes) return constant(new CelTypeValue(typeName(denotes)));
    const held = scope.get(name);
    return attributed(held ? new StepAttribute(held) : new VariableAttribute(name));
  }
  private select({ operand, field, test }: CelSelect, scope: Scope): Planned {
    const { attribute, cost } = this.operand(operand, scope);
    attribute.qualify({ key: field, optional: false, test });
    if (!test) return attributed(attribute, cost);
    // Asking whether it is there is one cheaper: of a ternary, less than nothing.
    const { run } = attributed(attribute, cost - 1);
    return {
      attribute,
      run: (frame) => {
        const found = run(frame);
        return found instanceof CelOptional ? found.value !== undefined : found;
      },
    };
  }
  /** What is selected of: a new attribute unless it is one. */
  private operand(expr: CelExpr, scope: Scope): { attribute: Attribute; cost: number } {
    const of = this.plan(expr, scope);
    const attribute = of.attribute ?? new StepAttribute(of.run);
    return { attribute, cost: attribute instanceof ConditionalAttribute ? 0 : 1 };
  }
  private call(expr: CelCall, scope: Scope): Planned {
    const { name } = expr;
    const inputs = expr.target ? [expr.target, ...expr.args] : expr.args;
    if (name === '_[_]' || name === '_[?_]' || name === '_?._') return this.index(expr, inputs, scope);
    const args = inputs.map((one) => this.plan(one, scope));
    const steps = args.map(({ run }) => run);
    switch (name) {
      case '_&&_':
        return { run: logical(steps, false) };
      case '_||_':
        return { run: logical(steps, true) };
      case '_?_:_': {
        const [, truthy, falsy] = args.map(({ run, attribute }) => attribute ?? new StepAttribute(run));
        return attributed(new ConditionalAttribute(steps[0]!, truthy!, falsy!), 0);
      }
      case '_==_':
        return { run: equality(steps, false) };
      case '_!=_':
        return { run: equality(steps, true) };
      case 'or':
      case 'orValue':
        return { run: orElse(steps, name === 'orValue') };
      default:
    }
    const overloads = expr.overloads ?? [];
    if (overloads.length === 1 && overloads[0] === 'in_list' && isConstant(args[1]!)) {
      const members = membersOf(args[1].constant);
      if (members === 'none') return constant(false);
      if (members) return { run: membership(steps[0]!, members) };
    }
    const pattern = PATTERNS.has(name) ? args[1]?.constant : undefined;
    const problem = typeof pattern === 'string' ? patternProblem(pattern) : undefined;
    if (problem !== undefined) throw new CelPlanError(problem);
    if (typeof pattern === 'string') return { run: knownPatternStep(name, overloads, steps, celFunction(name)!) };
    const run = callStep(name, overloads, steps, celFunction(name));
    if (args.length !== 1 || !CONVERSIONS.has(name) || !isConstant(args[0]!)) return { run };
    const value = run(NO_FRAME);
    if (isError(value)) throw new CelPlanError(value.message);
    return constant(value);
  }
  private index(expr: CelCall, [of, by]: readonly CelExpr[], scope: Scope): Planned {
    const { attribute, cost } = this.operand(of!, scope);
    const key = this.plan(by!, scope);
    if (isConstant(key) && !isKey(key.constant))
      throw new CelPlanError(`invalid qualifier type: ${goTypeOf(key.constant)}`);
    const qualifier: Qualifier = {
      key: isConstant(key) ? key.constant : (key.attribute ?? new StepAttribute(key.run)),
      optional: expr.name !== '_[_]',
      test: false,
    };
    attribute.qualify(qualifier);
    return attributed(attribute, cost);
  }
  private list({ elements, optionals }: Extract<CelExpr, { kind: 'list' }>, scope: Scope): Planned {
    const parts = elements.map((one) => this.plan(one, scope));
    const optional = new Set(optionals);
    const run: Step = (frame) => {
      const items: CelValue[] = [];
      let error: CelError | undefined;
      for (const [i, part] of parts.entries()) {
        const value = part.run(frame);
        if (isError(value)) error = value;
        else if (!optional.has(i)) items.push(value);
        else if (!(value instanceof CelOptional))
          error = new CelError(`cannot initialize optional list element from non-optional value ${showValue(value)}`);
        else if (value.value !== undefined) items.push(value.value);
        if (error) break;
      }
      frame.charge(LIST_COST);
      return error ?? new CelArray(items);
    };
    return parts.every(isConstant) ? constant(run(NO_FRAME)) : { run };
  }
  private map({ entries }: Extract<CelExpr, { kind: 'map' }>, scope: Scope): Planned {
    const parts = entries.map(({ key, value, optional }) => ({
      key: this.plan(key, scope),
      value: this.plan(value, scope),
      optional,
    }));
    const run: Step = (frame) => {
      const made = new CelEntries();
      const error = fill(made, parts, frame);
      frame.charge(MAP_COST);
      return error ?? made;
    };
    return parts.every(({ key, value }) => isConstant(key) && isConstant(value)) ? constant(run(NO_FRAME)) : { run };
  }
  private struct({ name, entries }: Extract<CelExpr, { kind: 'struct' }>, scope: Scope): Planned {
    const parts = entries.map(({ field, value, optional }) => ({
      key: constant(field),
      value: this.plan(value, scope),
      optional,
    }));
    return {
      run: (frame) => {
        const made = new CelEntries();
        const error = fill(made, parts, frame);
        frame.charge(STRUCT_COST);
        return error ?? makeStruct(name, made);
      },
    };
  }
  private fold(expr: CelComprehension, scope: Scope): Planned {
    const range = this.plan(expr.iterRange, scope).run;
    const init = this.plan(expr.accuInit, scope).run;
    const [slot, first, second] = [this.slots++, this.slots++, this.slots++];
    const result = new Map(scope).set(expr.accuVar, accumulator(slot, init));
    const inner = new Map(result).set(expr.iterVar, (frame: Frame) => frame.slots[first]!);
    if (expr.iterVar2) inner.set(expr.iterVar2, (frame) => frame.slots[second]!);
    inner.set(expr.accuVar, result.get(expr.accuVar)!);
    const fold: Fold = {
      range,
      init,
      condition: this.plan(expr.loopCondition, inner).run,
      step: this.plan(expr.loopStep, inner).run,
      result: this.plan(expr.result, result).run,
      accumulator: slot,
      first,
      second: expr.iterVar2 ? second : undefined,
    };
    return { run: (frame) => runFold(fold, frame) };
  }
}
/** Key and value of each entry, up to the first error. */
function fill(
  made: CelEntries,
  parts: readonly { readonly key: Planned; readonly value: Planned; readonly optional: boolean }[],
  frame: Frame,
): CelError | undefined {
  for (const part of parts) {
    const key = part.key.run(frame);
    if (isError(key)) return key;
    const value = part.value.run(frame);
    if (isError(value)) return value;
    if (key instanceof Uint8Array)
      return new CelError('internal error: runtime error: hash of unhashable type types.Bytes');
    if (!part.optional) made.set(key, value);
    else if (!(value instanceof CelOptional))
      return new CelError(
        `cannot initialize optional entry '${showValue(key)}' from non-optional value ${showValue(value)}`,
      );
    else if (value.value === undefined) made.delete(key);
    else made.set(key, value.value);
  }
  return undefined;
}
/** `&&` and `||`: the first term that decides wins over errors before it. */
function logical(terms: readonly Step[], decides: boolean): Step {
  return (frame) => {
    let error: CelError | undefined;
    for (let i = 0; i < terms.length; i++) {
      const value = terms[i]!(frame);
      if (value === decides) return decides;
      if (typeof value !== 'boolean') error ??= isError(value) ? value : noSuchOverload();
    }
    return error ?? !decides;
  };
}
function equality([left, right]: readonly Step[], negated: boolean): Step {
  return (frame) => {
    const a = left!(frame);
    const b = right!(frame);
    if (typeof a === 'bigint' && typeof b === 'bigint') {
      frame.charge(1);
      return (a === b) !== negated;
    }
    const found = isError(a) ? a : isError(b) ? b : equalValues(a, b);
    frame.charge(a instanceof CelOpaque && !negated ? 1 : Math.ceil(Math.min(sizeOf(a), sizeOf(b)) * 0.1));
    // What cannot be compared is not equal.
    if (!negated || isError(a) || isError(b)) return found;
    return found !== true;
  };
}
function orElse([left, right]: readonly Step[], unwrap: boolean): Step {
  return (frame) => {
    const value = left!(frame);
    if (!(value instanceof CelOptional)) return value;
    if (value.value === undefined) return right!(frame);
    return unwrap ? value.value : value;
  };
}
function membership(item: Step, members: ReadonlySet<unknown>): Step {
  return (frame) => {
    const value = item(frame);
    return isError(value) ? value : members.has(value instanceof CelUint ? `u${value.value}` : typeof value === 'string' ? `s${value}` : value); // prettier-ignore
  };
}
