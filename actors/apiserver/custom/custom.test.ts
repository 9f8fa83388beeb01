import { describe, expect, it } from 'vitest';
import { CLEANUP } from '../../../schemas/apiextensions/custom-resource-definition.ts';
import { conditionOf } from '../../../schemas/apiextensions/naming.ts';
import { customResources } from '../../../schemas/apiextensions/custom-resources.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { fakeCluster, type FakeCluster } from '../testing/fake-cluster.ts';
import { startCustomKinds, type CustomKinds } from './index.ts';

const GROUP = 'apiextensions.k8s.io';
const DEFINITIONS = { group: GROUP, version: 'v1', resource: 'customresourcedefinitions' };
const definition = (plural: string, kind: string, change: object = {}): object => ({
  apiVersion: `${GROUP}/v1`, kind: 'CustomResourceDefinition', metadata: { name: `${plural}.example.com`, ...change },
  spec: {
    group: 'example.com', scope: 'Namespaced', names: { plural, singular: plural, kind, listKind: `${kind}List` },
    versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
  },
}); // prettier-ignore
function start(c: FakeCluster): { kinds: CustomKinds; ended: string[] } {
  const ended: string[] = [];
  // The fake tells resources apart by identity.
  const known = new Map<string, readonly Resource[]>();
  const compile = (crd: CustomResourceDefinition): readonly Resource[] => {
    const made = customResources(crd);
    const before = known.get(crd.metadata.name!);
    if (before === undefined && made.length > 0) known.set(crd.metadata.name!, made);
    return made.length > 0 ? (before ?? made) : made;
  };
  const kinds = startCustomKinds({
    ...c,
    compile,
    beginWatches: () => undefined,
    endWatches: (r) => ended.push(r.resource),
  });
  kinds.serveAll();
  kinds.begin();
  return { kinds, ended };
}
const lookup = (c: FakeCluster, resource: string): Resource | undefined =>
  c.registry.lookup({ group: 'example.com', version: 'v1', resource });
const get = (c: FakeCluster): CustomResourceDefinition =>
  c.cache.get<CustomResourceDefinition>(c.resource(GROUP, 'customresourcedefinitions'), '', 'widgets.example.com')!;
const conditions = (c: FakeCluster, name: string): string[] =>
  (c.cache.get<CustomResourceDefinition>(c.resource(GROUP, 'customresourcedefinitions'), '', name)?.status?.conditions ?? []).map((x) => `${x.type}=${x.status}`); // prettier-ignore

describe('definitions', () => {
  it('get their names, then are served and established', async () => {
    const c = fakeCluster();
    const { kinds } = start(c);
    c.put(definition('widgets', 'Widget'));
    await kinds.settled();
    expect(conditions(c, 'widgets.example.com')).toEqual(['NamesAccepted=True', 'Established=True']);
    expect(lookup(c, 'widgets')?.kind).toBe('Widget');
    kinds.stop();
  });
  it('that are there already are served before anything is written', () => {
    const c = fakeCluster();
    c.put({
      ...definition('widgets', 'Widget'),
      status: { conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v1'] },
    });
    const kinds = startCustomKinds({
      ...c,
      compile: customResources,
      beginWatches: () => undefined,
      endWatches: () => undefined,
    });
    kinds.serveAll();
    expect(lookup(c, 'widgets')).toBeDefined();
    expect(c.writes).toEqual([]);
    kinds.stop();
  });
  it('with a name in use wait until it is free', async () => {
    const c = fakeCluster();
    const { kinds } = start(c);
    c.put(definition('widgets', 'Widget'));
    await kinds.settled();
    c.put(definition('gadgets', 'Widget'));
    await kinds.settled();
    expect(conditions(c, 'gadgets.example.com')).toEqual(['NamesAccepted=False', 'Established=False']);
    expect(lookup(c, 'gadgets')).toBeUndefined();
    c.remove(DEFINITIONS, '', 'widgets.example.com');
    await kinds.settled();
    expect(conditions(c, 'gadgets.example.com')).toEqual(['NamesAccepted=True', 'Established=True']);
    expect(lookup(c, 'gadgets')).toBeDefined();
    kinds.stop();
  });
  it('that are gone are served no more, and watches of them end', async () => {
    const c = fakeCluster();
    const { kinds, ended } = start(c);
    c.put(definition('widgets', 'Widget'));
    await kinds.settled();
    c.remove(DEFINITIONS, '', 'widgets.example.com');
    expect(lookup(c, 'widgets')).toBeUndefined();
    expect(ended).toEqual(['widgets']);
    kinds.stop();
  });
  it('that are deleted take their objects with them first', async () => {
    const c = fakeCluster();
    const { kinds } = start(c);
    c.put(definition('widgets', 'Widget'));
    await kinds.settled();
    c.put({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'a', namespace: 'n' } });
    const present = c.cache.get(c.resource(GROUP, 'customresourcedefinitions'), '', 'widgets.example.com')!;
    c.put({
      ...present,
      metadata: { ...present.metadata, deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: [CLEANUP] },
    });
    await kinds.settled();
    expect([...c.cache.list(lookup(c, 'widgets')!)]).toEqual([]);
    expect(c.writes.at(-1)).toBe('update customresourcedefinitions /widgets.example.com');
    kinds.stop();
  });
  it('whose objects wait for somebody wait, too', async () => {
    const c = fakeCluster();
    const { kinds } = start(c);
    c.put(definition('widgets', 'Widget'));
    await kinds.settled();
    const waiting = { name: 'a', namespace: 'n', deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: ['x/y'] };
    c.put({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: waiting });
    const present = c.cache.get(c.resource(GROUP, 'customresourcedefinitions'), '', 'widgets.example.com')!;
    const writes = c.writes.length;
    c.put({ ...present, metadata: { ...present.metadata, deletionTimestamp: '2020-01-01T00:00:00Z', finalizers: [CLEANUP] } }); // prettier-ignore
    await kinds.settled();
    // That it is being emptied, and, after more than a minute, that it cannot be.
    expect(c.writes).toHaveLength(writes + 2);
    expect(conditionOf(get(c), 'Terminating')?.reason).toBe('InstanceDeletionCheck');
    c.remove({ group: 'example.com', version: 'v1', resource: 'widgets' }, 'n', 'a');
    await c.simulation.advance(1_500);
    await kinds.settled();
    expect(c.writes.at(-1)).toBe('update customresourcedefinitions /widgets.example.com');
    kinds.stop();
  });
});
