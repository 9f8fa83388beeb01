/**
 * What must be true of a request before a webhook is asked of it, in CEL. Loaded with the first condition.
 * Source: apiserver pkg/authorization/cel.
 */
import {
  celDynamic, CelCompileError, celEnvironment, CelError, CEL_PER_CALL_LIMIT, compile, declaredAs, declaredList, declaredMap, declaredObject,
  declaredType, evaluate, instantiationProblem, type CelProgram,
} from '../../../schemas/cel/index.ts'; // prettier-ignore
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import { internalError, invalid, type FieldError, type FieldPath } from '../../../schemas/meta/field.ts';
import type { AccessSpec } from './access-spec.ts';

/** Whether all hold of a request; `error`: none is false, and at least one cannot be told. */
export type MatchConditions = (spec: AccessSpec) => boolean | { readonly error: string };
interface Condition {
  readonly source: string;
  readonly program: CelProgram;
}

const STRING = declaredAs({ kind: 'string' });
const STRINGS = declaredList(STRING);
const REQUIREMENTS = declaredList(
  declaredObject('kubernetes.SelectorRequirement', { key: STRING, operator: STRING, values: STRINGS }),
);
const SELECTOR = { rawSelector: STRING, requirements: REQUIREMENTS };
const REQUEST = declaredObject('kubernetes.SubjectAccessReviewSpec', {
  resourceAttributes: declaredObject('kubernetes.ResourceAttributes', {
    namespace: STRING, verb: STRING, group: STRING, version: STRING, resource: STRING, subresource: STRING, name: STRING,
    fieldSelector: declaredObject('kubernetes.FieldSelectorAttributes', SELECTOR),
    labelSelector: declaredObject('kubernetes.LabelSelectorAttributes', SELECTOR),
  }),
  nonResourceAttributes: declaredObject('kubernetes.NonResourceAttributes', { path: STRING, verb: STRING }),
  user: STRING, groups: STRINGS, extra: declaredMap(STRING, STRINGS), uid: STRING,
}); // prettier-ignore
const environment = celEnvironment({ variables: { request: REQUEST } });

/** A condition, or what is wrong with it. */
export function compileCondition(source: string, at: FieldPath): Condition | FieldError {
  try {
    const program = compile(source, environment);
    if (program.type.kind !== 'bool')
      return invalid(at, source, `must evaluate to bool but got ${declaredType(program.type)}`);
    const problem = instantiationProblem(program);
    return problem === undefined ? { source, program } : internalError(at, `program instantiation failed: ${problem}`);
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return invalid(at, source, `compilation failed: ${error.message}`);
  }
}
export const matchConditionsOf =
  (conditions: readonly Condition[]): MatchConditions =>
  (spec) => {
    const names = new Map([['request', celDynamic(seen(spec))]]);
    const errors: string[] = [];
    for (const { source, program } of conditions) {
      const { value } = evaluate(program, names, CEL_PER_CALL_LIMIT);
      if (value === false) return false;
      if (value instanceof CelError)
        errors.push(`cel evaluation error: expression '${source}' resulted in error: ${value.message}`);
    }
    return errors.length === 0 || { error: aggregate(errors) };
  };
/** With what the review leaves out because it is empty. */
function seen({ user = '', groups = [], uid = '', extra = {}, resourceAttributes, nonResourceAttributes }: AccessSpec): object {
  const none = { namespace: '', verb: '', group: '', version: '', resource: '', subresource: '', name: '' };
  return {
    user, groups, uid, extra,
    ...(resourceAttributes && { resourceAttributes: { ...none, ...resourceAttributes } }),
    ...(nonResourceAttributes && { nonResourceAttributes: { verb: '', path: '', ...nonResourceAttributes } }),
  };
} // prettier-ignore
