import { expect, it } from 'vitest';
import { fieldPath } from '../meta/field.ts';
import type { JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { listProblems } from '../apiextensions/custom-rules.ts';
import { oldItem } from '../apiextensions/rule-correlation.ts';
import { atOnce } from '../helpers/steps.ts';
import { validateValue } from './values.ts';

const found = (...args: Parameters<typeof validateValue>) => atOnce(validateValue(...args));

const MANY = 20_000;
/** Items whose key is counted each time that it is read. */
function counted(): { readonly items: readonly object[]; readonly reads: () => number } {
  let reads = 0;
  const items = Array.from({ length: MANY }, (_, i) => ({
    get name() {
      reads++;
      return `name-${i}`;
    },
  }));
  return { items, reads: () => reads };
}
const LIST: JSONSchemaProps = {
  type: 'array',
  items: { type: 'object', properties: { name: { type: 'string' } } },
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': ['name'],
};

it('a list with keys is compared with what it was in time that grows with its length only', () => {
  const [now, before] = [counted(), counted()];
  expect(found(now.items, LIST, 'spec', { value: before.items })).toEqual([]);
  for (const item of now.items) expect(oldItem(LIST, before.items, item)).toBeDefined();
  expect([...listProblems(now.items, LIST, fieldPath('spec'))]).toEqual([]);
  expect(now.reads() + before.reads()).toBeLessThan(12 * MANY);
});
it('values without list types are not walked for them', () => {
  const { items, reads } = counted();
  expect([...listProblems(items, { type: 'array', items: LIST.items! }, fieldPath('spec'))]).toEqual([]);
  expect(reads()).toBe(0);
});
it('an enum is looked up, whatever its length', () => {
  let reads = 0;
  const values = Array.from({ length: MANY }, (_, i) => `value-${i}`);
  const allowed = new Proxy(values, {
    get: (of, name, self) => {
      if (typeof name === 'string' && /^\d+$/.test(name)) reads++;
      return Reflect.get(of, name, self) as unknown;
    },
  });
  const schema = { type: 'array', items: { type: 'string', enum: allowed } } as unknown as JSONSchemaProps;
  expect(found(values, schema, 'spec')).toEqual([]);
  expect(found(['value-0', 'none'], schema, 'spec')).toHaveLength(1);
  expect(reads).toBeLessThan(10 * MANY);
});
it.each<[string, unknown[], unknown, boolean]>([
  ['a number among texts', ['1', 1], 1, true],
  ['a text among numbers', [1, 2], '1', false],
  ['null among texts', ['a', null], null, true],
  ['an object', [{ a: 1, b: [] }], { a: 1 }, true],
  ['an empty text', ['a'], '', false],
])('of an enum: %s', (_what, allowed, value, isFound) => {
  const schema = { enum: allowed } as unknown as JSONSchemaProps;
  expect(found(value, schema, 'spec')).toHaveLength(isFound ? 0 : 1);
});
it('what is wrong with each of many items is told up to a bound', () => {
  const texts = Array.from({ length: 100 }, (_, i) => `value-${i}`);
  const schema = { type: 'array', items: { type: 'string', enum: texts } } as unknown as JSONSchemaProps;
  const errors = found(Array.from({ length: MANY }, () => 'none'), schema, 'spec'); // prettier-ignore
  const size = errors.reduce((sum, { message }) => sum + message.length, 0);
  expect(size).toBeGreaterThan(1024 * 1024);
  expect(size).toBeLessThan(1024 * 1024 + 10_000);
});

it('others have their turn after some hundred values, also within alternatives', () => {
  const alternatives = Array.from({ length: 100 }, (_, i) => ({ minimum: i + 2 }));
  const schema = { type: 'array', items: { type: 'integer', anyOf: alternatives } } as unknown as JSONSchemaProps;
  const steps = [...validateValue(Array.from({ length: 200 }, () => 1), schema, 'spec')]; // prettier-ignore
  expect(steps.length).toBeGreaterThan(40);
  const flat = [...validateValue(Array.from({ length: MANY }, () => 'x'), { type: 'array', items: { type: 'string' } })]; // prettier-ignore
  expect(flat.length).toBeGreaterThan(MANY / 1000);
});
it('nothing of what is usual gives way', () => {
  const value = { a: Array.from({ length: 50 }, (_, i) => ({ name: `n${i}` })), b: 'x' };
  const schema: JSONSchemaProps = { type: 'object', properties: { a: LIST, b: { type: 'string' } } };
  const steps = [...validateValue(value, schema, 'spec')];
  expect(steps.length).toBeLessThan(2);
});
