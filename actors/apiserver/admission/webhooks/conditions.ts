import { inSteps } from '../../../../schemas/helpers/steps.ts';
import { forbiddenObject } from '../../authorization/forbidden.ts';
import type { AdmissionContext } from '../common.ts';
import type { Expression } from '../dynamic/expressions.ts';
import { givesWay } from '../../stages/gives-way.ts';
import { seenBoth } from '../dynamic/versioned.ts';
import { requestOf } from '../dynamic/request.ts';
import type { ConditionsMet } from './match.ts';
import type { Step, WebhookMetrics } from './metrics.ts';
import type { Hook } from './source.ts';

const compiled = new WeakMap<Hook, readonly Expression[] | Promise<readonly Expression[]>>();
const NO_VARIABLES = new Map<string, never>();

/** By the match conditions of webhooks; CEL is loaded with the first. Source: apiserver pkg/admission/plugin/webhook/generic ShouldCallHook. */
export const webhookConditions =
  (context: AdmissionContext, step: Step, metrics: WebhookMetrics): ConditionsMet =>
  async (hook, a, { as }) => {
    const [{ Compiler, authorizerOf }, { compileConditions, conditionsHold }] = await Promise.all([
      import('../dynamic/expressions.ts'),
      import('../dynamic/conditions.ts'),
    ]);
    const { webhook } = hook;
    let conditions = compiled.get(hook);
    if (conditions === undefined)
      compiled.set(hook, (conditions = inSteps(compileConditions(new Compiler({ params: false }), webhook.matchConditions), givesWay(context.world.clock)))); // prettier-ignore
    const bindings = {
      ...(await seenBoth(a, as)),
      request: requestOf(a, a.resource),
      params: undefined,
      namespace: undefined,
      authorizer: authorizerOf(a, context.authorizer),
      giveWay: givesWay(context.world.clock),
      a,
    };
    const held = await conditionsHold(await conditions, NO_VARIABLES, bindings, webhook.failurePolicy === 'Ignore');
    if (held === false) metrics.excluded(webhook.name, step, a.operation);
    if (typeof held === 'boolean') return held;
    throw forbiddenObject(a.resource.group, a.resource.resource, a.name, held.error);
  };
