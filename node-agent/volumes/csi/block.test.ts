import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../../actors/runtime/resources.ts';
import type { VolumeBench } from '../testing/bench.ts';
import { CAN } from './protocol.ts';
import { csiBenchForEach, USES, type CsiBench } from './testing/bench.ts';
import type { FakeDriver } from './testing/fake-driver.ts';
import { attachmentName } from './volume-data.ts';

let b: VolumeBench;
let c: CsiBench;
csiBenchForEach((volumes, csi) => ([b, c] = [volumes, csi]));
const methods = (one: FakeDriver): string[] => one.calls.map(([method]) => method);
const folder = (...path: string[]): string => join(b.root, 'plugins', 'kubernetes.io', 'csi', 'volumeDevices', ...path);
const link = (pod: Pod): string => join(b.host.pods, pod.metadata.uid!, 'volumeDevices', 'kubernetes.io~csi', 'pv');
const containers = (more: object) => [{ name: 'main', image: 'i', ...more }];
const podOf = (name: string, readOnly = false): Pod =>
  b.pod(name, {
    volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'c', readOnly } }],
    containers: containers({ volumeDevices: [{ name: 'v', devicePath: '/dev/xvda' }] }),
  });
const devicesOf = (pod: Pod) => b.parts.mountsOf(pod, pod.spec!.containers[0]!, new AbortController().signal);
/** As drivers do: a file that is the device. */
const puts = (request: Record<string, unknown>): Record<string, unknown> => {
  writeFileSync(request['targetPath'] as string, 'the device');
  return {};
};
const ready = async (): Promise<FakeDriver> => {
  const one = await c.registered();
  one.instead.set('publish', puts);
  await c.object({ attachRequired: false, podInfoOnMount: true });
  await c.bound({ volumeMode: 'Block' });
  return one;
};
const left = async (path: string): Promise<string[]> => (existsSync(path) ? readdir(path, { recursive: true }) : []);

describe('a volume that is a device', () => {
  it('is staged once for all pods, published and bound for each, and taken off with the last', async () => {
    const one = await ready();
    const [p, q] = [podOf('p'), podOf('q', true)];
    await b.mounted(p);
    const capability = { block: {}, accessMode: { mode: 1 } };
    const target = folder('publish', 'pv', 'uid-p');
    expect(one.calls).toMatchObject([
      ['stage', { volumeId: 'h', stagingTargetPath: folder('staging', 'pv'), volumeCapability: capability, volumeContext: { a: 'b' } }],
      ['publish', { stagingTargetPath: folder('staging', 'pv'), targetPath: target, volumeCapability: capability, volumeContext: { a: 'b', 'csi.storage.k8s.io/pod.name': 'p' } }],
    ]);
    expect(one.calls[0]![1]['volumeCapability']).not.toHaveProperty('mount.fsType', 'ext4');
    const bound = folder('pv', 'dev', 'uid-p');
    expect(b.mounts.all).toMatchObject([{ source: target, path: bound }]);
    expect([await readlink(link(p)), b.host.held.has(bound)]).toEqual([target, true]);
    expect(b.told('SuccessfulMountVolume')).toEqual([
      `MapVolume.MapPodDevice succeeded for volume "pv" globalMapPath "${folder('pv', 'dev')}"`,
      `MapVolume.MapPodDevice succeeded for volume "pv" volumeMapPath "${join(link(p), '..')}"`,
    ]);
    await b.mounted(q);
    const device = { hostPath: link(p), containerPath: '/dev/xvda', isDevice: true };
    expect([await devicesOf(p), await devicesOf(q)]).toMatchObject([[{ ...device, readOnly: false }], [{ ...device, hostPath: link(q), readOnly: true }]]);
    one.calls.length = 0;
    await b.ended(p);
    expect(one.calls).toMatchObject([['unpublish', { volumeId: 'h', targetPath: target }]]);
    expect([b.mounts.all.length, [...b.host.held.keys()], await readdir(join(b.host.pods, 'uid-p'))]).toEqual([1, [folder('pv', 'dev', 'uid-q')], []]);
    one.instead.set('unpublish', () => { throw Object.assign(new Error('no'), { code: 13, details: 'still there' }); });
    expect(await b.ended(q, 3_000)).toBe(false);
    expect(existsSync(folder('pv', 'data', 'vol_data.json'))).toBe(true);
    one.instead.clear();
    // Of drivers one may expect that they take away what they put there.
    await b.until(() => methods(one).includes('unstage'));
    expect(one.calls.at(-1)).toMatchObject(['unstage', { volumeId: 'h', stagingTargetPath: folder('staging', 'pv') }]);
    await b.until(() => b.disk.whenUnmounted('uid-q') === undefined);
    expect([b.mounts.all, b.host.held.size]).toEqual([[], 0]);
  }); // prettier-ignore
  it('leaves nothing', async () => {
    const one = await ready();
    const p = podOf('p');
    await b.mounted(p);
    one.instead.set('unpublish', ({ targetPath }) => {
      rmSync(targetPath as string);
      return {};
    });
    await b.ended(p);
    expect(await left(folder())).toEqual(['publish', 'staging']);
    expect(await readdir(join(b.host.pods, 'uid-p'))).toEqual([]);
  });
  it('is taken off by a kubelet that has not put it there, and found again by one whose pod runs on', async () => {
    const one = await ready();
    const p = podOf('p');
    await b.mounted(p);
    b = b.restarted();
    b.disk.adopt(p);
    await b.until(() => b.disk.mountedOf('uid-p').size === 1);
    // Bound it was already; only what keeps it open is new.
    expect([b.mounts.all.length, b.host.held.size]).toEqual([1, 1]);
    b = b.restarted();
    one.calls.length = 0;
    await b.disk.open(() => false);
    await b.until(async () => (await readdir(b.host.pods)).length === 0);
    expect([methods(one), b.mounts.all]).toEqual([['unpublish', 'unstage'], []]);
  });
  it('is told of as larger by its device', async () => {
    const one = await ready();
    const status = { capacity: { storage: '1Gi' }, allocatedResourceStatuses: { storage: 'NodeResizePending' } };
    await b.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { capacity: { storage: '2Gi' }, claimRef: { namespace: 'default', name: 'c' } } }); // prettier-ignore
    await b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { status }, { subresource: 'status' });
    await b.mounted(podOf('p'));
    expect(one.calls.at(-1)).toMatchObject(['expand', { volumePath: folder('publish', 'pv', 'uid-p'), stagingTargetPath: folder('staging', 'pv'), volumeCapability: { block: {} } }]); // prettier-ignore
    expect(b.api.object<PersistentVolumeClaim>(persistentVolumeClaims, 'default/c')?.status?.capacity).toEqual({ storage: '2Gi' }); // prettier-ignore
  });
});

