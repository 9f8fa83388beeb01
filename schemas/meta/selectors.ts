import type { FieldError, FieldPath } from './field.ts';
import { forbidden, invalid, required } from './field.ts';
import { parseLabelRequirements, SelectorError } from './selector-parser.ts';
import { labelValue, qualifiedName } from './names.ts';
import type { LabelSelector } from '../generated/meta-v1.ts';
import { own } from './own.ts';

export { SelectorError } from './selector-parser.ts';

export type Labels = Readonly<Record<string, string>>;
export type Operator = 'in' | 'notin' | '=' | '==' | '!=' | 'exists' | '!' | 'gt' | 'lt';
export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** Sorted, without repeats. */
  readonly values: readonly string[];
}
/** A label selector ready to match; immutable and shareable. */
export interface Selector {
  readonly requirements: readonly Requirement[];
  /** Matches everything. */
  readonly empty: boolean;
  matches(labels: Labels | undefined): boolean;
  /** As in a query string: `app=web,tier in (a,b)`. */
  toString(): string;
}
const NO_LABELS: Labels = {};

/** A selector of a query string. Throws SelectorError: `unable to parse requirement: found 'x', expected: ...`. */
export function parseLabelSelector(text: string): Selector {
  return text === '' ? everything : selectorOf(parseLabelRequirements(text));
}
export function selectorOf(requirements: readonly Requirement[]): Selector {
  const tests = requirements.map(compile);
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return {
    requirements: sorted,
    empty: tests.length === 0,
    matches(labels = NO_LABELS) {
      for (const test of tests) if (!test(labels)) return false;
      return true;
    },
    toString: () => sorted.map(print).join(','),
  };
}
const get = (labels: Labels, key: string): string | undefined => (Object.hasOwn(labels, key) ? labels[key] : undefined);
const INTEGER = /^[+-]?\d+$/;

function compile({ key, operator, values }: Requirement): (labels: Labels) => boolean {
  const [only] = values;
  switch (operator) {
    case '=':
    case '==':
      return (labels) => get(labels, key) === only;
    case '!=':
      return (labels) => get(labels, key) !== only;
    case 'in':
      if (values.length === 1) return (labels) => get(labels, key) === only;
      return (labels) => {
        const value = get(labels, key);
        return value !== undefined && values.includes(value);
      };
    case 'notin':
      return (labels) => {
        const value = get(labels, key);
        return value === undefined || !values.includes(value);
      };
    case 'exists':
      return (labels) => Object.hasOwn(labels, key);
    case '!':
      return (labels) => !Object.hasOwn(labels, key);
    default: {
      const limit = BigInt(only!);
      return (labels) => {
        const value = get(labels, key);
        if (value === undefined || !INTEGER.test(value)) return false;
        return operator === 'gt' ? BigInt(value) > limit : BigInt(value) < limit;
      };
    }
  }
}
function print({ key, operator, values }: Requirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}
export const everything: Selector = selectorOf([]);
export const nothing: Selector = { requirements: [], empty: false, matches: () => false, toString: () => '' };

/** Of a plain map, as in Service.spec.selector: all must be equal. Empty selects everything. */
export const selectorFromLabels = (labels: Labels | undefined): Selector =>
  selectorOf(Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] })));

const OPERATORS: Readonly<Record<string, Operator>> = { In: 'in', NotIn: 'notin', Exists: 'exists', DoesNotExist: '!' };
const compiled = new WeakMap<object, Selector>();

/**
 * Of a LabelSelector object: none selects nothing, an empty one everything. Kept per object, so objects must not change.
 * Throws SelectorError on an unknown operator.
 */
export function selectorFromObject(selector: LabelSelector | null | undefined): Selector {
  if (selector === null || selector === undefined) return nothing;
  let known = compiled.get(selector);
  if (known === undefined) compiled.set(selector, (known = compileObject(selector)));
  return known;
}
function compileObject(selector: LabelSelector): Selector {
  const requirements: Requirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({ key, operator: '=', values: [value] })); // prettier-ignore
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = own(OPERATORS, operator);
    if (known === undefined)
      throw new SelectorError(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: [...new Set(values)].sort() });
  }
  return requirements.length === 0 ? everything : selectorOf(requirements);
}
/** As kubectl shows it: `app=web,tier in (a,b)`, `<none>` when empty. Source: metav1.FormatLabelSelector. */
export function formatSelector(selector: LabelSelector | null | undefined): string {
  if (selector === null || selector === undefined) return '<none>';
  return selectorFromObject(selector).toString() || '<none>';
}
export const formatLabels = (labels: Labels | undefined): string =>
  Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}=${v}`).join(',') || '<none>'; // prettier-ignore

/** Source: apimachinery pkg/apis/meta/v1/validation ValidateLabels. */
export function* validateLabels(labels: Labels | undefined, at: FieldPath): Generator<FieldError, void, undefined> {
  for (const [key, value] of Object.entries(labels ?? {})) {
    for (const why of qualifiedName(key)) yield invalid(at, key, why);
    for (const why of labelValue(value)) yield invalid(at, value, why);
  }
}
/** Source: apimachinery pkg/apis/meta/v1/validation ValidateLabelSelector. */
export function* validateLabelSelector(
  selector: LabelSelector | null | undefined,
  at: FieldPath,
): Generator<FieldError, void, undefined> {
  yield* validateLabels(selector?.matchLabels, at('matchLabels'));
  for (const [i, { key, operator, values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const here = at('matchExpressions')(i);
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) yield required(here('values'), "must be specified when `operator` is 'In' or 'NotIn'");
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        yield forbidden(here('values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    } else yield invalid(here('operator'), operator, 'not a valid selector operator');
    for (const why of qualifiedName(key)) yield invalid(here('key'), key, why);
    for (const [n, value] of values.entries())
      for (const why of labelValue(value)) yield invalid(here('values')(n), value, why);
  }
}
