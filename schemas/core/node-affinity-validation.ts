import type { Errors } from '../define.ts';
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm } from '../generated/core-v1.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsSubdomain, labelValue, qualifiedName } from '../meta/names.ts';

/** Source: pkg/apis/core/validation ValidateNodeSelector and its parts. */
export function* validateNodeSelector({ nodeSelectorTerms }: NodeSelector, at: FieldPath): Errors {
  if ((nodeSelectorTerms ?? []).length === 0) {
    yield required(at('nodeSelectorTerms'), 'must have at least one node selector term');
    return;
  }
  for (const [i, term] of nodeSelectorTerms.entries())
    yield* validateNodeSelectorTerm(term, at('nodeSelectorTerms')(i));
}
/** `strict`: values must be label values; of preferences they need not. */
export function* validateNodeSelectorTerm(
  { matchExpressions = [], matchFields = [] }: NodeSelectorTerm,
  at: FieldPath,
  strict = true,
): Errors {
  for (const [i, r] of matchExpressions.entries()) yield* validateRequirement(r, strict, at('matchExpressions')(i));
  for (const [i, r] of matchFields.entries()) yield* validateFieldRequirement(r, at('matchFields')(i));
}
function* validateRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement,
  strict: boolean,
  at: FieldPath,
): Errors {
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) yield required(at('values'), "must be specified when `operator` is 'In' or 'NotIn'");
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0)
        yield forbidden(at('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1)
        yield required(at('values'), "must be specified single value when `operator` is 'Lt' or 'Gt'");
      break;
    default:
      yield invalid(at('operator'), operator, 'not a valid selector operator');
  }
  for (const why of qualifiedName(key)) yield invalid(at('key'), key, why);
  if (!strict) return;
  for (const [i, value] of values.entries())
    for (const why of labelValue(value)) yield invalid(at('values')(i), value, why);
}
function* validateFieldRequirement({ key, operator, values = [] }: NodeSelectorRequirement, at: FieldPath): Errors {
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length !== 1)
      yield required(at('values'), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector");
  } else yield invalid(at('operator'), operator, 'not a valid selector operator');
  if (key !== 'metadata.name') yield invalid(at('key'), key, 'not a valid field selector key');
  else
    for (const [i, value] of values.entries())
      for (const why of dnsSubdomain(value)) yield invalid(at('values')(i), value, why);
}
