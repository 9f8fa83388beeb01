import type { Json } from './mutate.ts';
import { define, type Served, type Shape } from './shapes.ts';

/** A kind of one's own with all that a schema can ask for without expressions, and good objects of it. */
const GROUP = 'explored.example.com';
type Schema = { readonly [key: string]: Json };
const string: Schema = { type: 'string' };
const schema: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    apiVersion: string,
    kind: string,
    metadata: { type: 'object' },
    spec: {
      type: 'object',
      required: ['size', 'color'],
      properties: {
        size: { type: 'integer', minimum: 1, maximum: 100, multipleOf: 1 },
        big: { type: 'integer', format: 'int64', exclusiveMinimum: true, minimum: 0 },
        small: { type: 'integer', format: 'int32' },
        ratio: { type: 'number', maximum: 1, exclusiveMaximum: true },
        color: { type: 'string', enum: ['red', 'green', 'blue'], default: 'red' },
        code: { type: 'string', pattern: '^[a-z]+$', minLength: 2, maxLength: 5 },
        on: { type: 'boolean', default: true },
        when: { type: 'string', format: 'date-time' },
        day: { type: 'string', format: 'date' },
        address: { type: 'string', format: 'ipv4' },
        address6: { type: 'string', format: 'ipv6' },
        net: { type: 'string', format: 'cidr' },
        mail: { type: 'string', format: 'email' },
        id: { type: 'string', format: 'uuid' },
        link: { type: 'string', format: 'uri' },
        raw: { type: 'string', format: 'byte' },
        took: { type: 'string', format: 'duration' },
        port: { 'x-kubernetes-int-or-string': true },
        maybe: { type: 'string', nullable: true },
        either: { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }], properties: { a: string, b: string } },
        any: { type: 'string', anyOf: [{ minLength: 3 }, { enum: ['x', 'yy'] }], not: { enum: ['nope'] } },
        list: { type: 'array', minItems: 1, maxItems: 3, items: { type: 'string', maxLength: 4 } },
        unique: { type: 'array', 'x-kubernetes-list-type': 'set', items: { type: 'string' } },
        atomic: { type: 'array', 'x-kubernetes-list-type': 'atomic', items: { type: 'integer' } },
        parts: {
          type: 'array', 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name', 'port'],
          items: { type: 'object', required: ['name'], properties: { name: string, port: { type: 'integer', default: 80 }, note: string } },
        },
        labels: { type: 'object', maxProperties: 2, additionalProperties: { type: 'string', minLength: 1 } },
        numbers: { type: 'object', minProperties: 1, additionalProperties: { type: 'integer' } },
        whole: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { x: string, y: { type: 'integer' } } },
        open: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'integer' } } },
        inner: { type: 'object', 'x-kubernetes-embedded-resource': true, 'x-kubernetes-preserve-unknown-fields': true },
        deep: { type: 'object', default: {}, properties: { a: { type: 'integer', default: 7 }, b: { type: 'array', items: { type: 'array', items: { type: 'integer' } } } } },
        replicas: { type: 'integer' },
        selector: string,
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, phase: { type: 'string', default: 'New' }, selector: string } },
  },
}; // prettier-ignore
const crd = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `explorers.${GROUP}` },
  spec: {
    group: GROUP,
    scope: 'Namespaced',
    names: { plural: 'explorers', singular: 'explorer', kind: 'Explorer', shortNames: ['exp'] },
    versions: [{
      name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: schema },
      subresources: { status: {}, scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' } },
      selectableFields: [{ jsonPath: '.spec.color' }],
    }],
  },
} as unknown as Json; // prettier-ignore
const object = (spec: Json): Json => ({ apiVersion: `${GROUP}/v1`, kind: 'Explorer', metadata: { name: 'x' }, spec });
const goods: readonly Json[] = [
  object({ size: 3 }),
  object({
    size: 3, big: 5, small: 1, ratio: 0.5, color: 'green', code: 'abc', on: false, when: '2020-01-02T03:04:05Z', day: '2020-01-02',
    address: '10.0.0.1', address6: 'fd00::1', net: '10.0.0.0/8', mail: 'a@example.com', id: '4f1b5e1a-9a51-4c1e-8a3e-0f6d2a1b3c4d',
    link: 'https://example.com/x', raw: 'eA==', took: '5s', port: '50%', maybe: null, either: { a: 'x' }, any: 'x', list: ['a'],
  }),
  object({
    size: 4, unique: ['a', 'b'], atomic: [1, 2], parts: [{ name: 'a', note: 'x' }, { name: 'b', port: 81 }], labels: { a: 'b' }, numbers: { a: 1 },
    whole: { x: 'x', y: 1 }, open: { known: 1, other: { x: 1 } }, deep: { b: [[1]] }, replicas: 2, selector: 'a=b',
    inner: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x', labels: { a: 'b' } }, data: { x: 1 } },
  }),
]; // prettier-ignore

function shapeOf(of: Schema): Shape {
  const { type, format, required, properties, items, additionalProperties } = of as Record<string, never>;
  const enumeration = of['enum'] as readonly Json[] | undefined;
  return {
    ...(type !== undefined && { type }),
    ...(of['x-kubernetes-int-or-string'] === true ? { format: 'int-or-string' } : format !== undefined && { format }),
    ...(required !== undefined && { required }),
    ...(enumeration !== undefined && { enum: enumeration as readonly string[] }),
    ...(properties !== undefined && { fields: Object.fromEntries(Object.entries(properties as Record<string, Schema>).map(([key, value]) => [key, shapeOf(value)])) }),
    ...(items !== undefined && { items: shapeOf(items) }),
    ...(additionalProperties !== undefined && { values: shapeOf(additionalProperties) }),
  }; // prettier-ignore
}

/** Makes the kind on both servers; resolves when both serve it. */
export async function customKind(ask: (method: string, path: string, body?: Json) => Promise<readonly { readonly status: number }[]>): Promise<{ served: Served; objects: readonly Json[] }> {
  const shape = shapeOf(schema);
  const served: Served = {
    groupVersion: `${GROUP}/v1`, name: 'explorers', kind: 'Explorer', namespaced: true,
    verbs: ['create', 'delete', 'get', 'list', 'patch', 'update'],
  };
  const whole: Shape = {
    ...shape,
    fields: { ...shape.fields, metadata: { ref: 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta' } },
    gvks: [{ group: GROUP, version: 'v1', kind: 'Explorer' }],
  };
  define(`${GROUP}.Explorer`, whole, [served, { ...served, name: 'explorers/status' }]);
  await ask('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', crd);
  for (let tries = 0; tries < 100; tries++) {
    const answers = await ask('POST', `/apis/${GROUP}/v1/namespaces/default/explorers?dryRun=All`, goods[0]);
    if (answers.every(({ status }) => status === 201)) return { served, objects: goods };
    await new Promise((later) => setTimeout(later, 100));
  }
  throw new Error('the custom kind is not served by both');
} // prettier-ignore
