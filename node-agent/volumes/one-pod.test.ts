import { writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PersistentVolume, Pod } from '../../schemas/generated/core-v1.ts';
import { persistentVolumeClaims, persistentVolumes } from '../../actors/runtime/resources.ts';
import { CAN } from './csi/protocol.ts';
import { csiBenchForEach, USES, type CsiBench } from './csi/testing/bench.ts';
import type { FakeDriver } from './csi/testing/fake-driver.ts';
import type { VolumeBench } from './testing/bench.ts';

let b: VolumeBench;
let c: CsiBench;
csiBenchForEach((volumes, csi) => ([b, c] = [volumes, csi]));
const WHY = 'volume uses the ReadWriteOncePod access mode and is already in use by another pod';
const REFUSED = `MountVolume.SetUp failed for volume "pv" : ${WHY}`;
const [first, second] = [(): Pod => b.pod('first', USES), (): Pod => b.pod('second', USES)];
const refusal = () => b.until(() => b.told().length + b.told('FailedMapVolume').length > 0);
async function driver(): Promise<FakeDriver> {
  await c.object({ attachRequired: false });
  return c.registered();
}
type Modes = NonNullable<NonNullable<PersistentVolume['spec']>['accessModes']>;
async function folderOf(accessModes: Modes): Promise<void> {
  await mkdir(join(b.root, 'data'));
  await b.bound({ accessModes, local: { path: join(b.root, 'data') } });
}

it('a volume of one pod is the first one’s until it is off it', async () => {
  await driver();
  await c.bound({ accessModes: ['ReadWriteOncePod'] });
  await b.mounted(first());
  const waiting = b.begin(second());
  await refusal();
  expect([b.told(), waiting.done]).toEqual([[REFUSED], false]);
  await b.ended(first());
  await b.until(() => waiting.done);
});
it('of two that come at once one has it', async () => {
  await folderOf(['ReadWriteOncePod']);
  const both = [b.begin(first()), b.begin(second())];
  await b.until(() => both.some(({ done }) => done));
  await refusal();
  expect([b.told(), both.filter(({ done }) => done).length]).toEqual([[REFUSED], 1]);
});
it('so too for a kubelet that comes later, and where the volume has another name by then', async () => {
  await driver();
  await c.bound({ accessModes: ['ReadWriteOncePod'] });
  await b.mounted(first());
  const { spec } = b.api.object<PersistentVolume>(persistentVolumes, 'pv')!;
  const other: PersistentVolume = { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: 'other' }, spec };
  await b.api.client().create(persistentVolumes, other);
  await b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { spec: { volumeName: 'other' } });
  b = b.restarted();
  b.begin(second());
  await refusal();
  expect(b.told()).toEqual([REFUSED.replace('pv', 'other')]);
});
it('a device is refused in its own words', async () => {
  (await driver()).instead.set('publish', ({ targetPath }) => {
    writeFileSync(targetPath as string, 'the device');
    return {};
  });
  await c.bound({ accessModes: ['ReadWriteOncePod'], volumeMode: 'Block' });
  const containers = [{ name: 'main', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }];
  const [one, two] = ['first', 'second'].map((name) => b.pod(name, { ...USES, containers }));
  await b.mounted(one!);
  const waiting = b.begin(two!);
  await refusal();
  expect(b.told('FailedMapVolume')).toEqual([`MapVolume.SetUpDevice failed for volume "pv" : ${WHY}`]);
  await b.ended(one!);
  await b.until(() => waiting.done);
});
describe('a device whose driver does not hand it over', () => {
  const containers = [{ name: 'main', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }];
  const [one, two] = [() => b.pod('first', { ...USES, containers }), () => b.pod('second', { ...USES, containers })];
  const refusing = async (code: number, stages = true): Promise<FakeDriver> => {
    await c.object({ attachRequired: false });
    const all = await c.driver();
    if (!stages) all.can.delete(CAN.stage);
    await b.until(() => all.told.length > 0);
    all.instead.set('publish', ({ targetPath }) => {
      if ((targetPath as string).endsWith('uid-first')) throw Object.assign(new Error('no'), { code, details: 'boom' });
      writeFileSync(targetPath as string, 'the device');
      return {};
    });
    await c.bound({ accessModes: ['ReadWriteOncePod'], volumeMode: 'Block' });
    b.begin(one());
    await refusal();
    return all;
  };
  const methods = (all: FakeDriver): string[] => all.calls.map(([method]) => method);

  it('is nobody’s where it says so: another pod may have it, and nothing is taken off the first', async () => {
    const all = await refusing(3);
    await b.mounted(two());
    all.calls.length = 0;
    await b.ended(one());
    expect(methods(all).filter((method) => method.startsWith('un'))).toEqual([]);
    await b.ended(two());
    expect(methods(all).filter((method) => method.startsWith('un'))).toEqual(['unpublish', 'unstage']);
  });
  it('may be the first’s where nobody knows: it is taken off with that pod, and free then', async () => {
    const all = await refusing(4);
    const waiting = b.begin(two());
    await b.until(() => b.told('FailedMapVolume').some((said) => said.endsWith(WHY)));
    expect(waiting.done).toBe(false);
    await b.ended(one());
    await b.until(() => waiting.done);
    expect(methods(all)).toContain('unpublish');
  });
  it('is free where the driver is gone for good when the pod ends', async () => {
    const all = await refusing(3, false);
    await all.stop();
    await b.ended(one());
    expect(await readdir(b.host.pods)).toEqual(['uid-first']);
    expect(await readdir(join(b.host.pods, 'uid-first'))).toEqual([]);
  });
});
it.each<[Modes]>([[['ReadWriteOnce']], [['ReadWriteOncePod', 'ReadWriteMany']]])(
  'of %j several pods have it',
  async (modes) => {
    await folderOf(modes);
    await b.mounted(first());
    await b.mounted(second());
    expect(b.told()).toEqual([]);
  },
);
it('who has it may look again', async () => {
  await folderOf(['ReadWriteOncePod']);
  await b.mounted(first());
  b = b.restarted();
  await b.mounted(first());
  expect([b.told(), await readdir(b.host.pods)]).toEqual([[], ['uid-first']]);
});
