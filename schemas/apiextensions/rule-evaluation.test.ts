import { describe, expect, it } from 'vitest';
import type { JSONSchemaProps, ValidationRule } from '../generated/apiextensions-v1.ts';
import { ruleFindings } from './rule-evaluation.ts';

const text = (...rules: readonly ValidationRule[]): JSONSchemaProps => ({ type: 'string', maxLength: 20, 'x-kubernetes-validations': [...rules] }); // prettier-ignore
const SPEC: JSONSchemaProps = {
  type: 'object',
  'x-kubernetes-validations': [
    { rule: 'self.min <= self.max', message: ' min is not above max ' },
    { rule: "!has(self.mode) || self.mode != 'bad'", reason: 'FieldValueForbidden', fieldPath: '.mode' },
    { rule: "!has(self.need) || has(self.other)", reason: 'FieldValueRequired', fieldPath: '.other', messageExpression: "'needed by ' + self.need" },
    { rule: "!has(self.twice) || self.twice != 'x'", reason: 'FieldValueDuplicate' },
    { rule: "!has(self.word) || self.word == 'ok'", messageExpression: "self.word == 'lines' ? 'a\\nb' : string(1 / 0)" },
    { rule: 'self.max >= oldSelf.max', message: 'no shrinking' },
    { rule: '!has(self.port) || self.port > 5' },
    { rule: "!has(self.tags) || self.tags[3] == 'x'" },
  ],
  properties: {
    min: { type: 'integer' },
    max: { type: 'integer' },
    mode: { type: 'string' },
    need: { type: 'string' },
    other: { type: 'string' },
    twice: { type: 'string' },
    word: { type: 'string' },
    port: { 'x-kubernetes-int-or-string': true },
    tags: { type: 'array', items: text({ rule: "self != 'z'" }) },
    name: text({ rule: 'self == oldSelf', message: 'immutable' }),
    first: text({ rule: "oldSelf.hasValue() || self == 'one'", optionalOldSelf: true }),
    bag: { type: 'object', additionalProperties: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self % 2 == 0' }] } },
    items: {
      type: 'array',
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['k'],
      items: {
        type: 'object',
        properties: { k: { type: 'string' }, v: { type: 'integer', 'x-kubernetes-validations': [{ rule: 'self >= oldSelf' }] } },
      },
    },
  },
}; // prettier-ignore
const SCHEMA: JSONSchemaProps = {
  type: 'object',
  'x-kubernetes-validations': [{ rule: "self.metadata.name.startsWith('a')" }],
  properties: { spec: SPEC },
};
const of = (spec: object, name = 'a'): object => ({ metadata: { name }, spec: { min: 1, max: 2, ...spec } });
const told = (object: object, old?: object): readonly string[] =>
  ruleFindings(SCHEMA, object, old).errors.map(({ field, message }) => `${field}: ${message}`);

/** As the real server answered. */
const CREATED: readonly (readonly [what: string, object: object, wrong?: string])[] = [
  ['nothing wrong', of({})],
  ['the object itself', of({}, 'b'), "<nil>: Invalid value: failed rule: self.metadata.name.startsWith('a')"],
  ['a message, trimmed', of({ min: 3 }), 'spec: Invalid value: min is not above max'],
  ['an absent field', { metadata: { name: 'a' }, spec: { max: 1 } }, 'spec: Invalid value: "object": no such key: min evaluating rule: min is not above max'],
  ['a reason and a place', of({ mode: 'bad' }), "spec.mode: Forbidden: failed rule: !has(self.mode) || self.mode != 'bad'"],
  ['a message that is computed', of({ need: 'n' }), 'spec.other: Required value: needed by n'],
  ['a duplicate', of({ twice: 'x' }), 'spec: Duplicate value'],
  ['a message of two lines is not taken', of({ word: 'lines' }), "spec: Invalid value: failed rule: !has(self.word) || self.word == 'ok'"],
  ['a message that fails is not taken', of({ word: 'no' }), "spec: Invalid value: failed rule: !has(self.word) || self.word == 'ok'"],
  ['an overload that there is not', of({ port: 'http' }), "spec: Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: !has(self.port) || self.port > 5"],
  ['an index', of({ tags: ['a'] }), "spec: Invalid value: \"object\": index out of bounds: 3 evaluating rule: !has(self.tags) || self.tags[3] == 'x'"],
  ['an item', of({ tags: ['a', 'b', 'c', 'x', 'z'] }), "spec.tags[4]: Invalid value: \"z\": failed rule: self != 'z'"],
  ['a value of a map', of({ bag: { a: 1, b: 2 } }), 'spec.bag[a]: Invalid value: 1: failed rule: self % 2 == 0'],
  ['rules of what was are for updates', of({ name: 'n', items: [{ k: 'a', v: 1 }] })],
  ['but those that take an optional', of({ first: 'two' }), "spec.first: Invalid value: \"two\": failed rule: oldSelf.hasValue() || self == 'one'"],
]; // prettier-ignore
describe('Rules of custom kinds', () => {
  for (const [what, object, wrong] of CREATED)
    it(what, () => {
      expect(told(object)).toEqual(wrong === undefined ? [] : [wrong]);
    });
  const before = of({ max: 5, name: 'n', first: 'one', items: [{ k: 'a', v: 5 }, { k: 'b', v: 6 }], bag: { a: 1 } }); // prettier-ignore
  it('compare with what was', () => {
    expect(told(of({ max: 4, name: 'm', first: 'two' }), before)).toEqual([
      'spec: Invalid value: no shrinking',
      'spec.name: Invalid value: "m": immutable',
    ]);
  });
  it('find items of lists by their keys', () => {
    const after = of({ max: 5, items: [{ k: 'b', v: 6 }, { k: 'c', v: 1 }, { k: 'a', v: 4 }] }); // prettier-ignore
    expect(told(after, before)).toEqual(['spec.items[2].v: Invalid value: 4: failed rule: self >= oldSelf']);
  });
  it('warn of what was wrong before and is as it was', () => {
    const after = of({ max: 6, bag: { a: 1, b: 3 } });
    const { errors, warnings } = ruleFindings(SCHEMA, after, before);
    expect(errors.map(({ field }) => field)).toEqual(['spec.bag[b]']);
    expect(warnings).toEqual(['spec.bag[a]: Invalid value: 1: failed rule: self % 2 == 0']);
  });
  it('stop when together they cost too much', () => {
    const rule = 'self.all(x, self.all(y, x + y >= 0))';
    const schema: JSONSchemaProps = {
      type: 'object',
      properties: {
        list: { type: 'array', items: { type: 'integer' }, 'x-kubernetes-validations': Array.from({ length: 30 }, () => ({ rule })) }, // prettier-ignore
      },
    };
    const { errors } = ruleFindings(schema, { list: Array.from({ length: 250 }, (_, i) => i) });
    expect(errors).toEqual([
      {
        reason: 'FieldValueInvalid',
        field: 'list',
        message:
          'Invalid value: "array": validation failed due to running out of cost budget, no further validation rules will be run',
      },
    ]);
  });
  it('stop when one costs too much', () => {
    const schema: JSONSchemaProps = {
      type: 'object',
      'x-kubernetes-validations': [{ rule: 'lists.range(1000000).size() > 0' }, { rule: 'false' }],
      properties: { a: text({ rule: 'false' }) },
    };
    expect(ruleFindings(schema, { a: 'x' }).errors.map(({ message }) => message)).toEqual([
      'Invalid value: "object": \'operation cancelled: actual cost limit exceeded\': no further validation rules will be run due to call cost exceeds limit for rule: lists.range(1000000).size() > 0',
    ]);
  });
});
