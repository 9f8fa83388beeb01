import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { createRegistry, builtinSchemas } from '../registry.ts';
import { canonical, decode } from './decode.ts';

const registry = createRegistry();
const schemaOf = (group: string, resource: string) => registry.lookup({ group, version: 'v1', resource })!.schema;
const read = (value: unknown, resource = 'pods', group = '') =>
  decode(value, schemaOf(group, resource), builtinSchemas);

const definition = (schema: unknown, subresources?: unknown): object => ({
  kind: 'CustomResourceDefinition', spec: { versions: [{ schema: { openAPIV3Schema: schema }, subresources }] },
}); // prettier-ignore
const AT = 'Go struct field JSONSchemaProps.spec.versions.schema.openAPIV3Schema';
/** Types with decoders of their own. Texts as the real server words them. */
it.each([
  [definition({ items: { type: 5 } }), `json: cannot unmarshal number into ${AT}.items.type of type string`],
  [definition({ items: [5] }), `json: cannot unmarshal number into ${AT}.items of type v1.JSONSchemaProps`],
  [definition({ additionalProperties: 'x' }), 'boolean or JSON schema expected'],
  [definition({ dependencies: { a: [5] } }), `json: cannot unmarshal number into ${AT}.dependencies of type string`],
  [definition({ enum: 'x' }), `json: cannot unmarshal string into ${AT}.enum of type []v1.JSON`],
  [
    definition({}, { status: 'x' }),
    'json: cannot unmarshal string into Go struct field CustomResourceSubresources.spec.versions.subresources.status of type v1.CustomResourceSubresourceStatus',
  ],
])('refuses schemas like %j', (body, why) => {
  const kind = 'CustomResourceDefinition';
  expect(() => read(body, 'customresourcedefinitions', 'apiextensions.k8s.io')).toThrow(
    `${kind} in version "v1" cannot be handled as a ${kind}: ${why}`,
  );
});
it('reads schemas in schemas, and says nothing of what is unknown there', () => {
  const { object, strict } = read(
    definition({ additionalProperties: { type: 'string', unknown: 1, items: [{ type: 'string' }, null] } }),
    'customresourcedefinitions',
    'apiextensions.k8s.io',
  );
  const schema = { additionalProperties: { items: [{ type: 'string' }, {}], type: 'string' } };
  expect(object).toMatchObject({ spec: { versions: [{ schema: { openAPIV3Schema: schema } }] } });
  expect(JSON.stringify(object)).not.toContain('unknown');
  expect(strict).toEqual([]);
});

/** Texts as the real server words them. */
it.each([
  [
    { spec: { volumes: [{ hostPath: { path: 5 } }] } },
    'json: cannot unmarshal number into Go struct field HostPathVolumeSource.spec.volumes.VolumeSource.hostPath.path of type string',
  ],
  [{ metadata: 'x' }, 'json: cannot unmarshal string into Go struct field Pod.metadata of type v1.ObjectMeta'],
  [
    { metadata: { labels: 'x' } },
    'json: cannot unmarshal string into Go struct field ObjectMeta.metadata.labels of type map[string]string',
  ],
  [
    { metadata: { labels: { a: 1 } } },
    'json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string',
  ],
  [
    { spec: { priority: 99999999999 } },
    'json: cannot unmarshal number 99999999999 into Go struct field PodSpec.spec.priority of type int32',
  ],
  [
    { spec: { activeDeadlineSeconds: 1.5 } },
    'json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64',
  ],
  [
    { spec: { containers: {} } },
    'json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
  ],
  [
    { spec: { containers: [{ ports: [{ protocol: 1 }] }] } },
    'json: cannot unmarshal number into Go struct field ContainerPort.spec.containers.ports.protocol of type v1.Protocol',
  ],
])('refuses %j', (value, message) =>
  expect(() => read(value)).toThrow(`Pod in version "v1" cannot be handled as a Pod: ${message}`),
);

it('drops unknown fields and names them in the order of the document', () => {
  const { object, strict } = read({
    metadata: { name: 'a', extra: 1 },
    bogus: 1,
    spec: { containers: [{ name: 'c', y: 1 }] },
  });
  expect(strict).toEqual([
    'unknown field "metadata.extra"',
    'unknown field "bogus"',
    'unknown field "spec.containers[0].y"',
  ]);
  expect(JSON.stringify(object)).toBe(
    '{"metadata":{"name":"a"},"spec":{"containers":[{"name":"c","resources":{}}]},"status":{}}',
  );
});
it('keeps zeroes behind pointers, empty lists and maps, and drops the others', () => {
  const { object, empties } = read({
    spec: {
      containers: [],
      activeDeadlineSeconds: 0,
      hostNetwork: false,
      nodeName: null,
      securityContext: {},
      tolerations: [],
    },
  });
  expect(object['spec']).toEqual({ containers: [], activeDeadlineSeconds: 0, securityContext: {}, tolerations: [] });
  expect(empties).toBe(true);
});
it('prints what Go always prints', () => {
  expect(read({ metadata: { name: 'x' } }, 'events').object).toEqual({
    metadata: { name: 'x' }, involvedObject: {}, source: {}, firstTimestamp: null, lastTimestamp: null, eventTime: null, reportingComponent: '', reportingInstance: '',
  });
  expect(read({}, 'roles', 'rbac.authorization.k8s.io').object).toEqual({ metadata: {}, rules: null });
}); // prettier-ignore
it('orders keys as the Go struct does, whatever the order given', () => {
  const keys = ['kind', 'apiVersion', 'metadata', 'spec', 'status'];
  const whole = {
    kind: 'Pod',
    apiVersion: 'v1',
    metadata: {},
    spec: { containers: [{ name: 'c' }] },
    status: {},
  } as Record<string, unknown>;
  fc.assert(fc.property(fc.shuffledSubarray(keys, { minLength: 5 }), (order) => {
    expect(Object.keys(read(Object.fromEntries(order.map((k) => [k, whole[k]]))).object)).toEqual(keys);
  })); // prettier-ignore
});
it('makes nothing of __proto__ but a key', () => {
  const { object } = read(JSON.parse('{"metadata":{"labels":{"__proto__":"x"}}}'));
  expect(Object.getPrototypeOf(object.metadata.labels)).toBe(Object.prototype);
  expect(JSON.stringify(object.metadata.labels)).toBe('{"__proto__":"x"}');
});
it('does not change or share what it read, and is settled after one pass', () => {
  const given = Object.freeze({
    metadata: Object.freeze({ name: 'a', labels: Object.freeze({ a: 'b' }) }),
    spec: Object.freeze({ containers: Object.freeze([Object.freeze({ name: 'c' })]) }),
  });
  const { object } = read(given);
  object.metadata.labels!['a'] = 'c';
  expect(given.metadata.labels.a).toBe('b');
  expect(canonical(object, schemaOf('', 'pods'), builtinSchemas)).toEqual(object);
});
it('throws nothing but a Status, whatever it is given', () => {
  const part = fc.dictionary(
    fc.constantFrom('metadata', 'spec', 'status', 'name', 'labels', 'containers', 'cpu', 'resources', 'limits', 'x'),
    fc.jsonValue(),
  );
  fc.assert(fc.property(fc.oneof(fc.jsonValue(), part, fc.record({ spec: part, metadata: part })), (value) => {
    try {
      read(value);
    } catch (error) {
      expect((error as { status?: { code: number } }).status?.code).toBe(400);
    }
  })); // prettier-ignore
});
