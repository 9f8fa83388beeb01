/** Source: apiserver pkg/admission/plugin/policy/validating/metrics. */
import type { Metrics } from '../../metrics/index.ts';
import { head, labelText } from '../../../runtime/metrics/series.ts';

export type Action = 'deny' | 'warn' | 'audit' | 'allow';
export interface PolicyNotes {
  /** `error`: why the expression failed; empty if it did not. */
  checked(policy: string, binding: string, action: Action, error: string): void;
}
const typeOf = (error: string): string => {
  if (error === '') return 'no_error';
  if (error.startsWith('compilation error')) return 'compile_error';
  return error.includes('cost budget') || error.includes('cost limit') ? 'out_of_budget' : 'invalid_error';
};
export function policyNotes(metrics: Metrics | undefined, sort: 'validating' | 'mutating'): PolicyNotes {
  const counts = new Map<string, number>();
  const name = `apiserver_${sort}_admission_policy_check_total`;
  metrics?.section(() =>
    counts.size === 0
      ? []
      : [
          ...head(name, 'counter', 'BETA', 'Decisions of policies by outcome.'),
          ...[...counts].map(([labels, count]) => `${name}{${labels}} ${count}`),
        ],
  );
  return {
    checked(policy, policy_binding, enforcement_action, error) {
      const labels = labelText({ enforcement_action, error_type: typeOf(error), policy, policy_binding });
      counts.set(labels, (counts.get(labels) ?? 0) + 1);
    },
  };
}
