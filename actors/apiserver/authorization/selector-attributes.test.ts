import { describe, expect, it } from 'vitest';
import type { ResourceAttributes } from '../../../schemas/generated/authorization-v1.ts';
import { readSelectors, validateSelectors } from './selector-attributes.ts';

const LABEL_PREFIX = 'spec.resourceAttributes.labelSelector.requirements[0]';
describe('selectors of a review', () => {
  it.each([
    ['fieldSelector', {}, ['spec.resourceAttributes.fieldSelector.requirements Required value: when spec.resourceAttributes.fieldSelector is specified, requirements or rawSelector is required']],
    ['fieldSelector', { rawSelector: 'a=b', requirements: [{ key: 'a', operator: 'Exists' }] }, ['spec.resourceAttributes.fieldSelector.rawSelector Invalid value: "a=b": may not specified at the same time as requirements']],
    ['fieldSelector', { requirements: [{ key: '', operator: 'In' }] }, ['spec.resourceAttributes.fieldSelector.requirements[0].key Required value: must be specified', "spec.resourceAttributes.fieldSelector.requirements[0].values Required value: must be specified when `operator` is 'In' or 'NotIn'"]],
    ['labelSelector', { requirements: [{ key: 'a', operator: 'Exists', values: ['x'] }] }, [`${LABEL_PREFIX}.values Forbidden: may not be specified when \`operator\` is 'Exists' or 'DoesNotExist'`]],
    ['labelSelector', { requirements: [{ key: 'a', operator: 'Newer' }] }, []],
  ])('%s %j', (field, selector, wanted) => {
    const errors = [...validateSelectors({ [field]: selector })];
    expect(errors.map((e) => `${e.field} ${e.message}`)).toEqual(wanted);
  }); // prettier-ignore

  it.each([
    [{ fieldSelector: { rawSelector: 'spec.nodeName=n' } }, 'spec.nodeName=n', '', []],
    [{ fieldSelector: { rawSelector: '=' } }, '', '', []],
    [{ fieldSelector: { rawSelector: 'x' } }, '', '', ['spec.resourceAttributes.fieldSelector ignored due to parse error']],
    [{ fieldSelector: { requirements: [{ key: 'a', operator: 'NotIn', values: ['b'] }, { key: 'c', operator: 'Exists' }] } }, 'a!=b', '', ['spec.resourceAttributes.fieldSelector partially ignored due to parse error']],
    [{ labelSelector: { requirements: [{ key: 'a', operator: 'In', values: ['x', 'y'] }, { key: 'b', operator: 'DoesNotExist' }] } }, '', 'a in (x,y),!b', []],
    [{ labelSelector: { rawSelector: 'a in' } }, '', '', ['spec.resourceAttributes.labelSelector ignored due to parse error']],
    [{ labelSelector: { requirements: [{ key: 'a', operator: 'Exists' }, { key: 'a', operator: 'Newer' }] } }, '', 'a', ['spec.resourceAttributes.labelSelector partially ignored due to parse error']],
  ])('%j is read', (attributes, fieldSelector, labelSelector, ignored) => {
    expect(readSelectors(attributes as unknown as ResourceAttributes)).toEqual({ fieldSelector, labelSelector, ignored });
  }); // prettier-ignore
});