describe('where it cannot be had', () => {
  const failsWith = async (message: string, reason = 'FailedMapVolume'): Promise<void> => {
    b.begin(podOf('p'));
    await b.until(() => b.told(reason).length > 0);
    expect(b.told(reason)[0]).toBe(message);
  };
  const refuse = (): never => {
    throw Object.assign(new Error('no'), { code: 13, details: 'boom' });
  };
  it('its driver’s words are told, and nothing of it is left', async () => {
    const one = await ready();
    one.instead.set('stage', refuse);
    await failsWith('MapVolume.SetUpDevice failed for volume "pv" : rpc error: code = Internal desc = boom');
    expect(await left(folder())).toEqual(['staging']);
    one.instead.delete('stage');
    await b.until(() => b.disk.mountedOf('uid-p').size === 1);
  });
  it('a pod that goes while nobody knows whether it has it is told to the driver all the same', async () => {
    const one = await ready();
    one.instead.set('publish', () => {
      throw Object.assign(new Error('no'), { code: 4, details: 'boom' });
    });
    await failsWith('MapVolume.MapPodDevice failed for volume "pv" : rpc error: code = DeadlineExceeded desc = boom');
    await b.ended(podOf('p'));
    expect(methods(one).slice(-2)).toEqual(['unpublish', 'unstage']);
    expect(await readdir(join(b.host.pods, 'uid-p'))).toEqual([]);
  });
  it('a driver that puts nothing there is told of', async () => {
    const one = await ready();
    one.instead.clear();
    await failsWith(`MapVolume.EvalHostSymlinks failed for volume "pv" : lstat ${folder('publish', 'pv', 'uid-p')}: no such file or directory`); // prettier-ignore
  });
  it('it waits for its driver', async () => {
    await c.object({ attachRequired: false });
    await c.bound({ volumeMode: 'Block' });
    await failsWith('MapVolume.SetUpDevice failed for volume "pv" : kubernetes.io/csi: blockMapper.SetUpDevice failed to get CSI client: driver name x.io not found in the list of registered CSI drivers'); // prettier-ignore
    (await c.driver()).instead.set('publish', puts);
    await b.until(() => b.disk.mountedOf('uid-p').size === 1);
  });
  it('it waits until it is attached', async () => {
    await c.registered();
    await c.bound({ volumeMode: 'Block' });
    const id = attachmentName('h', 'x.io', 'n1');
    await failsWith(`MapVolume.SetUpDevice failed for volume "pv" : kubernetes.io/csi: blockMapper.SetupDevice failed to get volume attachment [id=${id}]: volumeattachments "${id}" not found`); // prettier-ignore
  });
  it.each(['Stage', 'Publish'] as const)('a Secret for Node%sVolume that is missing is named', async (what) => {
    const ref = { name: 's', namespace: 'd' };
    const one = await ready();
    await b.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { csi: { [`node${what}SecretRef`]: ref } } }); // prettier-ignore
    const [step, by] = what === 'Stage' ? ['SetUpDevice', ''] : ['MapPodDevice', 'blockMapper.publishVolumeForBlock '];
    await failsWith(`MapVolume.${step} failed for volume "pv" : kubernetes.io/csi: ${by}failed to get Node${what}SecretRef d/s: kubernetes.io/csi: failed to find the secret s in the namespace d with error: secrets "s" not found`); // prettier-ignore
    expect(methods(one)).not.toContain(what.toLowerCase());
  });
  it('a pod that wants it as files is told so, and the other way round', async () => {
    await ready();
    const unfit = (mode: string, field: string) =>
      `Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: volume v has volumeMode ${mode}, but is specified in ${field}`;
    b.begin(b.pod('p', { ...USES, containers: containers({ volumeMounts: [{ name: 'v', mountPath: '/v' }] }) }));
    await b.until(() => b.told().length > 0);
    await b.ended(podOf('p'));
    await b.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { volumeMode: 'Filesystem' } });
    b.begin(podOf('q'));
    await b.until(() => b.told().length > 1);
    expect(b.told()).toEqual([unfit('Block', 'volumeMounts'), unfit('Filesystem', 'volumeDevices')]);
  });
});

it('a driver that does not stage is handed the device’s folder all the same', async () => {
  const one = await c.driver();
  one.can.delete(CAN.stage);
  one.instead.set('publish', puts);
  await c.object({ attachRequired: false });
  await c.bound({ volumeMode: 'Block' });
  const p = podOf('p');
  await b.mounted(p);
  expect(one.calls).toMatchObject([['publish', { stagingTargetPath: folder('staging', 'pv') }]]);
  await b.ended(p);
  expect(methods(one)).toEqual(['publish', 'unpublish']);
});
