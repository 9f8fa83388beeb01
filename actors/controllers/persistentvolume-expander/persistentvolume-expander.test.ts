import { expect, it } from 'vitest';
import type { Event, PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { events, persistentVolumeClaims, persistentVolumes } from '../../runtime/resources.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startPersistentVolumeExpander } from './actor.ts';

const RESIZER = 'volume.kubernetes.io/storage-resizer';
async function setUp(source: object) {
  const c = testCluster();
  c.start(startPersistentVolumeExpander);
  const claim = await c.client.create<PersistentVolumeClaim>(persistentVolumeClaims, {
    apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'c', namespace: 'd' },
    spec: { volumeName: 'v', resources: { requests: { storage: '1Gi' } } },
    status: { phase: 'Bound', capacity: { storage: '1Gi' } },
  });
  await c.client.create<PersistentVolume>(persistentVolumes, {
    apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'v' },
    spec: { claimRef: { namespace: 'd', name: 'c', uid: claim.metadata.uid }, ...source },
  });
  await c.quiet();
  const now = (): PersistentVolumeClaim => c.api.object(persistentVolumeClaims, 'd/c')!;
  const grow = (storage: string) => c.client.update(persistentVolumeClaims, { ...now(), spec: { ...now().spec, resources: { requests: { storage } } } });
  const told = (): string[] => c.list<Event>(events).map((e) => `${e.type} ${e.reason} ${e.message}`);
  return { ...c, now, grow, told };
} // prettier-ignore

it('tells a claim that grows who sees to it, once a change', async () => {
  const c = await setUp({ csi: { driver: 'x.io', volumeHandle: 'h' } });
  expect(c.told()).toEqual([]);
  await c.grow('2Gi');
  await c.quiet();
  expect(c.told()).toEqual(['Normal ExternalExpanding waiting for an external controller to expand this PVC']);
  const revision = c.api.revision;
  await c.world.advance(600_000);
  expect(c.api.revision).toBe(revision);
});
it('hands a volume whose plugin became a driver to that driver', async () => {
  const c = await setUp({ gcePersistentDisk: { pdName: 'x' } });
  await c.grow('2Gi');
  await c.quiet();
  expect(c.told()).toEqual([
    'Normal ExternalExpanding CSI migration enabled for kubernetes.io/gce-pd; waiting for external resizer to expand the pvc',
  ]);
  expect(c.now().metadata.annotations).toEqual({ [RESIZER]: 'pd.csi.storage.gke.io' });
});
it('says nothing of a volume that is another claim\'s', async () => {
  const c = await setUp({ claimRef: { namespace: 'd', name: 'c', uid: 'other' } });
  await c.grow('2Gi');
  await c.quiet();
  expect(c.told()).toEqual([]);
}); // prettier-ignore
