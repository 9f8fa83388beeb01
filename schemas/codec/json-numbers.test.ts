import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decode } from '../structural/decode.ts';
import type { FieldSchema, SchemaSet } from '../structural/schema.ts';
import { builtinSchemas } from '../structural/builtin.ts';
import { parseSpelled, withNumbers } from './json-numbers.ts';
import { parseJson } from './json.ts';

it('only texts whose numbers have a point or an exponent are read once more', () => {
  const isSpelled = (text: string): boolean => parseJson(text).spelled !== undefined;
  for (const text of ['{"a":1.5}', '[1e2]', '[1E2]', '1.0', '[true,2e0]']) expect(isSpelled(text)).toBe(true);
  for (const text of ['{"a.b":"1.5"}', '["1e2","\\"2.0"]', '[true,false,null,-1]', '{"image":"a:1.2e3"}'])
    expect(isSpelled(text)).toBe(false);
});
it('means the same with or without its spelling', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value);
      expect(withNumbers(parseSpelled(text))).toEqual(JSON.parse(text));
    }),
  );
});

const of = (ref: string): FieldSchema => ({ ref });
const set: SchemaSet = builtinSchemas;
const META = of('io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta');
const LIMITS = of('io.k8s.api.core.v1.ResourceRequirements');
const PORT = of('io.k8s.api.core.v1.ServicePort');
const refusal = (text: string, schema: FieldSchema): string => {
  try {
    decode(parseSpelled(text), schema, set, { kind: 'K', version: 'v1' });
    return '';
  } catch (error) {
    return (error as Error).message.replace(/^.*unmarshal /, '');
  }
};
// What kube-apiserver says of the same numbers.
it.each([
  ['2.0', 'number 2.0'], ['1e2', 'number 1e2'], ['1E2', 'number 1E2'], ['0.0', 'number 0.0'], ['-0', ''],
  ['9223372036854775807', ''], ['9223372036854775808', 'number 9223372036854775808'],
  ['123456789012345678901234567890', 'number 123456789012345678901234567890'],
])('an integer that is written %s: %s', (number, what) => {
  const rest = what && `${what} into Go struct field ObjectMeta.generation of type int64`;
  expect(refusal(`{"generation":${number}}`, META)).toBe(rest);
}); // prettier-ignore
it.each([
  ['1e3', '1e3'],
  ['2.0', '2'],
  ['2.50', '2500m'],
  ['0.1', '100m'],
])('a quantity that is written %s is %s', (number, is) => {
  const { object } = decode(parseSpelled(`{"limits":{"cpu":${number}}}`), LIMITS, set);
  expect(object).toEqual({ limits: { cpu: is } });
});
it('a number or name that is written as a fraction is refused, and a number for a text is only a number', () => {
  expect(refusal('{"port":1,"targetPort":2.0}', PORT)).toBe(
    'number 2.0 into Go struct field ServicePort.targetPort of type int32',
  );
  expect(refusal('{"name":2.0}', META)).toBe('number into Go struct field ObjectMeta.name of type string');
});
