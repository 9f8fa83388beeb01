/**
 * Admission by webhooks: `createWebhooks(context)` gives the two plugins. Without a configuration they cost a look at an
 * empty list.
 */
import type { AdmissionPlugin } from '../../request.ts';
import type { AdmissionContext } from '../common.ts';
import { createEquivalents, type Equivalents } from '../dynamic/rules.ts';
import { webhookConditions } from './conditions.ts';
import type { ConditionsMet } from './match.ts';
import { webhookMetrics, type Step, type WebhookMetrics } from './metrics.ts';
import { mutatingWebhooks } from './mutating.ts';
import { validatingWebhooks } from './validating.ts';

export interface WebhookGround extends AdmissionContext {
  readonly equivalents: Equivalents;
  readonly calls: WebhookMetrics;
  readonly conditionsMet: (step: Step) => ConditionsMet;
}

/** In kube-apiserver's order; policies stand around them there. */
export function createWebhooks(context: AdmissionContext): {
  readonly mutating: AdmissionPlugin;
  readonly validating: AdmissionPlugin;
} {
  const { metrics, world } = context;
  const own = webhookMetrics(metrics, world.clock);
  const ground: WebhookGround = {
    ...context,
    equivalents: createEquivalents(context.registry),
    calls: own,
    conditionsMet: (step) => webhookConditions(context, step, own),
  };
  return { mutating: mutatingWebhooks(ground), validating: validatingWebhooks(ground) };
}
