import type { SubjectAccessReviewSpec } from '../../../schemas/generated/authorization-v1.ts';
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '../../../schemas/generated/meta-v1.ts';
import { parseFieldSelector } from '../../../schemas/meta/field-selectors.ts';
import { parseLabelSelector, type Requirement } from '../../../schemas/meta/selectors.ts';
import type { RequestInfo, UserInfo } from '../request.ts';

/** What a webhook is asked: the spec of a SubjectAccessReview, without what is empty. */
export type AccessSpec = Readonly<SubjectAccessReviewSpec>;

/** Source: apiserver plugin/pkg/authorizer/webhook webhook.go Authorize, resourceAttributesFrom. */
export function accessSpecOf({ name, groups, extra, uid }: UserInfo, info: RequestInfo): AccessSpec {
  const asked = info.isResource
    ? { resourceAttributes: resourceAttributesOf(info) }
    : { nonResourceAttributes: { ...(info.path && { path: info.path }), ...(info.verb && { verb: info.verb }) } };
  return {
    ...asked,
    ...(name && { user: name }),
    ...(groups.length > 0 && { groups: [...groups] }),
    ...(extra !== undefined && Object.keys(extra).length > 0 && { extra: sorted(extra) }),
    ...(uid && { uid }),
  };
}
/** The same request gives the same text, which its answer is kept under. */
const sorted = (extra: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(
    Object.keys(extra)
      .toSorted()
      .map((key) => [key, [...extra[key]!]]),
  );
function resourceAttributesOf(info: RequestInfo): NonNullable<AccessSpec['resourceAttributes']> {
  const { namespace, verb, group, version, resource, subresource, name } = info;
  const fields = info.fieldSelector ? fieldsOf(info.fieldSelector) : [];
  const labels = info.labelSelector ? labelsOf(info.labelSelector) : [];
  return {
    ...(namespace && { namespace }),
    ...(verb && { verb }),
    ...(group && { group }),
    ...(version && { version }),
    ...(resource && { resource }),
    ...(subresource && { subresource }),
    ...(name && { name }),
    ...(fields.length > 0 && { fieldSelector: { requirements: fields } }),
    ...(labels.length > 0 && { labelSelector: { requirements: labels } }),
  };
}
/** A selector that is none does not restrict: more is asked for, not less. */
function fieldsOf(text: string): FieldSelectorRequirement[] {
  try {
    return parseFieldSelector(text).terms.map(({ field, value, negated }) => ({
      key: field,
      operator: negated ? 'NotIn' : 'In',
      values: [value],
    }));
  } catch {
    return [];
  }
}
const OPERATORS: Partial<Record<Requirement['operator'], string>> = {
  in: 'In', '=': 'In', '==': 'In', notin: 'NotIn', '!=': 'NotIn', exists: 'Exists', '!': 'DoesNotExist',
}; // prettier-ignore
function labelsOf(text: string): LabelSelectorRequirement[] {
  try {
    return parseLabelSelector(text).requirements.flatMap(({ key, operator, values }) => {
      const said = OPERATORS[operator];
      return said === undefined ? [] : [{ key, operator: said, ...(values.length > 0 && { values: [...values] }) }];
    });
  } catch {
    return [];
  }
}
