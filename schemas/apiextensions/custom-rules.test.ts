import { expect, it } from 'vitest';
import type { FieldError } from '../meta/field.ts';
import type { SteppedErrors } from '../helpers/stepped-validation.ts';
import type { Steps } from '../helpers/steps.ts';
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
  function* rules(): Steps<readonly FieldError[]> {
    yield;
    return [of('FieldValueForbidden')];
  }
  function* found(reason?: FieldError['reason']): SteppedErrors {
    yield undefined;
    if (reason) yield of(reason);
  }
  const told = (...args: Parameters<typeof withRules>) =>
    [...withRules(...args)].filter((error) => error !== undefined);
  expect(told(found('FieldValueRequired'), rules)).toEqual([of('FieldValueRequired'), unchecked]);
  expect(told(found('FieldValueInvalid'), rules)).toEqual([of('FieldValueInvalid'), of('FieldValueForbidden')]);
  expect(told(found('FieldValueRequired'), undefined)).toEqual([of('FieldValueRequired')]);
  expect(told(found(), rules)).toEqual([of('FieldValueForbidden')]);
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
