import type { CelProgram } from './compile.ts';
import { CostExceeded, Frame, GoPanic, type CelActivation, type Step } from './eval-frame.ts';
import { CelPlanError, plan } from './eval-plan.ts';
import { CelPending } from './libraries/authz.ts';
import { CelError, type CelValue } from './values.ts';

/** What one expression may cost. Source: apiserver pkg/apis/cel/config.go PerCallLimit. */
export const CEL_PER_CALL_LIMIT = 1_000_000;
/** What all expressions of one object may cost together. Source: apiserver pkg/apis/cel/config.go RuntimeCELCostBudget. */
export const CEL_RUNTIME_BUDGET = 10_000_000;

export interface CelResult {
  /** A CelError when the expression failed. */
  readonly value: CelValue;
  readonly cost: number;
  /** It was ended because it cost more than it may: the value is the error that says so. */
  readonly exceeded: boolean;
}
const plans = new WeakMap<CelProgram, Step | CelPlanError>();
function planned(program: CelProgram): Step | CelPlanError {
  let found = plans.get(program);
  if (found === undefined) {
    try {
      found = plan(program.expr);
    } catch (error) {
      if (!(error instanceof CelPlanError)) throw error;
      found = error;
    }
    plans.set(program, found);
  }
  return found;
}
/**
 * Why a sound expression makes no program (`int('x')`, a pattern that is none); undefined if it does. The API server calls
 * this "program instantiation failed".
 */
export function instantiationProblem(program: CelProgram): string | undefined {
  const found = planned(program);
  return found instanceof CelPlanError ? found.message : undefined;
}
/**
 * Runs a program. It ends: nothing in it takes longer than its cost lets it. Throws CelPending only where the activation has
 * an authorizer that answers later.
 */
export function evaluate(program: CelProgram, activation: CelActivation, limit = CEL_PER_CALL_LIMIT): CelResult {
  const step = planned(program);
  if (step instanceof CelPlanError) return { value: new CelError(step.message), cost: 0, exceeded: false };
  const frame = new Frame(activation, limit);
  try {
    return { value: step(frame), cost: frame.cost, exceeded: false };
  } catch (error) {
    if (error instanceof CostExceeded) return { value: new CelError(error.message), cost: frame.cost, exceeded: true };
    // Nested too deep, or larger than this runtime can hold; or what the real one does not survive either.
    if (!(error instanceof RangeError) && !(error instanceof GoPanic)) throw error;
    return { value: new CelError(`internal error: ${error.message}`), cost: frame.cost, exceeded: false };
  }
}
/** The same, with authorizers that answer later: the program is run anew when an answer has come. */
export async function evaluateWaiting(
  program: CelProgram,
  activation: CelActivation,
  limit = CEL_PER_CALL_LIMIT,
): Promise<CelResult> {
  for (;;) {
    try {
      return evaluate(program, activation, limit);
    } catch (error) {
      if (!(error instanceof CelPending)) throw error;
      await error.answer;
    }
  }
}
