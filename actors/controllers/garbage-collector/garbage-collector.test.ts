import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Deployment } from '../../../schemas/generated/apps-v1.ts';
import type { CustomResourceDefinition } from '../../../schemas/generated/apiextensions-v1.ts';
import type { Event, Pod } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject, OwnerReference } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import { createRegistry } from '../../../schemas/registry.ts';
import { customResourceDefinitions } from '../../runtime/kinds.ts';
import { configMaps, deployments, events, namespaces, pods, replicaSets, secrets } from '../../runtime/resources.ts';
import { testCluster, type TestCluster } from '../../runtime/testing/cluster.ts';
import { startDeploymentController } from '../deployment/actor.ts';
import { startReplicaSetController } from '../replicaset/actor.ts';
import { startGarbageCollector } from './actor.ts';

type Propagation = 'Background' | 'Foreground' | 'Orphan';
const owner = (o: KubeObject, block = false): OwnerReference => ({ apiVersion: o.apiVersion, kind: o.kind, name: o.metadata.name!, uid: o.metadata.uid!, ...(block && { blockOwnerDeletion: true }) }); // prettier-ignore
function setUp() {
  const c = testCluster();
  c.start(startGarbageCollector);
  const make = (name: string, owners: OwnerReference[] = [], o: { kind?: 'ConfigMap' | 'Secret'; namespace?: string; finalizers?: string[] } = {}) =>
    c.client.create(o.kind === 'Secret' ? secrets : configMaps, {
      apiVersion: 'v1', kind: o.kind ?? 'ConfigMap',
      metadata: { name, namespace: o.namespace ?? 'd', ownerReferences: owners, finalizers: o.finalizers },
    }); // prettier-ignore
  const names = (): string[] => [...c.list(configMaps), ...c.list(secrets)].map((o) => o.metadata.name!);
  const remove = (name: string, propagationPolicy: Propagation): Promise<void> => c.client.delete(configMaps, name, 'd', { propagationPolicy }); // prettier-ignore
  return { ...c, make, names, remove };
}

describe('background', () => {
  it('deletes dependents of dependents, over kinds', async () => {
    const { make, names, remove, quiet } = setUp();
    const a = await make('a');
    const b = await make('b', [owner(a)], { kind: 'Secret' });
    await make('c', [owner(b)]);
    await make('bystander');
    await quiet();
    await remove('a', 'Background');
    await quiet();
    expect(names()).toEqual(['bystander']);
  });
  it('keeps what has another owner, and takes the lost one off its list', async () => {
    const { api, make, remove, quiet } = setUp();
    const [a, b] = [await make('a'), await make('b')];
    await make('c', [owner(a), owner(b)]);
    await quiet();
    await remove('a', 'Background');
    await quiet();
    expect(api.object(configMaps, 'd/c')?.metadata.ownerReferences?.map((o) => o.name)).toEqual(['b']);
  });
  it('deletes what names an owner that never was, after asking', async () => {
    const { api, make, names, quiet } = setUp();
    await quiet();
    const ghost: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ghost', uid: 'ghost' } };
    await make('c', [owner(ghost)]);
    await quiet();
    expect(names()).toEqual([]);
    expect(api.calls).toContainEqual(expect.objectContaining({ caller: 'controller:garbage-collector', verb: 'get', name: 'ghost' })); // prettier-ignore
  });
  it('deletes what names an owner in another namespace', async () => {
    const { make, names, quiet } = setUp();
    const a = await make('a', [], { namespace: 'other' });
    await quiet();
    await make('c', [owner(a)]);
    await quiet();
    expect(names()).toEqual(['a']);
  });
  it('says so of an owner in another namespace', async () => {
    const { make, quiet, list } = setUp();
    const a: KubeObject = await make('a');
    await quiet();
    await make('c', [owner(a)], { namespace: 'e' });
    await quiet();
    expect(list<Event>(events)).toMatchObject([
      {
        metadata: { namespace: 'e' },
        involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'e', name: 'c' },
        type: 'Warning',
        reason: 'OwnerRefInvalidNamespace',
        message: `ownerRef [v1/ConfigMap, namespace: e, name: a, uid: ${a.metadata.uid}] does not exist in namespace "e"`,
        source: { component: 'garbage-collector-controller' },
      },
    ]);
  });
  it('believes of an owner that it is absent only where it has looked', async () => {
    const { make, names, quiet } = setUp();
    const ghost: KubeObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ghost', uid: 'ghost' } };
    await make('c', [owner(ghost)]);
    await quiet();
    await make('d', [{ ...owner(ghost), apiVersion: 'example.com/v1', kind: 'Unknown' }]);
    await make('e', [owner(ghost)]);
    await quiet();
    expect(names()).toEqual(['d']);
  });
  it('keeps what is owned by something of the cluster', async () => {
    const { client, make, names, quiet } = setUp();
    const ns = await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'd' } });
    await make('c', [owner(ns)]);
    await quiet();
    expect(names()).toEqual(['c']);
  });
  it('keeps what is owned by a kind that it does not know', async () => {
    const { make, names, quiet } = setUp();
    await make('c', [{ apiVersion: 'example.com/v1', kind: 'Widget', name: 'w', uid: 'w' }]);
    await quiet();
    expect(names()).toEqual(['c']);
  });
  it('does not delete what has found a new owner since', async () => {
    const { client, api, make, names, remove, quiet } = setUp();
    const [a, b] = [await make('a'), await make('b')];
    await make('c', [owner(a)]);
    await quiet();
    let done = false;
    api.intercept = async (call) => {
      if (done || call.caller !== 'controller:garbage-collector' || call.verb !== 'delete') return;
      done = true;
      await client.patch(configMaps, 'c', 'd', 'merge', { metadata: { ownerReferences: [owner(b)] } });
    };
    await remove('a', 'Background');
    await quiet();
    expect(done).toBe(true);
    expect(names()).toEqual(['b', 'c']);
  });
  it('does not delete what has found a new owner while the old one was looked up, though its cache knows', async () => {
    const { client, api, deps, make, names, quiet } = setUp();
    const b = await make('b');
    await quiet();
    let done = false;
    api.intercept = async ({ verb, name }) => {
      if (done || verb !== 'get' || name !== 'ghost') return;
      done = true;
      await client.patch(configMaps, 'c', 'd', 'merge', { metadata: { ownerReferences: [owner(b)] } });
      const seen = () => deps.informers.metadata(configMaps).get('d/c')?.metadata.ownerReferences?.[0]?.name === 'b';
      for (let i = 0; i < 1000 && !seen(); i++) await Promise.resolve();
      expect(seen()).toBe(true);
    };
    await make('c', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'ghost', uid: 'ghost' }]);
    await quiet();
    expect(done).toBe(true);
    expect(names()).toEqual(['b', 'c']);
  });
  it('finds after a restart what was lost while it was away', async () => {
    const c = testCluster();
    const a = await c.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'd' } }); // prettier-ignore
    await c.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'd', ownerReferences: [owner(a)] } }); // prettier-ignore
    await c.client.delete(configMaps, 'a', 'd');
    c.start(startGarbageCollector);
    await c.quiet();
    expect(c.list(configMaps)).toEqual([]);
  });
});

