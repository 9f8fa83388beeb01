import { beforeAll, describe, expect, it } from 'vitest';
import type { CustomResourceDefinition, JSONSchemaProps } from '../generated/apiextensions-v1.ts';
import { fieldPath } from '../meta/field.ts';
import type { DynamicObject } from '../meta/object.ts';
import { customResourceDefinition } from './custom-resource-definition.ts';
import { customResources } from './custom-resources.ts';
import { loadRules } from './rule-loading.ts';

beforeAll(() => loadRules());
const RULES = 8;
const definition = (rules: readonly object[], spec: JSONSchemaProps): CustomResourceDefinition =>
  ({
    apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' },
    spec: {
      group: 'example.com', scope: 'Namespaced', names: { plural: 'things', singular: 'thing', kind: 'Thing', listKind: 'ThingList' },
      conversion: { strategy: 'None' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', properties: { spec: { ...spec, 'x-kubernetes-validations': rules } } } } }],
    },
    status: { storedVersions: ['v1'], conditions: [{ type: 'Established', status: 'True' }] },
  }) as unknown as CustomResourceDefinition; // prettier-ignore
/** Gives way each time that it may, and counts. */
function turns(): { readonly giveWay: () => Promise<void>; count: number } {
  const out = {
    count: 0,
    giveWay: () => {
      out.count++;
      return Promise.resolve();
    },
  };
  return out;
}
const problems = (crd: CustomResourceDefinition): string[] =>
  [...customResourceDefinition.validate!(crd, fieldPath())].map(({ field, message }) => `${field}: ${message}`);

describe('what takes long gives way to others', () => {
  const INTEGERS: JSONSchemaProps = { type: 'object', properties: { size: { type: 'integer' } } };
  it('after each rule of a definition, and then finds the same', async () => {
    const rules = Array.from({ length: RULES }, (_, i) => ({ rule: i === 3 ? 'self.none > 0' : i === 5 ? "matches('a', '(')" : `self.size > ${i}`, messageExpression: i === 7 ? '1' : "'too small'" })); // prettier-ignore
    const seen = turns();
    const crd = definition(rules, INTEGERS);
    await customResourceDefinition.beforeValidation!(crd, seen.giveWay);
    // Between the stages of each, and between the parts of the schema.
    expect(seen.count).toBeGreaterThan(4 * RULES);
    const found = problems(crd);
    expect(found.filter((text) => text.includes('compilation failed') || text.includes('instantiation failed') || text.includes('must evaluate'))).toHaveLength(3); // prettier-ignore
    expect(found).toEqual(problems(definition(rules, INTEGERS)));
  });
  it('not where nobody waits', () => {
    const crd = definition([{ rule: 'self.size > 0' }], INTEGERS);
    expect(customResourceDefinition.beforeValidation!(crd, () => undefined)).toBeUndefined();
  });
  const LIST: JSONSchemaProps = { type: 'object', properties: { list: { type: 'array', items: { type: 'integer' } } } };
  const object = (): DynamicObject =>
    ({ apiVersion: 'example.com/v1', kind: 'Thing', metadata: { name: 'x' }, spec: { list: Array.from({ length: 120 }, (_, i) => i) } }); // prettier-ignore
  it.each([
    ['after what one rule cost', 'self.list.all(a, self.list.exists(b, b == a))', false],
    ['and says what it found', 'self.list.all(a, self.list.exists(b, b == a + 1))', true],
  ])('with an object, %s', async (_, rule, isWrong) => {
    const crd = definition(Array.from({ length: RULES }, () => ({ rule })), LIST); // prettier-ignore
    const [kind] = customResources(crd);
    const seen = turns();
    const given = object();
    await kind!.definition.beforeValidation!(given, seen.giveWay);
    // Each is compiled, then costs more than a step may.
    expect(seen.count).toBeGreaterThan(RULES);
    const found = [...kind!.definition.validate!(given, fieldPath())];
    expect(found.length > 0).toBe(isWrong);
    expect(found).toEqual([...kind!.definition.validate!(object(), fieldPath())]);
  });
});
