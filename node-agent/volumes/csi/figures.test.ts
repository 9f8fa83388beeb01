import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { VolumeBench } from '../testing/bench.ts';
import { CAN } from './protocol.ts';
import { csiBenchForEach, USES, type CsiBench } from './testing/bench.ts';
import type { FakeDriver } from './testing/fake-driver.ts';

let b: VolumeBench;
let c: CsiBench;
csiBenchForEach((volumes, csi) => ([b, c] = [volumes, csi]));
const USAGE = [
  { available: 60, total: 100, used: 40, unit: 1 },
  { available: 6, total: 10, used: 4, unit: 2 },
  { available: 1, total: 1, used: 1, unit: 3 },
];
const FIGURES = { availableBytes: 60, capacityBytes: 100, usedBytes: 40, inodesFree: 6, inodes: 10, inodesUsed: 4 };
const count = (): Promise<unknown> => (b.disk.mountedOf('uid-p').get('v')!.count as () => Promise<unknown>)();
/** A driver that can do so much, and a pod that has its volume. */
async function using(can: readonly number[], stats?: () => Record<string, unknown>): Promise<FakeDriver> {
  const one = await c.driver();
  for (const each of can) one.can.add(each);
  if (stats !== undefined) one.instead.set('stats', stats);
  await b.until(() => one.told.length > 0);
  await c.object({ attachRequired: false });
  return one;
}

it('a volume is as full as its driver says', async () => {
  const one = await using([CAN.stats], () => ({ usage: USAGE }));
  await c.bound();
  const pod = b.pod('p', USES);
  await b.mounted(pod);
  expect(await count()).toEqual(FIGURES);
  expect(one.calls.at(-1)).toEqual(['stats', { volumeId: 'h', volumePath: join(b.folder(pod, 'csi', 'pv'), 'mount'), stagingTargetPath: '' }]); // prettier-ignore
});
it('a device is asked for where its pod has it', async () => {
  const one = await using([CAN.stats], () => ({ usage: USAGE.slice(0, 1) }));
  one.instead.set('publish', ({ targetPath }) => {
    writeFileSync(targetPath as string, 'the device');
    return {};
  });
  await c.bound({ volumeMode: 'Block' });
  const containers = [{ name: 'main', image: 'i', volumeDevices: [{ name: 'v', devicePath: '/dev/x' }] }];
  await b.mounted(b.pod('p', { ...USES, containers }));
  expect(await count()).toEqual({ ...FIGURES, inodesFree: 0, inodes: 0, inodesUsed: 0 });
  expect(one.calls.at(-1)).toMatchObject(['stats', { volumePath: join(b.host.plugins, 'kubernetes.io', 'csi', 'volumeDevices', 'pv', 'dev', 'uid-p') }]); // prettier-ignore
});
it('nobody knows where the driver cannot say, and it is not asked', async () => {
  const one = await using([]);
  await c.bound();
  await b.mounted(b.pod('p', USES));
  expect(await count()).toBeUndefined();
  expect(one.calls.map(([method]) => method)).not.toContain('stats');
});
it('a driver that says nothing is told of, unless it says how the volume is', async () => {
  const one = await using([CAN.stats]);
  await c.bound();
  await b.mounted(b.pod('p', USES));
  await expect(count()).rejects.toThrow('failed to get usage from response. usage is nil');
  await one.stop();
  await b.until(() => expect(count()).rejects.toThrow('not found in the list of registered CSI drivers').then(() => true, () => false)); // prettier-ignore
});
it.each([
  [{ volumeCondition: { abnormal: true, message: 'gone' } }, { abnormal: true, message: 'gone' }],
  [{ usage: USAGE }, { abnormal: false, message: '' }],
])('what a driver says of how a volume is: %j', async (answer, condition) => {
  await using([CAN.stats, CAN.condition], () => answer);
  await c.bound();
  await b.mounted(b.pod('p', USES));
  expect(await count()).toMatchObject({ condition });
});
