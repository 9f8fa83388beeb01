import { isError, type Frame, type Step } from './eval-frame.ts';
import { callCost, resultSize } from './runtime-cost.ts';
import { CelError, CelTimestamp, CelDuration, typeNameOf, type CelValue } from './values.ts';

/** What a function does with its arguments. Errors are given back, not thrown. */
export type CelCall = (...args: CelValue[]) => CelValue;
/** Whether a value is of a type, as far as is seen at run time. */
export type CelKind = (value: CelValue) => boolean;
export interface CelOverload {
  readonly id: string;
  readonly args: readonly CelKind[];
  readonly call: CelCall;
  /** Its arguments are evaluated until one is an error, not all: what cel-go binds as a function of any number of them. */
  readonly stepwise?: true;
}
/** A function with its overloads, or one implementation that serves all of them and asks of its first argument a `trait`. */
export type CelFunction =
  | { readonly overloads: readonly CelOverload[]; readonly unguarded?: true; readonly nonStrict?: true }
  | { readonly call: CelCall; readonly trait?: CelKind };

const hasReceiver = (value: CelValue): boolean =>
  typeof value === 'string' || value instanceof CelTimestamp || value instanceof CelDuration;
const noOverload = (name: string, args: readonly CelValue[]): CelError =>
  args.find(isError) ?? new CelError(`no such overload: ${name}(${args.map(typeNameOf).join(', ')})`);

/** Source: cel-go interpreter/planner.go planCall, common/decls/decls.go Bindings. */
export function callStep(
  name: string,
  overloads: readonly string[],
  args: readonly Step[],
  known: CelFunction | undefined,
): Step {
  const id = overloads.length === 1 ? overloads[0]! : '';
  const cost = costStep(name, id);
  if (known === undefined)
    return (frame) => {
      const values = args.map((arg) => arg(frame));
      frame.charge(cost(frame, values, null));
      return values.find(isError) ?? new CelError(`no such overload: ${name}`);
    };
  if ('call' in known) return singleStep(name, args, known, cost);
  const { unguarded } = known;
  const chosen = known.overloads.find((one) => one.id === id) ?? (known.overloads.length === 1 ? known.overloads[0] : undefined); // prettier-ignore
  const fits = (one: CelOverload, values: readonly CelValue[]): boolean =>
    one.args.length === values.length && (unguarded === true || one.args.every((kind, i) => kind(values[i]!)));
  if (chosen === undefined)
    return stepwise(args, cost, (values) => {
      const one = known.overloads.find((overload) => fits(overload, values));
      return one === undefined ? noOverload(name, values) : one.call(...values);
    });
  const { call } = chosen;
  if (args.length > 2 || chosen.stepwise)
    return stepwise(args, cost, (values) => (fits(chosen, values) ? call(...values) : noOverload(name, values)));
  const [a, b] = args;
  if (a === undefined) return (frame) => charged(frame, cost, [], call());
  if (b === undefined) {
    const kind = unguarded ? undefined : chosen.args[0];
    return (frame) => {
      const value = a(frame);
      if (isError(value) && !known.nonStrict) return charged(frame, cost, [value], value);
      const result = known.nonStrict || kind === undefined || kind(value) ? call(value) : noOverload(name, [value]);
      return charged(frame, cost, [value], result);
    };
  }
  return (frame) => {
    const values = [a(frame), b(frame)] as const;
    const error = values.find(isError);
    if (error) return charged(frame, cost, values, error);
    cost.before(frame, values);
    return charged(frame, cost, values, fits(chosen, values) ? call(values[0], values[1]) : noOverload(name, values));
  };
}
/**
 * A call whose pattern is a constant: made ready when the program is, and in cel-go then a function of any number of
 * arguments without a guard. Source: cel-go interpreter/optimizations.go, apiserver pkg/cel/library/regex.go.
 */
export function knownPatternStep(
  name: string,
  overloads: readonly string[],
  args: readonly Step[],
  known: CelFunction,
): Step {
  const cost = costStep(name, overloads.length === 1 ? overloads[0]! : '');
  return stepwise(args, cost, (values) => {
    if ('call' in known) return known.call(...values);
    const one = known.overloads.find(({ args: kinds }) => kinds.length === values.length && kinds.every((kind, i) => kind(values[i]!))); // prettier-ignore
    return one === undefined ? new CelError('no such overload') : one.call(...values);
  });
}
type Costing = ((frame: Frame, args: readonly CelValue[], result: CelValue) => number) & {
  /** Refuses calls whose cost is over the limit before they are made. */
  before(frame: Frame, args: readonly CelValue[]): void;
};
const BY_RESULT = new Set(['join', 'lists.range', 'slice', 'reverse']);
function costStep(name: string, id: string): Costing {
  const of = callCost(name, id);
  const cost = (_frame: Frame, args: readonly CelValue[], result: CelValue): number => of(args, result);
  return Object.assign(cost, {
    before: (frame: Frame, args: readonly CelValue[]): void => {
      const least = BY_RESULT.has(name) ? resultSize(name, args) : of(args, null);
      if (frame.cost + least > frame.limit) frame.charge(least);
    },
  });
}
function charged(frame: Frame, cost: Costing, args: readonly CelValue[], result: CelValue): CelValue {
  frame.charge(cost(frame, args, result));
  return result;
}
/** One argument after the other; after an error none, and nothing is charged for the call. */
function stepwise(args: readonly Step[], cost: Costing, call: (values: CelValue[]) => CelValue): Step {
  return (frame) => {
    const values: CelValue[] = [];
    for (const [i, arg] of args.entries()) {
      const value = arg(frame);
      values.push(value);
      if (!isError(value)) continue;
      return i === args.length - 1 ? charged(frame, cost, values, value) : value;
    }
    cost.before(frame, values);
    return charged(frame, cost, values, call(values));
  };
}
function singleStep(
  name: string,
  args: readonly Step[],
  { call, trait }: { readonly call: CelCall; readonly trait?: CelKind },
  cost: Costing,
): Step {
  const run = (values: readonly CelValue[]): CelValue => {
    const first = values[0]!;
    if (trait === undefined || trait(first)) return call(...values);
    return new CelError(hasReceiver(first) ? 'no such overload' : `no such overload: ${name}`);
  };
  const [a, b] = args;
  if (b === undefined)
    return (frame) => {
      const value = a!(frame);
      return charged(frame, cost, [value], isError(value) ? value : run([value]));
    };
  return (frame) => {
    const values = [a!(frame), b(frame)] as const;
    const error = values.find(isError);
    if (error) return charged(frame, cost, values, error);
    cost.before(frame, values);
    return charged(frame, cost, values, run(values));
  };
}
