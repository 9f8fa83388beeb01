import type { AdmissionAttributes } from '../../request.ts';
import type { AdmissionContext } from '../common.ts';
import { matchedAs, type Equivalents } from '../dynamic/rules.ts';
import { selectsNamespace, selectsObject } from '../dynamic/selectors.ts';
import type { Invocation } from './call.ts';
import type { Hook } from './source.ts';

/** Decides by CEL, after all else has. Throws Forbidden if that fails. */
export type ConditionsMet = (hook: Hook, a: AdmissionAttributes, invocation: Invocation) => Promise<boolean>;

/**
 * Whether a webhook is asked about a request, and under which name of the resource. Throws: the namespace is not there.
 * Source: apiserver pkg/admission/plugin/webhook/generic ShouldCallHook.
 */
export async function shouldCall(
  context: AdmissionContext,
  equivalents: Equivalents,
  hook: Hook,
  a: AdmissionAttributes,
  conditionsMet: ConditionsMet,
): Promise<Invocation | undefined> {
  const { webhook } = hook;
  // What costs least first: the order in which nobody looks does not show.
  const as = matchedAs(webhook.rules, webhook.matchPolicy, a, equivalents);
  if (as === undefined || !selectsObject(webhook.objectSelector, a)) return undefined;
  const pending = selectsNamespace(context, webhook.namespaceSelector, a);
  const selected = typeof pending === 'boolean' ? pending : await pending;
  if (selected === false) return undefined;
  if (selected !== true) throw selected;
  const invocation = { hook, as };
  if (!webhook.matchConditions?.length) return invocation;
  return (await conditionsMet(hook, a, invocation)) ? invocation : undefined;
}
