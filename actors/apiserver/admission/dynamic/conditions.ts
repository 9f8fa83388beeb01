import { aggregate } from '../../../../schemas/meta/aggregate.ts';
import type { MatchCondition } from '../../../../schemas/generated/admissionregistration-v1.ts';
import { GIVES } from '../../../../schemas/admissionregistration/expressions.ts';
import type { Steps } from '../../../../schemas/helpers/steps.ts';
import { Evaluation, OutOfBudget, type Bindings, type Compiler, type Expression } from './expressions.ts';

/** What the match conditions of one webhook or binding may cost. Source: apiserver pkg/apis/cel/config.go. */
const BUDGET = 2_500_000;

export function* compileConditions(compiler: Compiler, conditions: readonly MatchCondition[] | undefined): Steps<readonly Expression[]> {
  const out: Expression[] = [];
  for (const { expression } of conditions ?? []) out.push(yield* compiler.compile(expression, GIVES.bool));
  return out;
} // prettier-ignore

/**
 * Whether all hold. One that does not decides, whatever fails beside it; what fails is otherwise passed on, or with
 * `ignores` counts as no. Source: apiserver pkg/admission/plugin/webhook/matchconditions.
 */
export async function conditionsHold(
  conditions: readonly Expression[],
  variables: ReadonlyMap<string, Expression>,
  bindings: Bindings,
  ignores: boolean,
): Promise<boolean | { readonly error: string }> {
  if (conditions.length === 0) return true;
  const evaluation = new Evaluation(variables, bindings, BUDGET);
  const errors: string[] = [];
  let refused = false;
  try {
    for (const condition of conditions) {
      const result = await evaluation.run(condition);
      if ('error' in result) errors.push(result.error);
      else if (result.value === false) refused = true;
    }
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    return ignores ? false : { error: error.message };
  }
  if (refused) return false;
  if (errors.length === 0) return true;
  return ignores ? false : { error: aggregate(errors) };
}
