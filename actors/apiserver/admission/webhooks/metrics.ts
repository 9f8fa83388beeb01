/** Source: apiserver pkg/admission/metrics. */
import { statusOf } from '../../../../schemas/meta/status.ts';
import type { World } from '../../../../bus/world.ts';
import type { Metrics } from '../../metrics/index.ts';
import { Counter, Histograms } from '../../../runtime/metrics/series.ts';
import { CallError, CanceledCall, isDenial } from './errors.ts';

const BUCKETS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25];
/** Codes beyond are one, so that a webhook cannot make any number of series. */
const MAX_CODE = 600;
export type Step = 'admit' | 'validating';
export interface WebhookMetrics {
  /** At the beginning of a call; one of the two at its end. */
  observe(
    name: string,
    step: Step,
    operation: string,
  ): { done(): void; failed(error: unknown, ignored: boolean): void };
  excluded(name: string, step: Step, operation: string): void;
}
export function webhookMetrics(metrics: Metrics | undefined, clock: World['clock']): WebhookMetrics {
  const requests = new Counter();
  const rejections = new Counter();
  const open = new Counter();
  const exclusions = new Counter();
  const latency = new Histograms(BUCKETS);
  metrics?.section(() => {
    const name = 'apiserver_admission_webhook_admission_duration_seconds';
    return [
      ...requests.render('apiserver_admission_webhook_request_total', 'Calls of webhooks by outcome.'),
      ...rejections.render('apiserver_admission_webhook_rejection_count', 'Requests that webhooks refused, or that were refused because one failed.'),
      ...open.render('apiserver_admission_webhook_fail_open_count', 'Failures of webhooks that were passed over.'),
      ...exclusions.render('apiserver_admission_match_condition_exclusions_total', 'Requests that match conditions kept from a webhook.'),
      ...latency.render(name, 'STABLE', 'Time a webhook takes, in seconds.'),
    ];
  });
  const timed = (labels: Readonly<Record<string, string>>, began: number): void =>
    latency.add(labels, (clock.now() - began) / 1000);
  return {
    observe(name, type, operation) {
      const began = clock.now();
      const end = (code: number, rejected: boolean): void => {
        const by = { name, type, operation };
        requests.add({ ...by, code: String(Math.min(code, MAX_CODE)), rejected: String(rejected) });
        timed({ ...by, rejected: String(rejected) }, began);
      };
      const refused = (error_type: string, code: number): void =>
        rejections.add({ name, type, operation, error_type, rejection_code: String(Math.min(code, MAX_CODE)) });
      return {
        done: () => end(200, false),
        failed(error, ignored) {
          if (error instanceof CallError) {
            if (ignored && !(error instanceof CanceledCall)) open.add({ name, type });
            if (!ignored && !(error instanceof CanceledCall)) refused('calling_webhook_error', error.code);
            return end(error.code, !ignored);
          }
          const code = isDenial(error) ? (statusOf(error)?.code ?? 0) : 0;
          refused(isDenial(error) ? 'no_error' : 'apiserver_internal_error', code);
          end(code, true);
        },
      };
    },
    excluded: (name, type, operation) =>
      exclusions.add({ name, kind: 'webhook', type: type === 'admit' ? 'admit' : 'validate', operation }),
  };
} // prettier-ignore
