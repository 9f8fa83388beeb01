import { describe, expect, it } from 'vitest';
import { areSameInside, isKnownKind, packageOf } from '../../../schemas/known-kinds.ts';
import { claimedType, hasOddNames, withDefaultType } from './claimed-type.ts';

describe('what a body says that it is', () => {
  it.each<[Record<string, unknown>, unknown]>([
    [{}, { group: '', version: '', kind: '' }],
    [{ apiVersion: 'v1', kind: 'Pod' }, { group: '', version: 'v1', kind: 'Pod' }],
    [{ apiVersion: '/v1', kind: null }, { group: '', version: 'v1', kind: '' }],
    [{ apiVersion: 'apps/' }, { group: 'apps', version: '', kind: '' }],
    [{ kind: 'Pod', KIND: 'Node' }, { group: '', version: '', kind: 'Node' }],
    [{ apiVersion: 'a/b/c' }, 'unexpected GroupVersion string: a/b/c'],
    [{ kind: 5 }, "couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string"],
  ])('%j', (value, claimed) => expect(claimedType(value)).toEqual(claimed)); // prettier-ignore
  it('fills in what the path says', () => {
    const expected = { group: 'apps', version: 'v1', kind: 'Deployment' };
    expect(withDefaultType({ group: '', version: '', kind: '' }, expected)).toEqual(expected);
    expect(withDefaultType({ group: 'apps', version: '', kind: 'X' }, expected)).toEqual({ ...expected, kind: 'X' });
    expect(withDefaultType({ group: 'batch', version: '', kind: '' }, expected)).toEqual({ group: 'batch', version: '', kind: 'Deployment' }); // prettier-ignore
  });
  it('sees names in another case', () => {
    expect([{ Kind: 1 }, { apiversion: 1 }, { kind: 1, data: 1, metadata: 1 }].map(hasOddNames)).toEqual([true, true, false]); // prettier-ignore
  });
});
describe('kinds that are known without being served', () => {
  const core = { group: '' };
  it.each([
    ['v1', 'ConfigMapList', true], ['v1', 'Status', true], ['v1', 'DeleteOptions', true], ['v1', 'Deployment', false],
  ])('%s %s: %s', (version, kind, known) => expect(isKnownKind({ group: '', version, kind }, core)).toBe(known)); // prettier-ignore
  it('keeps servers with schemes of their own apart', () => {
    const definition = { group: 'apiextensions.k8s.io', version: 'v1', kind: 'CustomResourceDefinition' };
    expect([isKnownKind(definition, core), isKnownKind(definition, definition)]).toEqual([false, true]);
  });
  it('knows what has moved between groups', () => {
    const of = (group: string, version: string, kind: string) => ({ group, version, kind });
    expect(areSameInside(of('extensions', 'v1beta1', 'Deployment'), of('apps', 'v1', 'Deployment'))).toBe(true);
    expect(areSameInside(of('', 'v1', 'Event'), of('events.k8s.io', 'v1', 'Event'))).toBe(true);
    expect(areSameInside(of('', 'v1', 'Pod'), of('', 'v1', 'ConfigMap'))).toBe(false);
    expect([packageOf({ group: '' }), packageOf({ group: 'rbac.authorization.k8s.io' })]).toEqual(['core', 'rbac']);
  });
});
