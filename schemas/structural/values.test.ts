import { describe, expect, it } from 'vitest';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { dropNulls, fillDefaults, prune } from './custom-values.ts';
import { formatCheck } from './formats.ts';
import { atOnce } from '../helpers/steps.ts';
import { validateValue } from './values.ts';

const found = (...args: Parameters<typeof validateValue>) => atOnce(validateValue(...args));

const says = (value: unknown, schema: JSONSchemaProps, root = ''): string[] =>
  found(value, schema, root).map((e) => `${e.field}: ${e.message}`);
const object = (properties: Record<string, JSONSchemaProps>, more: JSONSchemaProps = {}): JSONSchemaProps => ({
  type: 'object',
  properties,
  ...more,
});

describe('values of custom kinds', () => {
  it.each<[string, unknown, JSONSchemaProps, readonly string[]]>([
    ['right', { a: 1 }, object({ a: { type: 'integer' } }), []],
    ['a string for a number', { a: 'x' }, object({ a: { type: 'integer' } }), ['a: Invalid value: "string": a in body must be of type integer: "string"']],
    ['an integer for a number', { a: 1 }, object({ a: { type: 'number' } }), []],
    ['a null that may not be', { a: null }, object({ a: { type: 'string' } }), ['a: Invalid value: "null": a in body must be of type string: "null"']],
    ['a null that may be', { a: null }, object({ a: { type: 'string', nullable: true } }), []],
    ['too large', { a: 11 }, object({ a: { type: 'integer', maximum: 10 } }), ['a: Invalid value: 11: a in body should be less than or equal to 10']],
    ['as large as may not be', { a: 10 }, object({ a: { type: 'integer', maximum: 10, exclusiveMaximum: true } }), ['a: Invalid value: 10: a in body should be less than 10']],
    ['too small', { a: 0 }, object({ a: { type: 'integer', minimum: 1 } }), ['a: Invalid value: 0: a in body should be greater than or equal to 1']],
    ['no multiple', { a: 5 }, object({ a: { type: 'integer', multipleOf: 2 } }), ['a: Invalid value: 5: a in body should be a multiple of 2']],
    ['too long', { a: 'abc' }, object({ a: { type: 'string', maxLength: 2 } }), ['a: Too long: may not be more than 2 bytes']],
    ['two characters of four bytes', { a: '🙂🙂' }, object({ a: { type: 'string', maxLength: 2 } }), []],
    ['too short', { a: '' }, object({ a: { type: 'string', minLength: 1 } }), ['a: Invalid value: "": a in body should be at least 1 chars long']],
    ['no match', { a: 'A' }, object({ a: { type: 'string', pattern: '^[a-z]+$' } }), ['a: Invalid value: "A": a in body should match \'^[a-z]+$\'']],
    ['not listed', { a: 'c' }, object({ a: { type: 'string', enum: ['a', 'b'] } }), ['a: Unsupported value: "c": supported values: "a", "b"']],
    ['no date', { a: 'x' }, object({ a: { type: 'string', format: 'date-time' } }), ['a: Invalid value: "x": a in body must be of type date-time: "x"']],
    ['a format that nobody knows', { a: 'x' }, object({ a: { type: 'string', format: 'bogus' } }), []],
    ['missing', {}, object({ a: {} }, { required: ['a'] }), ['a: Required value']],
    ['missing deeper', { b: {} }, object({ b: object({}, { required: ['a'] }) }), ['b.a: Required value']],
    ['too many items', { a: [1, 2] }, object({ a: { type: 'array', maxItems: 1 } }), ['a: Too many: 2: must have at most 1 item']],
    ['too few items', { a: [] }, object({ a: { type: 'array', minItems: 1 } }), ['a: Invalid value: 0: a in body should have at least 1 items']],
    ['an item', { a: ['x'] }, object({ a: { type: 'array', items: { type: 'integer' } } }), ['a[0]: Invalid value: "string": a[0] in body must be of type integer: "string"']],
    ['a value of a map', { a: { k: 'x' } }, object({ a: { type: 'object', additionalProperties: { type: 'integer' } } }), ['a.k: Invalid value: "string": a.k in body must be of type integer: "string"']],
    ['an int or string', { a: true }, object({ a: { 'x-kubernetes-int-or-string': true } }), ['a: Invalid value: "boolean": a in body must be of type integer,string: "boolean"']],
    ['none of them', { a: 3 }, object({ a: { type: 'integer', anyOf: [{ maximum: 1 }, { minimum: 5 }] } }), ['<nil>: Invalid value: "": "a" must validate at least one schema (anyOf)', 'a: Invalid value: 3: a in body should be less than or equal to 1']],
    ['two of one', { a: 3 }, object({ a: { type: 'integer', oneOf: [{ minimum: 1 }, { minimum: 2 }] } }), ['<nil>: Invalid value: "": "a" must validate one and only one schema (oneOf). Found 2 valid alternatives']],
    ['what must not be', { a: 3 }, object({ a: { type: 'integer', not: { minimum: 1 } } }), ['<nil>: Invalid value: "": "a" must not validate the schema (not)']],
    ['beyond int32', { a: 2 ** 31 }, object({ a: { type: 'integer', format: 'int32' } }), ['<nil>: Invalid value: "": Checked value must be of type integer with format int32 in a']],
  ])('%s', (_, value, schema, expected) => expect(says(value, schema)).toEqual(expected)); // prettier-ignore
  it.each<[string, unknown, unknown, readonly string[]]>([
    ['unchanged', { list: [1], n: 'x' }, { list: [1], n: 'x' }, []],
    ['a change elsewhere', { list: [1], n: 2 }, { list: [1] }, []],
    ['a list that changed', { list: [1, 2] }, { list: [1] }, ['list[0]: Invalid value: "integer": list[0] in body must be of type string: "integer"', 'list[1]: Invalid value: "integer": list[1] in body must be of type string: "integer"']],
    ['what was missing stays missing', { deep: {} }, { deep: {} }, []],
    ['what is missing now', { deep: {} }, { deep: { x: 1 } }, ['deep.x: Required value']],
    ['an empty object where none was', { n: {} }, {}, ['n: Invalid value: "object": n in body must be of type integer: "object"']],
    ['the same item of a list with keys', { map: [{ k: 'b', v: 'x' }, { k: 'a', v: 'x' }] }, { map: [{ k: 'a', v: 'x' }] }, ['map[0].v: Invalid value: "string": map[0].v in body must be of type integer: "string"']],
  ])('after an update: %s', (_, value, old, expected) => {
    const schema = object({
      list: { type: 'array', items: { type: 'string' } },
      n: { type: 'integer' },
      deep: object({ x: {} }, { required: ['x'] }),
      map: { type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['k'], items: object({ v: { type: 'integer' } }) },
    });
    expect(found(value, schema, '', { value: old }).map((e) => `${e.field}: ${e.message}`)).toEqual(expected);
  }); // prettier-ignore
  it('names the format that a number has or should have', () => {
    expect(says({ a: 5 }, object({ a: { type: 'string', format: 'date' } }))).toEqual(['a: Invalid value: "int64": a in body must be of type date: "int64"']);
    expect(says({ a: true }, object({ a: { type: 'integer', format: 'int32' } }))).toEqual(['a: Invalid value: "": a in body must be of type int32: ""']);
  }); // prettier-ignore
  it('names the place of what it was given, not in its words', () => {
    expect(says('x', { type: 'integer' }, 'spec.a.default')).toEqual([
      'spec.a.default: Invalid value: "string":  in body must be of type integer: "string"',
    ]);
  });
});

