import { afterEach, describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { ApiError } from '../../../schemas/meta/status.ts';
import type { Component } from '../../runtime/component.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods, storageClasses } from '../../runtime/resources.ts';
import { fakeApi, type FakeApi } from '../../runtime/testing/fake-api.ts';
import { testWorld, type TestWorld } from '../../runtime/testing/world.ts';
import { startScheduler } from '../actor.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { noBus } from '../testing/no-bus.ts';

let world: TestWorld;
let api: FakeApi;
let scheduler: Component;
const ready = async (): Promise<ReturnType<FakeApi['client']>> => {
  world = testWorld();
  api = fakeApi(world);
  scheduler = startScheduler({ world, bus: noBus, id: '1', client: api.client('scheduler') });
  const client = api.client();
  for (const name of ['a', 'b']) await client.create(nodes, aNode(name, { labels: { zone: name } }));
  await world.settle();
  return client;
};
afterEach(async () => {
  const stopping = scheduler.stop();
  await world.settle();
  await stopping;
});

const user = (name: string, ...claims: string[]): Pod =>
  aPod(name, {
    spec: { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
  });
const COMPLETED = { 'pv.kubernetes.io/bind-completed': 'yes' };
const claim = (name: string, spec: object = {}, more: object = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'late',
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
  ...more,
});
const volume = (name: string, zone?: string, spec: object = {}): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'late',
    ...(zone && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: [zone] }] }] } } }),
    ...spec,
  },
  status: { phase: 'Available' },
}); // prettier-ignore
const late = (provisioner = 'kubernetes.io/no-provisioner', more: object = {}): StorageClass =>
  ({ apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'late' }, provisioner, volumeBindingMode: 'WaitForFirstConsumer', ...more }); // prettier-ignore
const bound = (name: string, volumeName: string): PersistentVolumeClaim =>
  claim(name, { volumeName }, { metadata: { name, namespace: 'default', annotations: COMPLETED } });
const nodeOf = (name: string): string | undefined => api.object<Pod>(pods, `default/${name}`)?.spec?.nodeName;
const why = (name: string): string | undefined =>
  api.object<Pod>(pods, `default/${name}`)?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
const get = <T extends KubeObject>(name: string): T =>
  (api.object(persistentVolumes, name) ?? api.object(persistentVolumeClaims, `default/${name}`)) as unknown as T;
/** What the binder does once the scheduler has promised a volume. */
async function finish(client: ReturnType<FakeApi['client']>, name: string, volumeName: string): Promise<void> {
  const now = get<PersistentVolumeClaim>(name);
  await client.update(persistentVolumeClaims, { ...now, metadata: { ...now.metadata, annotations: { ...now.metadata.annotations, ...COMPLETED } }, spec: { ...now.spec, volumeName } });
} // prettier-ignore

describe('a pod whose claims are bound at once', () => {
  it.each<[string, PersistentVolumeClaim | undefined, string]>([
    ['there', undefined, 'persistentvolumeclaim "c" not found. not found'],
    ['bound', claim('c', { storageClassName: '' }), 'pod has unbound immediate PersistentVolumeClaims. not found'],
    ['safe', { ...claim('c', { volumeName: 'v' }), status: { phase: 'Lost' } }, 'persistentvolumeclaim "c" bound to non-existent persistentvolume "v". not found'],
    ['with its volume', bound('c', 'v'), 'persistentvolume "v" not found. not found'],
  ])('waits until they are %s', async (_, object, reason) => {
    const client = await ready();
    if (object) await client.create(persistentVolumeClaims, object);
    await client.create(pods, user('p', 'c'));
    await world.advance(50);
    expect(nodeOf('p')).toBeUndefined();
    expect(why('p')).toBe(`0/2 nodes are available: ${reason}`);
    await client.create(persistentVolumes, volume('v', 'b'));
    if (object) await client.delete(persistentVolumeClaims, 'c', 'default');
    await client.create(persistentVolumeClaims, bound('c', 'v'));
    await world.until(() => nodeOf('p') === 'b', 5_000);
  }); // prettier-ignore
  it('goes where the volume is', async () => {
    const client = await ready();
    await client.create(persistentVolumes, volume('v', 'b'));
    await client.create(persistentVolumes, volume('w', 'a'));
    for (const [name, v] of [['c', 'v'], ['d', 'w']] as const) await client.create(persistentVolumeClaims, bound(name, v));
    await client.create(pods, user('p', 'c'));
    await client.create(pods, user('q', 'c', 'd'));
    await world.until(() => nodeOf('p') === 'b');
    expect(why('q')).toContain("2 node(s) didn't match PersistentVolume's node affinity");
  }); // prettier-ignore
  it('waits for the claim that is to be made for it, and for no other of that name', async () => {
    const client = await ready();
    const pod = aPod('p', { spec: { volumes: [{ name: 'v', ephemeral: { volumeClaimTemplate: { spec: {} } } }] } });
    const made = await client.create(pods, pod);
    await world.advance(50);
    expect(why('p')).toContain('waiting for ephemeral volume controller to create the persistentvolumeclaim "p-v"');
    await client.create(persistentVolumes, volume('x'));
    await client.create(persistentVolumeClaims, bound('p-v', 'x'));
    await world.advance(2_000);
    expect(why('p')).toContain('PVC default/p-v was not created for pod default/p (pod is not owner)');
    const now = get<PersistentVolumeClaim>('p-v');
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: made.metadata.uid!, controller: true }];
    await client.update(persistentVolumeClaims, { ...now, metadata: { ...now.metadata, ownerReferences } });
    await world.until(() => nodeOf('p') !== undefined, 10_000);
  });
});

