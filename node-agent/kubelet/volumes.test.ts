import { afterEach, describe, expect, it } from 'vitest';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../schemas/generated/core-v1.ts';
import { nodes, persistentVolumeClaims, persistentVolumes, pods } from '../../actors/runtime/resources.ts';
import { bench, type Bench } from './testing/kubelet.ts';

let b: Bench;
afterEach(() => b.stop());
const UNIQUE = 'kubernetes.io/csi/x.io^h';
const uses = (claimName: string) => ({ volumes: [{ name: 'data', persistentVolumeClaim: { claimName } }] });
const COMPLETED = { 'pv.kubernetes.io/bind-completed': 'yes' };
const client = () => b.api.client();
const bind = async (name: string, source: object): Promise<void> => {
  const metadata = { name, namespace: 'default', annotations: COMPLETED };
  await client().create<PersistentVolume>(persistentVolumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `v-${name}` }, spec: source });
  await client().create<PersistentVolumeClaim>(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata, spec: { volumeName: `v-${name}` }, status: { phase: 'Bound' } });
}; // prettier-ignore
const CSI = { csi: { driver: 'x.io', volumeHandle: 'h' } };
const attach = (...names: string[]) =>
  client().patch(nodes, 'n1', undefined, 'merge', { status: { volumesAttached: names.map((name) => ({ name, devicePath: '' })) } }, { subresource: 'status' }); // prettier-ignore
const phase = (name: string): string | undefined => b.pod(name)?.status?.phase;
const inUse = (): readonly string[] => b.node().status?.volumesInUse ?? [];

describe('a pod with claims', () => {
  it('starts once they are bound, and says why it does not', async () => {
    b = await bench();
    await b.run('p', uses('c'));
    await b.world.advance(130_000);
    expect(phase('p')).toBe('Pending');
    expect(b.told('p')).toContain('FailedMount: Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to process volumes=[data]: context deadline exceeded');
    await bind('c', { hostPath: { path: '/x' } });
    await b.world.until(() => phase('p') === 'Running', 15_000);
    expect(inUse()).toEqual([]);
  }); // prettier-ignore
  it('has those that a driver attaches in use before they are attached, and waits for that', async () => {
    b = await bench();
    await bind('c', CSI);
    await b.run('p', uses('c'));
    await b.world.until(() => inUse().length > 0);
    expect(inUse()).toEqual([UNIQUE]);
    await b.world.advance(10_000);
    expect(phase('p')).toBe('Pending');
    await attach(UNIQUE);
    await b.world.until(() => phase('p') === 'Running', 15_000);
    await b.run('q', uses('c'));
    await b.world.until(() => phase('q') === 'Running', 5_000);
    await client().delete(pods, 'p', 'default', { gracePeriodSeconds: 0 });
    await b.world.advance(5_000);
    expect(inUse()).toEqual([UNIQUE]);
    await client().delete(pods, 'q', 'default', { gracePeriodSeconds: 0 });
    await b.world.until(() => inUse().length === 0, 5_000);
  });
  it('can be deleted while it waits', async () => {
    b = await bench();
    await bind('c', CSI);
    await b.run('p', uses('c'));
    await b.world.until(() => inUse().length > 0);
    await client().delete(pods, 'p', 'default', { gracePeriodSeconds: 1 });
    await b.world.until(() => b.api.object<Pod>(pods, 'default/p') === undefined, 10_000);
    await b.world.until(() => inUse().length === 0, 5_000);
  });
});
it('a new kubelet clears what only the old one used', async () => {
  b = await bench();
  await client().patch(nodes, 'n1', undefined, 'merge', { status: { volumesInUse: [UNIQUE] } }, { subresource: 'status' }); // prettier-ignore
  await b.restart();
  await b.world.until(() => inUse().length === 0, 5_000);
});
it('pods without claims cost no request', async () => {
  b = await bench();
  await b.run('p');
  await b.world.until(() => phase('p') === 'Running');
  expect(b.api.calls.filter(({ resource }) => resource.startsWith('persistentvolume'))).toEqual([]);
});
