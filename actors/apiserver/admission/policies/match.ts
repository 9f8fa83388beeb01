import type {
  MatchResources,
  NamedRuleWithOperations,
} from '../../../../schemas/generated/admissionregistration-v1.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import type { AdmissionAttributes } from '../../request.ts';
import type { AdmissionContext } from '../common.ts';
import { matchedAs, ruleMatches, type Equivalents } from '../dynamic/rules.ts';
import { selectsNamespace, selectsObject } from '../dynamic/selectors.ts';

const namedRuleMatches: typeof ruleMatches = (rule, a, as) => {
  const { resourceNames } = rule as NamedRuleWithOperations;
  return ruleMatches(rule, a, as) && (!resourceNames?.length || resourceNames.includes(a.name));
};
/**
 * Under which name of its resource a request is meant; undefined: it is not. Returns an error where that cannot be told.
 * Source: apiserver pkg/admission/plugin/policy/matching.
 */
export async function matches(
  context: AdmissionContext,
  equivalents: Equivalents,
  criteria: MatchResources | undefined,
  a: AdmissionAttributes,
): Promise<Resource | Error | undefined> {
  const { resourceRules, excludeResourceRules, matchPolicy, namespaceSelector, objectSelector } = criteria ?? {};
  // What costs least first: the order in which nobody looks does not show.
  const as = resourceRules?.length
    ? matchedAs(resourceRules, matchPolicy ?? 'Exact', a, equivalents, namedRuleMatches)
    : a.resource;
  if (as === undefined || !selectsObject(objectSelector, a)) return undefined;
  if (matchedAs(excludeResourceRules, matchPolicy ?? 'Exact', a, equivalents, namedRuleMatches) !== undefined)
    return undefined;
  const selected = await selectsNamespace(context, namespaceSelector, a);
  if (selected === false) return undefined;
  return selected === true ? as : selected;
}