describe('a pod whose claims wait for it', () => {
  it('is given a volume that its node can reach, the smallest, and bound when the volume is', async () => {
    const client = await ready();
    await client.create(storageClasses, late());
    await client.create(persistentVolumes, volume('large', 'b', { capacity: { storage: '9Gi' } }));
    await client.create(persistentVolumes, volume('small', 'b'));
    await client.create(persistentVolumeClaims, claim('c'));
    await client.create(pods, user('p', 'c'));
    await world.advance(1_000);
    const { uid } = get('c').metadata;
    expect(get<PersistentVolume>('small').spec?.claimRef).toMatchObject({ namespace: 'default', name: 'c', uid });
    expect(get('small').metadata.annotations).toEqual({ 'pv.kubernetes.io/bound-by-controller': 'yes' });
    expect(nodeOf('p')).toBeUndefined();
    await finish(client, 'c', 'small');
    await world.until(() => nodeOf('p') === 'b', 1_000);
  });
  it('shares no volume with another', async () => {
    const client = await ready();
    await client.create(storageClasses, late());
    for (const name of ['v1', 'v2']) await client.create(persistentVolumes, volume(name));
    for (const name of ['c1', 'c2', 'c3']) await client.create(persistentVolumeClaims, claim(name));
    for (const n of [1, 2, 3]) await client.create(pods, user(`p${n}`, `c${n}`));
    await world.advance(100);
    expect(['v1', 'v2'].map((v) => get<PersistentVolume>(v).spec?.claimRef?.name).sort()).toEqual(['c1', 'c2']);
    expect(why('p3')).toContain("2 node(s) didn't find available persistent volumes to bind");
    await client.create(persistentVolumes, volume('v3'));
    await world.until(() => get<PersistentVolume>('v3').spec?.claimRef?.name === 'c3', 10_000);
  });
  it('has its volume made where it goes, in a place that the class allows', async () => {
    const client = await ready();
    const allowedTopologies = [{ matchLabelExpressions: [{ key: 'zone', values: ['b'] }] }];
    await client.create(storageClasses, late('x.io/disks', { allowedTopologies }));
    await client.create(persistentVolumeClaims, claim('c'));
    await client.create(pods, user('p', 'c'));
    await client.create(pods, user('q', 'c'));
    await world.until(() => get('c').metadata.annotations?.['volume.kubernetes.io/selected-node'] === 'b');
    await world.advance(60_000);
    expect(nodeOf('p')).toBeUndefined();
    await client.create(persistentVolumes, volume('made', 'b'));
    await finish(client, 'c', 'made');
    await world.until(() => nodeOf('p') === 'b' && nodeOf('q') === 'b', 10_000);
  });
  it('is tried elsewhere when its volume cannot be made there', async () => {
    const client = await ready();
    await client.create(storageClasses, late('x.io/disks'));
    await client.create(persistentVolumeClaims, claim('c'));
    await client.create(pods, user('p', 'c'));
    await world.until(() => get('c').metadata.annotations?.['volume.kubernetes.io/selected-node'] !== undefined);
    await world.advance(100);
    const now = get<PersistentVolumeClaim>('c');
    await client.update(persistentVolumeClaims, { ...now, metadata: { ...now.metadata, annotations: {} } });
    await world.advance(100);
    expect(why('p')).toBe('running PreBind plugin "VolumeBinding": binding volumes: provisioning failed for PVC "c"');
    await world.until(() => get('c').metadata.annotations?.['volume.kubernetes.io/selected-node'] !== undefined, 5_000);
  });
  it('gives its volume back when it is deleted or told no, and takes ten minutes at most', async () => {
    const client = await ready();
    await client.create(storageClasses, late());
    await client.create(persistentVolumes, volume('v'));
    for (const name of ['c', 'd']) await client.create(persistentVolumeClaims, claim(name));
    api.intercept = ({ caller, verb, resource }) => {
      if (caller === 'scheduler' && verb === 'update' && resource === 'persistentvolumes')
        throw new ApiError('ServiceUnavailable', 'away');
    };
    await client.create(pods, user('p', 'c'));
    await world.advance(100);
    expect(why('p')).toContain('running PreBind plugin "VolumeBinding": ');
    await client.delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    api.intercept = undefined;
    await client.create(pods, user('q', 'd'));
    await world.until(() => get<PersistentVolume>('v').spec?.claimRef?.name === 'd', 5_000);
    await world.advance(599_000);
    expect(why('q')).toBeUndefined();
    await world.advance(2_000);
    expect(why('q')).toBe('running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded');
    await client.delete(pods, 'q', 'default', { gracePeriodSeconds: 0 });
    await world.advance(20_000);
  });
});
