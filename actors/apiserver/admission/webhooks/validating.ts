/**
 * The webhooks that may only refuse: all at once; of several refusals the first counts.
 * Source: apiserver pkg/admission/plugin/webhook/validating.
 */
import { internalError } from '../../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { operations } from '../common.ts';
import { isExempt } from '../dynamic/rules.ts';
import { seenBoth } from '../dynamic/versioned.ts';
import { callHook, type Invocation } from './call.ts';
import { CallError, CanceledCall, denied, timedOut } from './errors.ts';
import { shouldCall } from './match.ts';
import { hookSource, type Hook } from './source.ts';
import type { WebhookGround } from './index.ts';

export function validatingWebhooks(ground: WebhookGround): AdmissionPlugin {
  const hooks = hookSource(ground, 'validatingwebhookconfigurations');
  return {
    name: 'ValidatingAdmissionWebhook',
    handles: operations('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    validate(a) {
      const list = hooks();
      if (list.length === 0 || isExempt(a)) return undefined;
      return dispatch(ground, list, a);
    },
  };
}
async function dispatch(ground: WebhookGround, hooks: readonly Hook[], a: AdmissionAttributes): Promise<void> {
  const invocations: Invocation[] = [];
  for (const hook of hooks) {
    const invocation = await shouldCall(ground, ground.equivalents, hook, a, ground.conditionsMet('validating'));
    if (invocation !== undefined) invocations.push(invocation);
  }
  if (invocations.length === 0) return;
  if (a.signal?.aborted === true) throw timedOut();
  const refusals: unknown[] = [];
  const ask = async (invocation: Invocation, i: number): Promise<void> => {
    try {
      await askOne(ground, invocation, a, i);
    } catch (error) {
      refusals.push(error);
    }
  };
  await Promise.all(invocations.map(ask));
  if (refusals.length > 0) throw refusals[0];
}
async function askOne(ground: WebhookGround, invocation: Invocation, a: AdmissionAttributes, i: number): Promise<void> {
  const { hook, as } = invocation;
  const { name, failurePolicy } = hook.webhook;
  const ignores = failurePolicy === 'Ignore';
  const note = ground.calls.observe(name, 'validating', a.operation);
  try {
    const verdict = await callHook(ground, invocation, a, await seenBoth(a, as), false);
    for (const [k, v] of Object.entries(verdict.auditAnnotations)) a.annotate?.(`${name}/${k}`, v);
    a.warnings.push(...verdict.warnings);
    if (!verdict.allowed) throw denied(name, verdict.result);
    note.done();
  } catch (error) {
    note.failed(error, ignores);
    if (!(error instanceof CallError)) throw error;
    if (!ignores) throw internalError(error.message, error);
    if (!(error instanceof CanceledCall)) a.annotate?.(`failed-open.validating.webhook.admission.k8s.io/round_0_index_${i}`, name);
    ground.world.log.warn('a webhook could not be asked; the request goes on', { webhook: name, err: error });
  }
} // prettier-ignore
