/**
 * The webhooks that may change an object: one after another, each seeing what those before made of it.
 * Source: apiserver pkg/admission/plugin/webhook/mutating.
 */
import { equal } from '../../../../schemas/meta/equal.ts';
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import { applyJsonPatch } from '../../../../schemas/patch/json-patch.ts';
import { jsonPatchFailure } from '../../../../schemas/patch/json-patch-failure.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { decodeDetail } from '../../stages/claimed-type.ts';
import { internalError } from '../../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../../request.ts';
import { operations } from '../common.ts';
import { isExempt } from '../dynamic/rules.ts';
import { reinvocationOf, type Turns } from '../dynamic/reinvocation.ts';
import { readBack, replaceObject, seenAs, seenBoth } from '../dynamic/versioned.ts';
import { callHook, type Invocation } from './call.ts';
import { CallError, CanceledCall, denied, timedOut } from './errors.ts';
import { shouldCall } from './match.ts';
import { decodePatch, type Verdict } from './review.ts';
import { hookSource } from './source.ts';
import type { WebhookGround } from './index.ts';

const NAME = 'MutatingAdmissionWebhook';
export function mutatingWebhooks(ground: WebhookGround): AdmissionPlugin {
  const hooks = hookSource(ground, 'mutatingwebhookconfigurations');
  return {
    name: NAME,
    handles: operations('CREATE', 'UPDATE', 'DELETE', 'CONNECT'),
    mutate(a) {
      const list = hooks();
      if (list.length === 0 || isExempt(a)) return undefined;
      return dispatch(ground, list, a);
    },
  };
}
async function dispatch(ground: WebhookGround, hooks: ReturnType<ReturnType<typeof hookSource>>, a: AdmissionAttributes): Promise<void> {
  const turns = reinvocationOf(a, NAME);
  turns.begin(a.object);
  for (const [i, hook] of hooks.entries()) {
    const invocation = await shouldCall(ground, ground.equivalents, hook, a, ground.conditionsMet('admit'));
    if (invocation === undefined || !turns.isDue(hook.id)) continue;
    const changed = await askOne(ground, invocation, a, turns, i);
    if (changed) turns.changed();
    if (hook.webhook.reinvocationPolicy === 'IfNeeded') turns.mayComeAgain(hook.id);
  }
  turns.end(a.object);
} // prettier-ignore

/** True if the webhook changed the object. Throws what refuses the request. */
async function askOne(ground: WebhookGround, invocation: Invocation, a: AdmissionAttributes, turns: Turns, index: number): Promise<boolean> {
  const { hook } = invocation;
  const { name } = hook.webhook;
  const ignores = hook.webhook.failurePolicy === 'Ignore';
  const key = `round_${turns.round}_index_${index}`;
  const note = ground.calls.observe(name, 'admit', a.operation);
  let changed = false;
  try {
    changed = await applyVerdict(ground, invocation, a, key, await callHook(ground, invocation, a, await seenBoth(a, invocation.as), true));
    note.done();
    return changed;
  } catch (error) {
    note.failed(error, ignores);
    if (!(error instanceof CallError)) throw error;
    if (!ignores) throw internalError(error.message, error);
    if (!(error instanceof CanceledCall)) a.annotate?.(`failed-open.mutation.webhook.admission.k8s.io/${key}`, name);
    ground.world.log.warn('a webhook could not be asked; the request goes on', { webhook: name, err: error });
    if (a.signal?.aborted === true) throw timedOut();
    return false;
  } finally {
    a.annotate?.(`mutation.webhook.admission.k8s.io/${key}`, JSON.stringify({ configuration: hook.configuration, webhook: name, mutated: changed }));
  }
} // prettier-ignore
async function applyVerdict(
  ground: WebhookGround,
  { hook, as }: Invocation,
  a: AdmissionAttributes,
  key: string,
  verdict: Verdict,
): Promise<boolean> {
  const { name } = hook.webhook;
  for (const [k, v] of Object.entries(verdict.auditAnnotations)) a.annotate?.(`${name}/${k}`, v);
  a.warnings.push(...verdict.warnings);
  if (!verdict.allowed) throw denied(name, verdict.result);
  if (verdict.patch === undefined) return false;
  let patch: readonly unknown[];
  try {
    patch = decodePatch(verdict.patch);
  } catch (error) {
    throw new CallError(name, `received undecodable patch in webhook response: ${(error as Error).message}`);
  }
  if (patch.length === 0) return false;
  const seen = await seenAs(a, a.object, as);
  if (seen === undefined)
    throw internalError(`admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`); // prettier-ignore
  if (verdict.patchType !== 'JSONPatch')
    throw new CallError(name, `unsupported patch type ${JSON.stringify(verdict.patchType)}`, 400);
  const next = patched(a, seen, patch, as);
  const changed = !equal(next, seen);
  const { configuration } = hook;
  a.annotate?.(`patch.webhook.admission.k8s.io/${key}`, JSON.stringify({ configuration, webhook: name, patch, patchType: 'JSONPatch' }), 'Request'); // prettier-ignore
  await replaceObject(ground, a, next, as);
  return changed;
}
/** Throws InternalError: what a webhook sends that does not fit is nobody else's fault. */
function patched(a: AdmissionAttributes, seen: DynamicObject, patch: readonly unknown[], as: Resource): DynamicObject {
  let value: unknown;
  try {
    value = applyJsonPatch(seen, patch);
  } catch (error) {
    throw internalError(jsonPatchFailure(seen, patch) ?? (error as Error).message, error);
  }
  try {
    return readBack(a, value, as);
  } catch (error) {
    throw internalError(decodeDetail(error), error);
  }
}