describe('foreground', () => {
  it('keeps the owner until those that block it are gone', async () => {
    const { api, client, make, names, remove, quiet } = setUp();
    const a = await make('a');
    await make('b', [owner(a, true)], { finalizers: ['example.com/hold'] });
    await make('c', [owner(a, true)]);
    await make('free', [owner(a)], { finalizers: ['example.com/hold'] });
    await quiet();
    await remove('a', 'Foreground');
    await quiet();
    expect(names()).toEqual(['a', 'b', 'free']);
    expect(api.object(configMaps, 'd/b')?.metadata.deletionTimestamp).toBeDefined();
    await client.patch(configMaps, 'b', 'd', 'merge', { metadata: { finalizers: null } });
    await quiet();
    expect(names()).toEqual(['free']);
  });
  it('goes depth first', async () => {
    const { make, names, remove, quiet, client } = setUp();
    const a = await make('a');
    const b = await make('b', [owner(a, true)]);
    await make('c', [owner(b, true)], { finalizers: ['example.com/hold'] });
    await quiet();
    await remove('a', 'Foreground');
    await quiet();
    expect(names()).toEqual(['a', 'b', 'c']);
    await client.patch(configMaps, 'c', 'd', 'merge', { metadata: { finalizers: null } });
    await quiet();
    expect(names()).toEqual([]);
  });
  it('gets out of a circle', async () => {
    const { client, make, names, remove, quiet } = setUp();
    const a = await make('a');
    const b = await make('b', [owner(a, true)]);
    await client.patch(configMaps, 'a', 'd', 'merge', { metadata: { ownerReferences: [owner(b, true)] } });
    await quiet();
    await remove('a', 'Foreground');
    await quiet();
    expect(names()).toEqual([]);
  });
});

it('does not wait for ever for a kind that cannot be listed', async () => {
  const c = testCluster();
  c.api.intercept = ({ verb, resource }) => {
    if (verb === 'watch' && resource === 'leases') throw new ApiError('InternalError', 'broken');
  };
  const a = await c.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', namespace: 'd' } }); // prettier-ignore
  await c.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'b', namespace: 'd', ownerReferences: [owner(a)] } }); // prettier-ignore
  const [gc] = c.start(startGarbageCollector);
  await c.world.advance(29_000);
  expect(gc!.state()).toBe('waitingForSync');
  await c.world.advance(2_000);
  await c.client.delete(configMaps, 'a', 'd');
  await c.quiet();
  expect(c.list(configMaps)).toEqual([]);
});

