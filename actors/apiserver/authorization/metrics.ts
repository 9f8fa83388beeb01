/** Of chains that somebody configured. Source: apiserver pkg/authorization/metrics, pkg/authorization/cel, plugin/pkg/authorizer/webhook/metrics. */
import type { Metrics } from '../metrics/index.ts';
import { Counter, Histograms } from '../../runtime/metrics/series.ts';

const CALL_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const CONDITION_BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];
export type Outcome = 'success' | 'canceled' | 'timeout' | 'error';

export interface AuthorizationMetrics {
  /** Count in them what one authorizer has decided. */
  decisions(type: string, name: string): { readonly allowed: { n: number }; readonly denied: { n: number } };
  called(name: string, result: Outcome, seconds: number): void;
  /** A webhook that failed was passed over. */
  failedOpen(name: string, result: Outcome): void;
  evaluated(name: string, seconds: number, outcome: 'held' | 'excluded' | 'failed'): void;
}
export function authorizationMetrics(metrics: Pick<Metrics, 'section'>): AuthorizationMetrics {
  const decisions = new Counter();
  const calls = new Counter();
  const durations = new Histograms(CALL_BUCKETS);
  const open = new Counter();
  const errors = new Counter();
  const exclusions = new Counter();
  const evaluations = new Histograms(CONDITION_BUCKETS);
  const of = (what: string): string => `apiserver_authorization_${what}`;
  metrics.section(() => [
    ...decisions.render(of('decisions_total'), 'Decisions that ended the chain, by authorizer.'),
    ...calls.render(of('webhook_evaluations_total'), 'Calls of authorization webhooks, by outcome.'),
    ...durations.render(of('webhook_duration_seconds'), 'ALPHA', 'Time a webhook takes, in seconds.'),
    ...open.render(of('webhook_evaluations_fail_open_total'), 'Failures of webhooks that were passed over.'),
    ...errors.render(of('match_condition_evaluation_errors_total'), 'Match conditions that could not be told.'),
    ...exclusions.render(of('match_condition_exclusions_total'), 'Requests that match conditions kept from a webhook.'),
    ...evaluations.render(of('match_condition_evaluation_seconds'), 'ALPHA', 'Time that match conditions take.'),
  ]);
  return {
    decisions: (type, name) => ({
      allowed: decisions.at({ decision: 'allowed', name, type }),
      denied: decisions.at({ decision: 'denied', name, type }),
    }),
    called(name, result, seconds) {
      calls.add({ name, result });
      durations.add({ name, result }, seconds);
    },
    failedOpen: (name, result) => open.add({ name, result }),
    evaluated(name, seconds, outcome) {
      const labels = { name, type: 'Webhook' };
      evaluations.add(labels, seconds);
      if (outcome === 'failed') errors.add(labels);
      if (outcome === 'excluded') exclusions.add(labels);
    },
  };
}
