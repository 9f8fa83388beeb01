import { expect, it } from 'vitest';
import type { Event, Node, PersistentVolume, PersistentVolumeClaim } from '../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../schemas/generated/storage-v1.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import { events, nodes, persistentVolumeClaims, persistentVolumes, storageClasses } from '../runtime/resources.ts';
import { testCluster } from '../runtime/testing/cluster.ts';
import { localVolumes } from './actor.ts';
import { DEFAULT_CLASS, isOurs, provision } from './reconcile.ts';

const ASKED = { 'volume.kubernetes.io/storage-provisioner': 'kubus.dev/local' };
const ON_N1 = { ...ASKED, 'volume.kubernetes.io/selected-node': 'n1' };
async function setUp(annotations: Record<string, string> = ON_N1, spec: PersistentVolumeClaim['spec'] = {}) {
  const c = testCluster();
  const asked: string[] = [];
  const state: { refusal: ApiError | undefined } = { refusal: undefined };
  c.start((deps) =>
    localVolumes(deps, async (node, volume) => {
      asked.push(`${node} ${volume}`);
      if (state.refusal !== undefined) throw state.refusal;
    }),
  );
  await c.client.create<StorageClass>(storageClasses, DEFAULT_CLASS);
  await c.client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1', labels: { 'kubernetes.io/hostname': 'host-1' } } });
  const claim = await c.client.create<PersistentVolumeClaim>(persistentVolumeClaims, {
    apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'd', annotations },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: 'standard', ...spec },
  });
  await c.quiet();
  const volume = (): PersistentVolume | undefined => c.api.object(persistentVolumes, `pvc-${claim.metadata.uid}`);
  const told = (): string[] => c.list<Event>(events).map((e) => `${e.type} ${e.reason} ${e.message}`);
  return { ...c, claim, asked, state, volume, told };
} // prettier-ignore
const released = async (c: Awaited<ReturnType<typeof setUp>>): Promise<void> => {
  await c.client.patch(persistentVolumes, c.volume()!.metadata.name!, undefined, 'merge', { status: { phase: 'Released' } }, { subresource: 'status' }); // prettier-ignore
  await c.quiet();
};

it('a claim whose node is chosen gets a volume there, once', async () => {
  const c = await setUp();
  expect(c.volume()).toMatchObject({
    metadata: { annotations: { 'pv.kubernetes.io/provisioned-by': 'kubus.dev/local' } },
    spec: {
      capacity: { storage: '1Gi' },
      local: { path: `/run/kubus-node/local-volumes/pvc-${c.claim.metadata.uid}` },
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'standard',
      claimRef: { namespace: 'd', name: 'data', uid: c.claim.metadata.uid },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'kubernetes.io/hostname', operator: 'In', values: ['host-1'] }] }] } },
    },
  });
  expect(c.told()).toEqual([
    'Normal Provisioning External provisioner is provisioning volume for claim "d/data"',
    `Normal ProvisioningSucceeded Successfully provisioned volume pvc-${c.claim.metadata.uid}`,
  ]);
  await c.client.patch(persistentVolumeClaims, 'data', 'd', 'merge', { metadata: { labels: { a: 'b' } } });
  await c.quiet();
  expect(c.list(persistentVolumes)).toHaveLength(1);
}); // prettier-ignore
it.each([
  ['a device', ON_N1, { volumeMode: 'Block' as const }, 'block volumes are not supported'],
  ['several nodes', ON_N1, { accessModes: ['ReadWriteMany' as const] }, 'only ReadWriteOnce and ReadWriteOncePod access modes are supported'],
  ['certain volumes', ON_N1, { selector: {} }, 'claim.Spec.Selector is not supported'],
  ['no node', ASKED, {}, 'configuration error, no node was specified'],
])('a claim of %s is told why there is none for it', async (_, annotations, spec, why) => {
  const c = await setUp(annotations, spec);
  expect(c.volume()).toBeUndefined();
  expect(c.told()[0]).toBe(`Warning ProvisioningFailed failed to provision volume with StorageClass "standard": ${why}`);
}); // prettier-ignore
it('a node that is gone is not waited for: another is chosen', async () => {
  const c = await setUp({ ...ASKED, 'volume.kubernetes.io/selected-node': 'n9' });
  expect(c.volume()).toBeUndefined();
  const { metadata } = c.api.object<PersistentVolumeClaim>(persistentVolumeClaims, 'd/data')!;
  expect(metadata.annotations).toEqual(ASKED);
});
it('claims of others are left alone', () => {
  const claim = (annotations: Record<string, string>, spec: object = {}): PersistentVolumeClaim => ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'd', annotations }, spec });
  expect(isOurs(claim({ 'volume.kubernetes.io/storage-provisioner': 'x.io' }))).toBe(false);
  expect(isOurs(claim(ASKED, { volumeName: 'v' }))).toBe(false);
  expect(isOurs(claim(ASKED))).toBe(true);
  expect(provision(claim(ASKED), { ...DEFAULT_CLASS, provisioner: 'x.io' }, 'n')).toEqual([]);
}); // prettier-ignore

it('a volume that is released goes when its folder is gone, and not before', async () => {
  const c = await setUp();
  const name = c.volume()!.metadata.name!;
  c.state.refusal = new ApiError('Conflict', `volume ${name} is in use on the node`);
  await released(c);
  expect(c.volume()).toBeDefined();
  expect(c.told()).toContain(`Warning VolumeFailedDelete volume ${name} is in use on the node`);
  c.state.refusal = undefined;
  await c.world.advance(60_000);
  expect(c.volume()).toBeUndefined();
  expect(new Set(c.asked)).toEqual(new Set([`n1 ${name}`]));
});
it('a volume that is kept stays, and one whose node is gone goes', async () => {
  const c = await setUp();
  const name = c.volume()!.metadata.name!;
  await c.client.patch(persistentVolumes, name, undefined, 'merge', { spec: { persistentVolumeReclaimPolicy: 'Retain' } });
  await released(c);
  expect(c.asked).toEqual([]);
  await c.client.delete(nodes, 'n1');
  await c.client.patch(persistentVolumes, name, undefined, 'merge', { spec: { persistentVolumeReclaimPolicy: 'Delete' } });
  await c.quiet();
  expect([c.volume(), c.asked]).toEqual([undefined, []]);
}); // prettier-ignore
