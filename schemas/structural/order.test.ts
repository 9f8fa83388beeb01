import { expect, it } from 'vitest';
import { builtinSchemas } from './builtin.ts';
import { byName, inGoOrder } from './order.ts';

const POD = builtinSchemas.definition('io.k8s.api.core.v1.Pod')!;
const text = (object: object): string => JSON.stringify(inGoOrder(object, POD, builtinSchemas));

it('puts the members of structs in the order of their fields, and those of maps by name', () => {
  const object = {
    spec: { restartPolicy: 'Always', containers: [{ image: 'b', name: 'a' }] },
    metadata: { labels: { b: '1', a: '2' }, uid: 'u', managedFields: [{ fieldsV1: { 'f:b': { 'f:y': {}, 'f:x': {} }, 'f:a': {} }, manager: 'm' }], name: 'n' },
  }; // prettier-ignore
  expect(text(object)).toBe(
    '{"metadata":{"name":"n","uid":"u","labels":{"a":"2","b":"1"},"managedFields":[{"manager":"m","fieldsV1":{"f:a":{},"f:b":{"f:x":{},"f:y":{}}}}]},"spec":{"containers":[{"name":"a","image":"b"}],"restartPolicy":"Always"}}',
  );
});
it('returns what is in order as it is', () => {
  const object = { metadata: { name: 'n' }, spec: { containers: [{ name: 'a' }] } };
  expect(inGoOrder(object, POD, builtinSchemas)).toBe(object);
});
it('sorts JSON without a schema at every level, but not its lists', () => {
  expect(JSON.stringify(byName({ z: [{ b: 1, a: 2 }, 1], a: { d: 1, c: 2 } }))).toBe('{"a":{"c":2,"d":1},"z":[{"a":2,"b":1},1]}'); // prettier-ignore
});