it('orphans: sets dependents free, then goes', async () => {
  const { api, make, names, remove, quiet } = setUp();
  const [a, other] = [await make('a'), await make('other')];
  await make('b', [owner(a, true), owner(other)]);
  await make('c', [owner(a)]);
  await quiet();
  await remove('a', 'Orphan');
  await quiet();
  expect(names()).toEqual(['b', 'c', 'other']);
  expect(api.object(configMaps, 'd/b')?.metadata.ownerReferences?.map((o) => o.name)).toEqual(['other']);
});

describe('with its neighbours', () => {
  const labels = { app: 'web' };
  const web: Deployment = {
    apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace: 'd' },
    spec: { replicas: 20, selector: { matchLabels: labels }, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }, template: { metadata: { labels }, spec: { containers: [] } } },
  }; // prettier-ignore
  const left = (c: TestCluster): number =>
    [deployments, replicaSets, pods].reduce((n, gvr) => n + c.list(gvr).length, 0);
  it.each(['Background', 'Foreground'] as const)(
    'cascades from a Deployment to its pods: %s',
    async (propagationPolicy) => {
      const c = testCluster();
      c.start(startGarbageCollector, startReplicaSetController, startDeploymentController);
      c.runPods();
      await c.client.create(deployments, web);
      await c.quiet();
      expect(c.list<Pod>(pods)).toHaveLength(20);
      await c.client.delete(deployments, 'web', 'd', { propagationPolicy });
      await c.world.until(() => left(c) === 0, 5_000);
      expect(c.api.calls.filter((x) => x.verb === 'create' && x.resource === 'pods')).toHaveLength(20);
    },
  );
  it('knows kinds that come at run time', async () => {
    const c = testCluster();
    const widgets = { group: 'example.com', version: 'v1', resource: 'widgets' };
    const like = createRegistry().lookup(configMaps)!;
    c.api.registry.add({ ...like, ...widgets, kind: 'Widget', storagePrefix: '/registry/example.com/widgets/', storageVersion: 'example.com/v1' }); // prettier-ignore
    c.start(startGarbageCollector);
    await c.quiet();
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgets.example.com' },
      spec: { group: 'example.com', scope: 'Namespaced', names: { plural: 'widgets', kind: 'Widget' }, versions: [{ name: 'v1', served: true, storage: true }] },
      status: { conditions: [{ type: 'Established', status: 'True' }] },
    } as unknown as CustomResourceDefinition; // prettier-ignore
    await c.client.create(customResourceDefinitions, crd);
    const w = await c.client.create(widgets, { apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'w', namespace: 'd' } }); // prettier-ignore
    await c.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c', namespace: 'd', ownerReferences: [owner(w)] } }); // prettier-ignore
    await c.quiet();
    expect(c.list(configMaps)).toHaveLength(1);
    await c.client.delete(widgets, 'w', 'd');
    await c.quiet();
    expect(c.list(configMaps)).toEqual([]);
    const before = c.api.openWatches;
    await c.client.delete(customResourceDefinitions, 'widgets.example.com');
    await c.quiet();
    expect(c.api.openWatches).toBe(before - 1);
    await c.client.create(customResourceDefinitions, crd);
    await c.quiet();
    expect(c.api.openWatches).toBe(before);
  });
});

it('leaves nothing that is lost and deletes nothing that is not, whatever the graph', async () => {
  const edges = fc.uniqueArray(fc.tuple(fc.nat(11), fc.nat(11), fc.boolean()).filter(([a, b]) => a < b), { maxLength: 25, selector: ([a, b]) => a * 12 + b }); // prettier-ignore
  const deletions = fc.uniqueArray(fc.tuple(fc.nat(11), fc.constantFrom<Propagation>('Background', 'Foreground')), { minLength: 1, maxLength: 5, selector: ([i]) => i }); // prettier-ignore
  await fc.assert(
    fc.asyncProperty(edges, deletions, async (owns, gone) => {
      const { make, names, remove, quiet } = setUp();
      const objects: KubeObject[] = [];
      for (let i = 0; i < 12; i++)
        objects.push(await make(`n${i}`, owns.filter(([, to]) => to === i).map(([from, , block]) => owner(objects[from]!, block)))); // prettier-ignore
      await quiet();
      for (const [i, policy] of gone) await remove(`n${i}`, policy).catch(() => undefined);
      await quiet();
      await quiet();
      // What was deleted, and then whatever had owners and has none left. (Without foreground an owner's end is seen at
      // once; with it, what has no owner that stays goes too.)
      const dead = new Set(gone.map(([i]) => i));
      for (let i = 0; i < 12; i++) {
        const owners = owns.filter(([, to]) => to === i).map(([from]) => from);
        if (owners.length > 0 && owners.every((o) => dead.has(o))) dead.add(i);
      }
      expect(names().sort()).toEqual(objects.flatMap((o, i) => (dead.has(i) ? [] : [o.metadata.name!])).sort());
    }),
    { numRuns: 25 },
  );
}, 60_000);
