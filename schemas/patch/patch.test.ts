import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../meta/status.ts';
import { applyJsonPatch, checkOperationTypes, jsonPatchStrictErrors } from './json-patch.ts';
import { applyMergePatch } from './merge-patch.ts';
import { applyStrategicMergePatch, strategicRest } from './strategic-merge.ts';
import { builtinSchemas } from '../structural/builtin.ts';

const refusal = (run: () => unknown): [number, string] | undefined => {
  try {
    run();
    return undefined;
  } catch (error) {
    const status = statusOf(error);
    return status && [status.code, status.message ?? ''];
  }
};
const frozen = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) frozen(member);
    Object.freeze(value);
  }
  return value;
};
const names = (list: unknown) => (list as { name: string }[]).map((item) => item.name);
const GENERIC: [number, string] = [422, 'the server rejected our request due to an error in our request'];

describe('JSON patch', () => {
  const document = frozen({ kind: 'A', data: { k: 'v', 'a/b': '1' }, list: ['x', 'y'] });
  const outcome = (ops: unknown) => applyJsonPatch(document, frozen(ops)) as typeof document;
  it.each<[string, unknown[], unknown]>([
    ['adds', [{ op: 'add', path: '/data/n', value: '1' }], { ...document, data: { ...document.data, n: '1' } }],
    ['replaces a missing key', [{ op: 'replace', path: '/new', value: 1 }], { ...document, new: 1 }],
    ['unescapes', [{ op: 'remove', path: '/data/a~1b' }], { ...document, data: { k: 'v' } }],
    ['appends', [{ op: 'add', path: '/list/-', value: 'z' }], { ...document, list: ['x', 'y', 'z'] }],
    ['inserts', [{ op: 'add', path: '/list/1', value: 'z' }], { ...document, list: ['x', 'z', 'y'] }],
    ['counts from the end', [{ op: 'remove', path: '/list/-1' }], { ...document, list: ['x'] }],
    ['moves', [{ op: 'move', from: '/data/k', path: '/list/0' }], { ...document, data: { 'a/b': '1' }, list: ['v', 'x', 'y'] }],
    ['passes a test of null for a missing key', [{ op: 'test', path: '/none', value: null }], document],
    ['takes a path without a slash at the front', [{ op: 'add', path: 'data/x', value: 1 }], { ...document, x: 1 }],
    ['replaces all', [{ op: 'replace', path: '', value: {} }], {}],
    ['keeps copies apart', [{ op: 'copy', from: '/data', path: '/copy' }, { op: 'add', path: '/copy/n', value: 1 }], { ...document, copy: { ...document.data, n: 1 } }],
  ])('%s', (_name, ops, expected) => expect(outcome(ops)).toEqual(expected)); // prettier-ignore

  it.each<[string, unknown, [number, string]]>([
    ['a failed test', [{ op: 'test', path: '/kind', value: 'B' }], GENERIC],
    ['a test of a missing path', [{ op: 'test', path: '/none', value: 'B' }], GENERIC],
    ['removal of what is not there', [{ op: 'remove', path: '/none' }], GENERIC],
    ['adding below what is not there', [{ op: 'add', path: '/none/x', value: 1 }], GENERIC],
    ['an index out of range', [{ op: 'remove', path: '/list/9' }], GENERIC],
    ['an unknown operation', [{ op: 'frob', path: '/kind' }], GENERIC],
    ['no path', [{ op: 'add', value: 1 }], GENERIC],
    ['too many', Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/kind', value: 'A' })), [413, 'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001']],
    ['doubling without end', Array.from({ length: 40 }, (_, i) => ({ op: 'copy', from: '', path: `/x${i}` })), GENERIC],
  ])('refuses %s', (_name, ops, expected) => expect(refusal(() => outcome(ops))).toEqual(expected)); // prettier-ignore

  it.each<[unknown, boolean, string | undefined]>([
    [{ op: 'add' }, false, 'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp'],
    [{ op: 'add' }, true, 'json: cannot unmarshal object into Go value of type jsonpatch.Patch'],
    [[1], false, 'error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp'],
    [[[]], true, 'json: cannot unmarshal array into Go value of type jsonpatch.Operation'],
    [[{ op: 'add', path: 5 }], false, 'error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.path of type string'],
    [[{ op: 'add', path: 5 }], true, undefined],
    [[null, { op: null, path: '/a' }], false, undefined],
    [null, false, undefined],
  ])('checks %j, leniently: %j', (ops, lenient, message) => {
    expect(refusal(() => checkOperationTypes(ops, lenient))?.[1]).toBe(message);
  }); // prettier-ignore
  it('sorts the keys of what it went through or compared, and of nothing else', () => {
    const before = frozen({ b: { z: 1, y: { x: 1, w: 1 } }, a: [{ d: 1, c: 1 }], e: { g: 1, f: 1 } });
    const printed = (ops: unknown) => JSON.stringify(applyJsonPatch(before, ops));
    expect(printed([])).toBe('{"a":[{"d":1,"c":1}],"b":{"z":1,"y":{"x":1,"w":1}},"e":{"g":1,"f":1}}');
    expect(printed([{ op: 'add', path: '/b/v', value: { n: 1, m: 1 } }])).toBe('{"a":[{"d":1,"c":1}],"b":{"v":{"n":1,"m":1},"y":{"x":1,"w":1},"z":1},"e":{"g":1,"f":1}}');
    expect(printed([{ op: 'test', path: '/a', value: [{ c: 1, d: 1 }] }])).toBe('{"a":[{"c":1,"d":1}],"b":{"z":1,"y":{"x":1,"w":1}},"e":{"g":1,"f":1}}');
  }); // prettier-ignore
  it('limits what copies may add up to', () => {
    const big = { a: 'x'.repeat(1 << 20), b: {} };
    const ops = Array.from({ length: 3 }, (_, i) => ({ op: 'copy', from: '/a', path: `/b/${i}` }));
    expect(refusal(() => applyJsonPatch(big, ops))).toEqual(GENERIC);
  });
  it('names unknown fields of operations', () => {
    expect(jsonPatchStrictErrors([{ op: 'add', path: '/a', why: 1 }])).toEqual(['json patch unknown field "[0].why"']);
  });
  it('treats __proto__ as a key like any other', () => {
    const result = applyJsonPatch({}, [
      { op: 'add', path: '/__proto__', value: {} },
      { op: 'add', path: '/__proto__/x', value: 1 },
    ]);
    expect(Object.getOwnPropertyNames(result)).toEqual(['__proto__']);
    expect(({} as { x?: number }).x).toBeUndefined();
  });
});

describe('merge patch', () => {
  it.each<[unknown, unknown, unknown]>([
    [{ a: 1, b: { c: 2 } }, { b: { d: 3 }, a: null }, { b: { c: 2, d: 3 } }],
    [{ a: 1 }, { a: { b: { c: null, d: 1 } } }, { a: { b: { d: 1 } } }],
    [{ a: [1, 2] }, { a: [null, { x: null }] }, { a: [null, {}] }],
    [{}, { none: null }, {}],
  ])('%j with %j is %j', (document, patch, expected) => {
    expect(applyMergePatch(frozen(document), frozen(patch))).toEqual(expected);
  });
  it.each([
    ['x', 'error decoding patch: json: cannot unmarshal string into Go value of type map[string]interface {}'],
    [null, 'Invalid JSON Patch'],
  ])('refuses %j', (patch, message) => {
    expect(refusal(() => applyMergePatch({}, patch))).toEqual([400, message]);
  });
  it('sorts the keys of what it goes through', () => {
    expect(
      JSON.stringify(applyMergePatch({ b: { z: 1, y: 1 }, a: { d: 1, c: 1 } }, { b: { x: { n: 1, m: 1 } } })),
    ).toBe('{"a":{"d":1,"c":1},"b":{"x":{"m":1,"n":1},"y":1,"z":1}}');
  });
  it('puts a list in the place of all', () => expect(applyMergePatch({ a: 1 }, [{ x: null }])).toEqual([{}]));
  it('is the same applied twice', () => {
    fc.assert(
      fc.property(fc.object(), fc.object(), (document, patch) => {
        const once = applyMergePatch(document, patch);
        expect(applyMergePatch(once, patch)).toEqual(once);
      }),
      { numRuns: 200 },
    );
  });
});

describe('strategic merge patch', () => {
  const template = { ref: 'io.k8s.api.core.v1.PodTemplate' };
  const original = frozen({
    metadata: { name: 't', finalizers: ['a', 'b'] },
    template: {
      metadata: { labels: { a: 'b' } },
      spec: {
        containers: [{ name: 'a', image: 'a:1', env: [{ name: 'X', value: '1' }, { name: 'Y', value: '2' }] }, { name: 'b', image: 'b:1' }],
        tolerations: [{ key: 't1', operator: 'Exists' }],
        volumes: [{ name: 'v1', emptyDir: {} }, { name: 'v2', configMap: { name: 'x' } }],
      },
    },
  }); // prettier-ignore
  const apply = (patch: unknown) =>
    applyStrategicMergePatch(original, frozen(patch), template, builtinSchemas) as {
      metadata: Record<string, unknown>;
      template: { metadata: unknown; spec: Record<string, unknown> };
    };
  const spec = (patch: unknown) => apply({ template: { spec: patch } }).template.spec;

  it('merges a list by its key and puts new items first', () => {
    const { containers } = spec({ containers: [{ name: 'c', image: 'c:1' }, { name: 'b', image: 'b:2' }] }); // prettier-ignore
    expect(containers).toEqual([{ name: 'c', image: 'c:1' }, original.template.spec.containers[0], { name: 'b', image: 'b:2' }]); // prettier-ignore
  });
  it('deletes an item', () =>
    expect(names(spec({ containers: [{ name: 'b', $patch: 'delete' }] })['containers'])).toEqual(['a']));
  it('orders a list and keeps what the order does not name', () => {
    expect(names(spec({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'zz' }, { name: 'a' }] })['containers'])).toEqual(['b', 'a']); // prettier-ignore
  });
  it('replaces a list', () =>
    expect(spec({ containers: [{ $patch: 'replace' }, { name: 'n' }] })['containers']).toEqual([{ name: 'n' }])); // prettier-ignore
  it('replaces and deletes maps', () => {
    expect(apply({ template: { metadata: { labels: { $patch: 'replace', n: 'm' } } } }).template.metadata).toEqual({ labels: { n: 'm' } }); // prettier-ignore
    expect(apply({ template: { metadata: { labels: { $patch: 'delete' } } } }).template.metadata).toEqual({ labels: {} }); // prettier-ignore
  });
  it('retains only the keys named', () => {
    const { volumes } = spec({ volumes: [{ name: 'v2', $retainKeys: ['name', 'secret'], secret: { secretName: 's' } }] }); // prettier-ignore
    expect(volumes).toEqual([
      { name: 'v1', emptyDir: {} },
      { name: 'v2', secret: { secretName: 's' } },
    ]);
  });
  it('replaces an atomic list', () =>
    expect(spec({ tolerations: [{ key: 't2' }] })['tolerations']).toEqual([{ key: 't2' }]));
  it('merges, orders and deletes from lists of primitives', () => {
    expect(apply({ metadata: { finalizers: ['c'] } }).metadata['finalizers']).toEqual(['c', 'a', 'b']);
    expect(apply({ metadata: { '$deleteFromPrimitiveList/finalizers': ['a', 'z'] } }).metadata['finalizers']).toEqual(['b']); // prettier-ignore
    expect(apply({ metadata: { '$setElementOrder/finalizers': ['z', 'b'], finalizers: ['z'] } }).metadata['finalizers']).toEqual(['z', 'a', 'b']); // prettier-ignore
    expect(apply({ metadata: { finalizers: null } }).metadata).toEqual({ name: 't' });
  });
  it.each<[string, unknown, [number, string]]>([
    ['an order that lacks an item', { '$setElementOrder/containers': [{ name: 'b' }], containers: [{ name: 'a', image: 'a:4' }] }, [500, "The order in patch list:\n[map[image:a:4 name:a]]\n doesn't match $setElementOrder list:\n[map[name:b]]\n"]],
    ['an item without its key', { containers: [{ image: 'x' }] }, [500, 'map: map[image:x] does not contain declared merge key: name']],
    ['an unknown directive', { $patch: 'sideways' }, [500, 'unknown patch type: sideways in map: map[$patch:sideways]']],
    ['a directive for a whole list', { containers: [{ name: 'a', $patch: 'merge' }] }, [500, 'merging lists cannot yet be specified in the patch']],
    ['keys set but not retained', { volumes: [{ name: 'v1', $retainKeys: ['name'], hostPath: {} }] }, [400, 'invalid patch format of retainKeys']],
  ])('refuses %s', (_name, patch, expected) => {
    expect(refusal(() => spec(patch))).toEqual(expected);
  }); // prettier-ignore
  it.each<[unknown[], [number, string] | undefined]>([
    [[{ name: 'b' }, true, { name: 'a' }], [500, 'expected a map[string]interface {}, but received a bool']],
    [[{ name: 'b' }, { image: 'x' }, { name: 'a' }], [500, 'map: map[image:x] does not contain declared merge key: name']],
    [[{ name: 'b' }, { name: 'a' }, true], undefined],
  ])('looks for the items of a list in the order %j', (order, expected) => {
    expect(refusal(() => spec({ '$setElementOrder/containers': order }))).toEqual(expected);
  }); // prettier-ignore
  it.each<[object, object]>([
    [{ $retainKeys: ['volumes'], volumes: [{ name: 'v1' }] }, { volumes: [{ name: 'v1' }] }],
    [{ '$setElementOrder/volumes': [{ name: 'v2' }], volumes: [{ name: 'v2', emptyDir: {} }] }, {}],
    [{ nodeSelector: { a: null, b: 'c' } }, { nodeSelector: { b: 'c' } }],
    [{ securityContext: { $patch: 'replace', runAsUser: 1 } }, { securityContext: { $patch: 'replace', runAsUser: 1 } }],
  ])('leaves of %j what was not carried out', (patch, rest) => {
    expect(strategicRest(original, { template: { spec: patch } }, template, builtinSchemas)).toEqual({ template: { spec: rest } });
  }); // prettier-ignore
  it('refuses what is not an object', () =>
    expect(refusal(() => apply([]))).toEqual([400, 'json: cannot unmarshal array into Go value of type map[string]interface {}'])); // prettier-ignore
});
