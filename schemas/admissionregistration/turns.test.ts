import { beforeAll, expect, it } from 'vitest';
import { fieldPath } from '../meta/field.ts';
import { loadExpressions } from './expression-loading.ts';
import { mutatingAdmissionPolicy, validatingAdmissionPolicy } from './policies.ts';
import { mutatingWebhookConfiguration, validatingWebhookConfiguration } from './webhook-configurations.ts';

beforeAll(() => loadExpressions());
const MANY = 10;
const of = <T>(make: (i: number) => T): T[] => Array.from({ length: MANY }, (_, i) => make(i));
const sources = of((i) => (i === 3 ? 'object.' : `object.spec.a == ${i}`));
const matchConditions = sources.map((expression, i) => ({ name: `c${i}`, expression }));
const webhooks = [{ name: 'a.b.c', matchConditions }];
const variables = sources.map((expression, i) => ({ name: `v${i}`, expression }));

it.each<[string, { beforeValidation?: unknown; validate?: unknown }, object]>([
  ['validations', validatingAdmissionPolicy, { validations: sources.map((expression) => ({ expression })) }],
  ['match conditions of a policy', validatingAdmissionPolicy, { matchConditions }],
  ['variables', mutatingAdmissionPolicy, { variables }],
  ['mutations', mutatingAdmissionPolicy, { mutations: sources.map((expression) => ({ patchType: 'JSONPatch', jsonPatch: { expression } })) }],
  ['conditions of validating webhooks', validatingWebhookConfiguration, { webhooks }],
  ['conditions of mutating webhooks', mutatingWebhookConfiguration, { webhooks }],
])('%s give way between the stages of each, and then the same is found', async (_what, definition, given) => {
  const { beforeValidation, validate } = definition as {
    beforeValidation: (object: object, giveWay: () => Promise<void>) => Promise<void>;
    validate: (object: object, at: unknown) => Iterable<object>;
  };
  const make = (): object => ({ metadata: { name: 'x' }, spec: given, ...given });
  let turns = 0;
  const object = make();
  await beforeValidation(object, () => Promise.resolve(void turns++));
  expect(turns).toBeGreaterThan(4 * (MANY - 1));
  const found = [...validate(object, fieldPath())];
  expect(found).toContainEqual(expect.objectContaining({ message: expect.stringContaining('Syntax error') as string }));
  expect(found).toEqual([...validate(make(), fieldPath())]);
}); // prettier-ignore
