import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseFieldSelector } from './field-selectors.ts';
import { formatSelector, parseLabelSelector, selectorFromObject } from './selectors.ts';

const OPERATORS = 'in, notin, =, ==, !=, gt, lt';
/** Texts as the real server words them. */
it.each([
  ['tier gt 1', `unable to parse requirement: found 'gt', expected: ${OPERATORS}`],
  ['app in (x', "unable to parse requirement: found '', expected: ',' or ')'"],
  ['=x', "found '=', expected: !, identifier, or 'end of string'"],
  ['a b', `unable to parse requirement: found 'b', expected: ${OPERATORS}`],
  ['app=x,', "found '', expected: identifier after ','"],
  [',', "found ',', expected: !, identifier, or 'end of string'"],
  ['(app)', "found '(', expected: !, identifier, or 'end of string'"],
  [
    'tier>x',
    "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, the value must be an integer",
  ],
])('refuses %j', (text, message) => expect(() => parseLabelSelector(text)).toThrow(message));

const labels = { app: 'web', tier: '3', empty: '' };
it.each([
  ['app=web', true], ['app==web', true], ['app!=web', false], ['other!=web', true], ['app in (web,db)', true], ['app notin (web)', false],
  ['other notin (web)', true], ['app', true], ['!app', false], ['!other', true], ['tier>2', true], ['tier>3', false], ['tier<4', true], ['app>1', false],
  ['empty=', true], ['empty', true], ['app=web,tier>2,!x', true], ['', true], ['app in ()', false], ['toString', false], ['in', false],
])('%j matches: %s', (text, expected) => expect(parseLabelSelector(text).matches(labels)).toBe(expected)); // prettier-ignore

const key = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/).filter((k) => k !== 'in' && k !== 'notin');
const value = fc.stringMatching(/^[a-z0-9]{1,5}$/);
const requirement = fc.oneof(
  fc.tuple(key, value).map(([k, v]) => `${k}=${v}`), fc.tuple(key, value).map(([k, v]) => `${k}!=${v}`), key, key.map((k) => `!${k}`),
  fc.tuple(key, fc.array(value, { minLength: 1, maxLength: 3 })).map(([k, vs]) => `${k} in (${vs.join(',')})`),
); // prettier-ignore
it('prints what parses to the same selector', () => {
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), fc.dictionary(key, value), (parts, map) => {
      const selector = parseLabelSelector(parts.join(','));
      const again = parseLabelSelector(String(selector));
      expect(String(again)).toBe(String(selector));
      expect(again.matches(map)).toBe(selector.matches(map));
    }),
  );
});
it('of no object selects nothing, of an empty one everything', () => {
  expect([
    selectorFromObject(undefined).matches({}),
    selectorFromObject(null).matches({}),
    selectorFromObject({}).matches({}),
  ]).toEqual([false, false, true]);
  expect(formatSelector({ matchLabels: { a: 'b' }, matchExpressions: [{ key: 'c', operator: 'Exists' }] })).toBe(
    'a=b,c',
  );
});
it.each([
  ['metadata.name', "invalid selector: 'metadata.name'; can't understand 'metadata.name'"],
  ['a=\\x', 'invalid field selector: invalid escape sequence: \\x'],
])('refuses the field selector %j', (text, message) => expect(() => parseFieldSelector(text)).toThrow(message));
it('reads escapes and both signs of equality', () => {
  const selector = parseFieldSelector(String.raw`a==x\,y,b!=z`);
  expect(selector.terms).toEqual([
    { field: 'a', value: 'x,y', negated: false },
    { field: 'b', value: 'z', negated: true },
  ]);
  expect(selector.requires('a')).toBe('x,y');
  expect(parseFieldSelector(String(selector)).terms).toEqual(selector.terms);
});
