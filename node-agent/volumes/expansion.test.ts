import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim } from '../../schemas/generated/core-v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../actors/runtime/resources.ts';
import { csiBenchForEach, USES, type CsiBench } from './csi/testing/bench.ts';
import { CAN } from './csi/protocol.ts';
import type { FakeDriver } from './csi/testing/fake-driver.ts';
import type { VolumeBench } from './testing/bench.ts';

let b: VolumeBench;
let c: CsiBench;
csiBenchForEach((volumes, csi) => ([b, c] = [volumes, csi]));
const CLAIM = { namespace: 'default', name: 'c' };
const claim = (): PersistentVolumeClaim => b.api.object(persistentVolumeClaims, 'default/c')!;
const says = (status: PersistentVolumeClaim['status'], spec?: object) =>
  b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { status, ...(spec !== undefined && { spec }) }, { subresource: 'status' }); // prettier-ignore
const grow = (storage: string) =>
  b.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { capacity: { storage } } });
const DONE = 'MountVolume.NodeExpandVolume succeeded for volume "pv" n1';
const tells = (reason: string, ...messages: string[]): Promise<void> =>
  b.until(() => messages.every((message) => b.told(reason).includes(message)), 130_000);

describe('a folder of the node', () => {
  beforeEach(async () => {
    await mkdir(join(b.root, 'data'));
    await b.bound({ accessModes: ['ReadWriteOnce'], local: { path: join(b.root, 'data') }, claimRef: CLAIM, capacity: { storage: '1Gi' } }); // prettier-ignore
    await says({ capacity: { storage: '1Gi' }, conditions: [{ type: 'Other', status: 'True' }] });
  });
  it('that has grown while a pod has it is said to have, once', async () => {
    await b.mounted(b.pod('p', USES));
    expect(b.told('FileSystemResizeSuccessful')).toEqual([]);
    await grow('2Gi');
    await b.until(() => claim().status?.capacity?.['storage'] === '2Gi', 130_000);
    await tells('FileSystemResizeSuccessful', DONE);
    const before = claim();
    await b.world.advance(200_000);
    expect([b.told('FileSystemResizeSuccessful'), claim()]).toEqual([[DONE, DONE], before]);
    expect(claim().status?.conditions).toEqual([{ type: 'Other', status: 'True' }]);
  });
  it('that has grown before a pod gets it is said to have by then', async () => {
    await grow('2Gi');
    await b.mounted(b.pod('p', USES));
    expect(claim().status?.capacity).toEqual({ storage: '2Gi' });
  });
  it('that a pod only reads stays as it is, which is said', async () => {
    await grow('2Gi');
    await b.mounted(
      b.pod('p', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c', readOnly: true } }] }),
    );
    await tells('FileSystemResizeFailed', 'MountVolume.NodeExpandVolume failed for volume "pv" requested read-only file system'); // prettier-ignore
    expect(claim().status?.capacity).toEqual({ storage: '1Gi' });
  });
});

describe('a volume whose resizer tells of its steps', () => {
  let one: FakeDriver;
  const ready = async (
    status: object,
    modes: ('ReadWriteOnce' | 'ReadWriteMany')[] = ['ReadWriteOnce'],
  ): Promise<void> => {
    one = await c.registered();
    await c.object({ attachRequired: false });
    await c.bound({ accessModes: modes, capacity: { storage: '2Gi' }, claimRef: CLAIM });
    await b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { spec: { accessModes: modes, resources: { requests: { storage: '2Gi' } } } }); // prettier-ignore
    await says({ capacity: { storage: '1Gi' }, allocatedResources: { storage: '2Gi' }, ...status });
  };
  const fails = (code: number): void =>
    void one.instead.set('expand', () => {
      throw Object.assign(new Error('no'), { code, details: 'boom' });
    });
  const expansions = (): number => one.calls.filter(([method]) => method === 'expand').length;

  it('waits for the node’s step, and then takes it', async () => {
    await ready({ allocatedResourceStatuses: { storage: 'ControllerResizeInProgress' } });
    await b.mounted(b.pod('p', USES));
    expect(expansions()).toBe(0);
    await says({ allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    await b.until(() => claim().status?.capacity?.['storage'] === '2Gi', 130_000);
    expect([expansions(), claim().status?.allocatedResourceStatuses]).toEqual([1, {}]);
  });
  it('that was refused says why in its claim, and is tried again', async () => {
    await ready({ allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    fails(13);
    b.begin(b.pod('p', USES));
    const why = 'Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = boom';
    await b.until(() => b.told().includes(`MountVolume.Setup failed while expanding volume for volume "pv" : ${why}`));
    expect(claim().status).toMatchObject({
      allocatedResourceStatuses: { storage: 'NodeResizeInProgress' },
      conditions: [{ type: 'NodeResizeError', status: 'True', message: `failed to expand pvc with ${why}` }],
    });
    one.instead.clear();
    await b.until(() => claim().status?.capacity?.['storage'] === '2Gi');
    expect(claim().status?.conditions).toEqual([]);
  });
  it('that cannot be as large ever is given back to its resizer', async () => {
    await ready({ allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    fails(11);
    b.begin(b.pod('p', USES));
    await b.until(() => claim().status?.allocatedResourceStatuses?.['storage'] === 'NodeResizeInfeasible');
    expect(claim().status?.conditions).toMatchObject([{ type: 'NodeResizeError', message: 'failed to expand pvc with Expander.NodeExpand failed to expand the volume rpc error: code = OutOfRange desc = boom' }]); // prettier-ignore
  });
  it('is given back too where it failed before and its owner asks for another size by now', async () => {
    await ready({ allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    await b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { spec: { resources: { requests: { storage: '1536Mi' } } } }); // prettier-ignore
    fails(13);
    b.begin(b.pod('p', USES));
    await b.until(() => claim().status?.allocatedResourceStatuses?.['storage'] === 'NodeResizeInfeasible');
    expect(expansions()).toBe(2);
  });
  it('that does not grow while it is used starts its pod all the same', async () => {
    await ready({ allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    fails(9);
    await b.mounted(b.pod('p', USES));
    await b.world.advance(200_000);
    expect([expansions(), claim().status?.capacity]).toEqual([1, { storage: '1Gi' }]);
  });
  it('that fails while a pod has it leaves it to the pod, which is told', async () => {
    await ready({ allocatedResourceStatuses: {}, allocatedResources: null, capacity: { storage: '2Gi' } });
    await b.mounted(b.pod('p', USES));
    fails(13);
    await grow('3Gi');
    await says({ allocatedResources: { storage: '3Gi' }, allocatedResourceStatuses: { storage: 'NodeResizePending' } });
    await tells('VolumeResizeFailed', 'NodeExpandVolume.NodeExpandVolume failed for volume "pv" : Expander.NodeExpand failed to expand the volume : rpc error: code = Internal desc = boom'); // prettier-ignore
    expect(b.disk.mountedOf('uid-p').size).toBe(1);
  });
  it.each([
    ['ReadWriteMany', 1],
    ['ReadWriteOnce', 0],
  ] as const)('that another node has made larger grows on this one too where both may have it: %s', async (mode, times) => {
    await ready({ capacity: { storage: '1Gi' } }, [mode]);
    await b.mounted(b.pod('p', USES));
    await grow('3Gi');
    await says({ capacity: { storage: '3Gi' }, allocatedResources: { storage: '3Gi' } });
    await b.world.advance(1_000);
    const before = claim();
    await b.until(() => expansions() === times && b.host.sizes.get('uid-p/pv') === '3Gi', 130_000);
    expect(claim()).toEqual(before);
  }); // prettier-ignore
  it('of a driver that has nothing to do on the node is left alone where no step is told', async () => {
    one = await c.driver();
    one.can.delete(CAN.expand);
    await b.until(() => one.told.length > 0);
    await c.object({ attachRequired: false });
    await c.bound({ capacity: { storage: '2Gi' }, claimRef: CLAIM });
    await says({ capacity: { storage: '1Gi' } });
    await b.mounted(b.pod('p', USES));
    expect([expansions(), claim().status?.capacity]).toEqual([0, { storage: '1Gi' }]);
  });
});
