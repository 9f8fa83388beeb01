import { expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { VolumeAttributesClass } from '../../../schemas/generated/storage-v1.ts';
import { persistentVolumeClaims, persistentVolumes, volumeAttributesClasses } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startVolumeAttributesClassProtection } from './actor.ts';

const FINALIZER = 'kubernetes.io/vac-protection';
const gold: VolumeAttributesClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'VolumeAttributesClass',
  metadata: { name: 'gold' },
  driverName: 'x.io',
};
const claim = (spec: object, status: object = {}): PersistentVolumeClaim =>
  ({ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'd' }, spec, status }); // prettier-ignore

it.each<[string, PersistentVolumeClaim]>([
  ['wants', claim({ volumeAttributesClassName: 'gold' })],
  ['has', claim({}, { currentVolumeAttributesClassName: 'gold' })],
  ['is on the way to', claim({}, { modifyVolumeStatus: { targetVolumeAttributesClassName: 'gold', status: 'Pending' } })],
])('a class stays while a claim %s it, and while a volume does', async (_, user) => {
  const c = testCluster();
  c.start(startVolumeAttributesClassProtection);
  const now = (): VolumeAttributesClass | undefined => c.api.object(volumeAttributesClasses, 'gold');
  const volume: PersistentVolume = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' }, spec: { volumeAttributesClassName: 'gold' } };
  await c.client.create(volumeAttributesClasses, gold);
  await c.quiet();
  expect(now()?.metadata.finalizers).toEqual([FINALIZER]);
  await c.client.create(persistentVolumeClaims, user);
  await c.client.create(persistentVolumes, volume);
  await c.quiet();
  await c.client.delete(volumeAttributesClasses, 'gold');
  await c.client.delete(persistentVolumeClaims, 'c', 'd');
  await c.quiet();
  expect(now()).toBeDefined();
  const { metadata } = c.api.object<PersistentVolume>(persistentVolumes, 'v')!;
  await c.client.update(persistentVolumes, { ...volume, metadata, spec: {} });
  await c.quiet();
  expect(now()).toBeUndefined();
}); // prettier-ignore