describe('formats', () => {
  it.each<[string, readonly string[], readonly string[]]>([
    ['date-time', ['2020-01-02T03:04:05Z', '2020-01-02t03:04:05.5+01:00'], ['2020-01-02', '2020-13-02T03:04:05Z', 'x', '2021-02-29T00:00:00Z']],
    ['date', ['2020-02-29'], ['2021-02-29', '2020-1-1']],
    ['duration', ['1h', '1h30m', '22 ns', '0'], ['x', '1', '']],
    ['ipv4', ['1.2.3.4'], ['::1', '1.2.3']],
    ['ipv6', ['::1'], ['1.2.3.4', 'g::']],
    ['cidr', ['10.0.0.0/8', 'fd00::/8'], ['10.0.0.0', '10.0.0.0/33']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000', '123E4567E89B12D3A456426614174000'], ['123']],
    ['uuid4', ['123e4567-e89b-42d3-a456-426614174000'], ['123e4567-e89b-12d3-a456-426614174000']],
    ['mac', ['00:11:22:33:44:55'], ['00:11']],
    ['byte', ['aGk=', ''], ['a']],
    ['hexcolor', ['#FFF', 'ffffff'], ['#ff']],
    ['isbn', ['0321751043', '978-0321751041'], ['0321751044']],
    ['creditcard', ['4111 1111 1111 1111'], ['4111 1111 1111 1112']],
    ['hostname', ['a.example.com', 'a'], ['-a', 'a..b']],
    ['email', ['a@b.c'], ['a']],
    ['uri', ['https://a/b', '/a'], ['a b']],
    ['k8s-short-name', ['a-b'], ['A', 'a.b']],
  ])('%s', (format, good, bad) => {
    for (const text of good) expect(formatCheck(format)!(text), text).toBe(format !== 'byte' || text !== '');
    for (const text of bad) expect(formatCheck(format)!(text), text).toBe(false);
  }); // prettier-ignore
});

describe('what is made of objects of custom kinds', () => {
  const schema = object({
    spec: object({
      known: { type: 'string' },
      map: { type: 'object', additionalProperties: { type: 'string' } },
      free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { in: object({ a: {} }) } },
      list: { type: 'array', items: object({ a: { type: 'integer', default: 1 } }) },
      set: { type: 'string', default: 'x' },
      maybe: { type: 'string', nullable: true },
    }),
  });
  it('drops what the schema does not name, and tells its paths', () => {
    const given = { apiVersion: 'v', kind: 'K', metadata: { any: 1 }, top: 1, spec: { known: 'a', bad: 1, map: { k: 'v' }, free: { x: { y: 1 }, in: { a: 1, b: 2 } }, list: [{ a: 1, z: 2 }] } }; // prettier-ignore
    const { value, unknown } = prune(given, schema);
    expect(unknown).toEqual(['spec.bad', 'spec.free.in.b', 'spec.list[0].z', 'top']);
    expect(value).toEqual({ apiVersion: 'v', kind: 'K', metadata: { any: 1 }, spec: { known: 'a', map: { k: 'v' }, free: { x: { y: 1 }, in: { a: 1 } }, list: [{ a: 1 }] } }); // prettier-ignore
  });
  it('fills in defaults where there is something to fill, also for nulls', () => {
    const value = { spec: { set: null, maybe: null, known: null, list: [{}] } };
    dropNulls(value, schema);
    fillDefaults(value, schema);
    expect(value).toEqual({ spec: { set: 'x', maybe: null, list: [{ a: 1 }] } });
    const empty = {};
    fillDefaults(empty, schema);
    expect(empty).toEqual({});
  });
});
