import { describe, expect, it } from 'vitest';
import { builtinSchemas } from './builtin.ts';
import { decode } from './decode.ts';

const read = (kind: string, value: object, fromMap: boolean): unknown => {
  try {
    const schema = builtinSchemas.definition(`io.k8s.api.${kind}`)!;
    return decode(value, schema, builtinSchemas, { fromMap, kind: 'X', version: 'v1' }).object;
  } catch (error) {
    return (error as Error).message;
  }
};
describe('values by way of a map', () => {
  it.each<[string, object, string]>([
    ['core.v1.ConfigMap', { data: { a: 5 } }, 'cannot convert int64 to string'],
    ['core.v1.ConfigMap', { data: { a: 5.5 } }, 'unrecognized type: string'],
    ['core.v1.ConfigMap', { data: 'x' }, 'cannot restore map from string'],
    ['core.v1.ConfigMap', { immutable: 'x' }, 'unrecognized type: bool'],
    ['core.v1.ConfigMap', { metadata: [] }, 'cannot restore struct from: slice'],
    ['core.v1.Secret', { data: { a: 'x' } }, 'error decoding from json: illegal base64 data at input byte 0'],
    ['apps.v1.Deployment', { spec: { replicas: 1.5 } }, 'cannot convert float64 to int32'],
    ['apps.v1.Deployment', { spec: { replicas: 'x' } }, 'unrecognized type: int32'],
    ['core.v1.Pod', { spec: { containers: 'x' } }, 'cannot restore slice from string'],
  ])('%s %j: %s', (kind, value, message) => expect(read(kind, value, true)).toBe(message)); // prettier-ignore
  it('cuts numbers that are too large, as Go does', () => {
    const replicas = (n: number) => (read('apps.v1.Deployment', { spec: { replicas: n } }, true) as { spec: { replicas: number } }).spec.replicas; // prettier-ignore
    expect([replicas(3_000_000_000), replicas(1e30), replicas(7)]).toEqual([-1_294_967_296, 0, 7]);
  });
  it('tells of unknown fields in alphabetical order', () => {
    const schema = builtinSchemas.definition('io.k8s.api.core.v1.ConfigMap')!;
    const value = { zap: 1, data: {}, bar: 2 };
    const told = (fromMap: boolean) => decode(value, schema, builtinSchemas, { fromMap }).strict;
    expect(told(true)).toEqual(['unknown field "bar"', 'unknown field "zap"']);
    expect(told(false)).toEqual(['unknown field "zap"', 'unknown field "bar"']);
  });
});
describe('values of JSON', () => {
  it('are wrong in the order of the document', () => {
    const value = { spec: { paused: 'x' }, metadata: { labels: 5 } };
    expect(read('apps.v1.Deployment', value, false)).toContain('DeploymentSpec.spec.paused of type bool');
  });
  it.each<[string, object, string]>([
    ['core.v1.Secret', { data: { a: 5 } }, 'number into Go struct field Secret.data of type []uint8'],
    ['core.v1.Secret', { data: { a: [300] } }, 'number 300 into Go struct field Secret.data of type uint8'],
    ['core.v1.ConfigMap', { metadata: { deletionTimestamp: 5 } }, 'number into Go struct field ObjectMeta.metadata.deletionTimestamp of type string'],
    ['core.v1.Service', { spec: { ports: [{ targetPort: true }] } }, 'bool into Go struct field ServicePort.spec.ports.targetPort of type int32'],
  ])('%s %j', (kind, value, message) => expect(read(kind, value, false)).toContain(message)); // prettier-ignore
  it('may give bytes as a list of numbers', () => {
    expect(read('core.v1.Secret', { data: { a: [1, 2, null] } }, false)).toMatchObject({ data: { a: 'AQIA' } });
  });
});
