import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schemaNameOf } from '../registry.ts';
import { builtinSchemas } from './builtin.ts';
import { canonical, decode } from './decode.ts';
import { withoutEmpties, type Leaving } from './empties.ts';

const schemaOf = (apiVersion: string, kind: string) => {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return builtinSchemas.definition(schemaNameOf({ group, version, kind }))!;
};
const POD = schemaOf('v1', 'Pod');
const left = (value: object, leaving: Leaving, [apiVersion, kind] = ['v1', 'Pod']): unknown => {
  const schema = schemaOf(apiVersion, kind);
  return withoutEmpties(decode(value, schema, builtinSchemas).object, schema, builtinSchemas, leaving);
};
describe('what is left of empty lists and maps', () => {
  const slice = ['discovery.k8s.io/v1', 'EndpointSlice'];
  const slices = { metadata: {}, addressType: 'IPv4' };
  it.each<[given: object, printed: object, stored?: object, kind?: readonly string[]]>([
    // given, printed, stored (if it is something else)
    [{ spec: { containers: [] } }, { metadata: {}, spec: { containers: [] }, status: {} }, { metadata: {}, spec: { containers: null }, status: {} }],
    [{ spec: { containers: [{ name: 'c', ports: [], resources: { limits: {} } }], overhead: {} } }, { metadata: {}, spec: { containers: [{ name: 'c', resources: {} }] }, status: {} }],
    [{ metadata: { labels: {}, finalizers: [] }, spec: null }, { metadata: {}, spec: { containers: null }, status: {} }],
    [{ spec: { containers: null, volumes: [{ name: 'v', emptyDir: {} }] } }, { metadata: {}, spec: { containers: null, volumes: [{ name: 'v', emptyDir: {} }] }, status: {} }],
    [{ ...slices, endpoints: [], ports: [] }, { ...slices, endpoints: [], ports: [] }, { ...slices, endpoints: null, ports: null }, slice],
    [{ ...slices, endpoints: [{ addresses: [] }] }, { ...slices, endpoints: [{ addresses: [], conditions: {} }], ports: null }, { ...slices, endpoints: [{ addresses: null, conditions: {} }], ports: null }, slice],
    [{ spec: { extra: { a: [] } } }, { metadata: {}, spec: { extra: { a: [] } }, status: { allowed: false } }, { metadata: {}, spec: { extra: { a: null } }, status: { allowed: false } }, ['authorization.k8s.io/v1', 'SubjectAccessReview']],
  ])('of %j', (given, printed, stored, kind) => {
    expect(left(given, 'print', kind as [string, string])).toEqual(printed);
    expect(left(given, 'store', kind as [string, string])).toEqual(stored ?? printed);
  }); // prettier-ignore

  const leaf = fc.oneof(fc.constant({}), fc.constant([]), fc.constant('x'), fc.constant(null));
  const container = fc.record({ name: fc.constant('c'), env: fc.constantFrom([], null, [{ name: 'A' }]), resources: fc.constantFrom({}, { limits: {} }, { limits: { cpu: '1' } }) }); // prettier-ignore
  const pod = fc.record({
    metadata: fc.record({ labels: fc.constantFrom({}, null, { a: 'b' }), finalizers: fc.constantFrom([], null, ['a/b']) }),
    spec: fc.record({ containers: fc.array(container, { maxLength: 2 }), nodeSelector: fc.constantFrom({}, null, { a: 'b' }), tolerations: fc.constantFrom([], [{}]) }),
    other: leaf,
  }); // prettier-ignore
  it('is what was decoded where the decoder saw none, and printing twice is printing once', () => {
    fc.assert(
      fc.property(pod, (given) => {
        const { object, empties } = decode(given, POD, builtinSchemas);
        const before = structuredClone(object);
        const printed = withoutEmpties(object, POD, builtinSchemas, 'print');
        expect(object).toEqual(before);
        if (!empties) expect(printed).toBe(object);
        expect(canonical(printed, POD, builtinSchemas)).toEqual(printed);
        expect(withoutEmpties(printed, POD, builtinSchemas, 'print')).toBe(printed);
        expect(decode(withoutEmpties(object, POD, builtinSchemas, 'store'), POD, builtinSchemas).empties).toBe(false);
      }),
    );
  });
});
