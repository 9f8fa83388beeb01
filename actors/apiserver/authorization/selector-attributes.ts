import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
} from '../../../schemas/generated/authorization-v1.ts';
import type { LabelSelectorRequirement } from '../../../schemas/generated/meta-v1.ts';
import { fieldSelectorOf, parseFieldSelector, type FieldTerm } from '../../../schemas/meta/field-selectors.ts';
import {
  fieldPath,
  forbidden,
  invalid,
  required,
  type FieldError,
  type FieldPath,
} from '../../../schemas/meta/field.ts';
import { labelValue, qualifiedName } from '../../../schemas/meta/names.ts';
import { parseLabelSelector, SelectorError } from '../../../schemas/meta/selectors.ts';

type Errors = Generator<FieldError, void, undefined>;
const KNOWN = ['In', 'NotIn', 'Exists', 'DoesNotExist'];

/** Operators of later versions are let through. Source: kubernetes pkg/apis/authorization/validation validateResourceAttributes. */
export function* validateSelectors(attributes: ResourceAttributes | undefined): Errors {
  const at = fieldPath('spec.resourceAttributes');
  yield* validateSelector(attributes?.fieldSelector, at('fieldSelector'), function* (key, here) {
    if (key === '') yield required(here, 'must be specified');
  });
  yield* validateSelector(
    attributes?.labelSelector,
    at('labelSelector'),
    function* (key, here) {
      for (const why of qualifiedName(key)) yield invalid(here, key, why);
    },
    function* (values, here) {
      for (const [i, value] of values.entries())
        for (const why of labelValue(value)) yield invalid(here(i), value, why);
    },
  );
}
function* validateSelector(
  selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
  at: FieldPath,
  validateKey: (key: string, at: FieldPath) => Errors,
  validateValues?: (values: readonly string[], at: FieldPath) => Errors,
): Errors {
  if (selector === undefined) return;
  const raw = selector.rawSelector ?? '';
  const requirements = selector.requirements ?? [];
  if (raw !== '' && requirements.length > 0)
    yield invalid(at('rawSelector'), raw, 'may not specified at the same time as requirements');
  if (raw === '' && requirements.length === 0)
    yield required(at('requirements'), `when ${at.toString()} is specified, requirements or rawSelector is required`);
  for (const [i, requirement] of requirements.entries()) {
    const here = at('requirements')(i);
    const { key = '', operator, values } = requirement ?? {};
    // Of fields the key is looked at first, of labels last.
    if (validateValues === undefined) yield* validateKey(key, here('key'));
    const count = (values ?? []).length;
    if ((operator === 'In' || operator === 'NotIn') && count === 0)
      yield required(here('values'), "must be specified when `operator` is 'In' or 'NotIn'");
    if ((operator === 'Exists' || operator === 'DoesNotExist') && count > 0)
      yield forbidden(here('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (validateValues === undefined) continue;
    yield* validateKey(key, here('key'));
    yield* validateValues(values ?? [], here('values'));
  }
}

/** As texts; empty: none. */
export interface Selectors {
  readonly fieldSelector: string;
  readonly labelSelector: string;
}
/**
 * The selectors that authorization can use, and what it had to leave out.
 * Source: kubernetes pkg/registry/authorization/util ResourceAttributesFrom, BuildEvaluationError.
 */
export function readSelectors(attributes: ResourceAttributes | undefined): Selectors & {
  readonly ignored: readonly string[];
} {
  const fields = readFields(attributes?.fieldSelector);
  const labels = readLabels(attributes?.labelSelector);
  return {
    fieldSelector: fieldSelectorOf(fields.terms).toString(),
    labelSelector: labels.text,
    ignored: [...ignored('fieldSelector', fields.failed, fields.terms.length), ...ignored('labelSelector', labels.failed, labels.text === '' ? 0 : 1)], // prettier-ignore
  };
}
const ignored = (field: string, failed: boolean, used: number): readonly string[] =>
  failed ? [`spec.resourceAttributes.${field} ${used > 0 ? 'partially ' : ''}ignored due to parse error`] : [];

function readFields(selector: FieldSelectorAttributes | undefined): { terms: readonly FieldTerm[]; failed: boolean } {
  const raw = selector?.rawSelector ?? '';
  if (raw !== '') {
    const parsed = parsedOf(() => parseFieldSelector(raw));
    return { terms: parsed?.terms ?? [], failed: parsed === undefined };
  }
  const requirements = selector?.requirements ?? [];
  const terms = requirements.flatMap(({ key, operator, values }): FieldTerm[] =>
    (operator === 'In' || operator === 'NotIn') && values?.length === 1
      ? [{ field: key, value: values[0]!, negated: operator === 'NotIn' }]
      : [],
  );
  return { terms, failed: terms.length < requirements.length };
}
function readLabels(selector: LabelSelectorAttributes | undefined): { text: string; failed: boolean } {
  const raw = selector?.rawSelector ?? '';
  if (raw !== '') {
    const parsed = parsedOf(() => parseLabelSelector(raw));
    return { text: parsed === undefined ? '' : raw, failed: parsed === undefined };
  }
  const requirements = selector?.requirements ?? [];
  const used = requirements.filter(({ operator }) => KNOWN.includes(operator));
  return { text: used.map(requirementText).join(','), failed: used.length < requirements.length };
}
const requirementText = ({ key, operator, values = [] }: LabelSelectorRequirement): string => {
  if (operator === 'Exists') return key;
  if (operator === 'DoesNotExist') return `!${key}`;
  return `${key} ${operator === 'In' ? 'in' : 'notin'} (${values.join(',')})`;
};
function parsedOf<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SelectorError) return undefined;
    throw error;
  }
}
