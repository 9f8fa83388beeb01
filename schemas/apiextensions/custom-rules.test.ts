import { expect, it } from 'vitest';
import type { FieldError } from '../meta/field.ts';
import { isRuled, withRules } from './custom-rules.ts';

const of = (reason: FieldError['reason']): FieldError => ({ reason, field: 'spec', message: 'x' });
const RULES = { 'x-kubernetes-validations': [{ rule: 'true' }] };

it('says that rules were not checked, if there are some, only where the shape of the object is wrong', () => {
  const unchecked = {
    reason: 'FieldValueInvalid',
    field: '<nil>',
    message:
      'Invalid value: null: some validation rules were not checked because the object was invalid; correct the existing errors to complete validation',
  };
  const rules = () => [of('FieldValueForbidden')];
  expect([...withRules([of('FieldValueRequired')], rules)]).toEqual([of('FieldValueRequired'), unchecked]);
  expect([...withRules([of('FieldValueInvalid')], rules)]).toEqual([
    of('FieldValueInvalid'),
    of('FieldValueForbidden'),
  ]);
  expect([...withRules([of('FieldValueRequired')], undefined)]).toEqual([of('FieldValueRequired')]);
  expect([...withRules([], rules)]).toEqual([of('FieldValueForbidden')]);
});
it.each([
  [{ type: 'object' }, false],
  [{ type: 'object', ...RULES }, true],
  [{ type: 'object', 'x-kubernetes-validations': [] }, false],
  [{ type: 'object', properties: { a: { type: 'array', items: { type: 'string', ...RULES } } } }, true],
  [{ type: 'object', additionalProperties: { type: 'string', ...RULES } }, true],
  [{ type: 'object', additionalProperties: true }, false],
])('finds rules at any depth: %j', (schema, ruled) => {
  expect(isRuled(schema as never)).toBe(ruled);
});
