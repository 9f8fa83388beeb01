import { link, lstat, readFile, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Node, PersistentVolumeClaim, PodSpec, Secret } from '../../../schemas/generated/core-v1.ts';
import type { CSINode, VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import {
  csiNodes,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  secrets,
  volumeAttachments,
} from '../../../actors/runtime/resources.ts';
import type { VolumeBench } from '../testing/bench.ts';
import { CAN } from './protocol.ts';
import { csiBenchForEach, USES, type CsiBench } from './testing/bench.ts';
import type { FakeDriver } from './testing/fake-driver.ts';
import { attachmentName, ephemeralHandle, stagingFolder } from './volume-data.ts';

let b: VolumeBench;
let c: CsiBench;
csiBenchForEach((volumes, csi) => ([b, c] = [volumes, csi]));
const csiNode = (): CSINode | undefined => b.api.object<CSINode>(csiNodes, 'n1');
const methods = (one: FakeDriver): string[] => one.calls.map(([method]) => method);

describe('a driver', () => {
  it('that registers is told of by the node, and no more when it is gone', async () => {
    const one = await c.registered();
    expect(one.told[0]).toMatchObject({ pluginRegistered: true });
    expect(csiNode()?.spec.drivers).toEqual([
      { name: 'x.io', nodeID: 'id-1', topologyKeys: ['x.io/zone'], allocatable: { count: 7 } },
    ]);
    const { metadata } = b.api.object<Node>(nodes, 'n1')!;
    expect([metadata.annotations, metadata.labels]).toEqual([
      { 'csi.volume.kubernetes.io/nodeid': '{"x.io":"id-1"}' },
      { 'x.io/zone': 'z1' },
    ]);
    await one.stop();
    await b.until(() => csiNode()?.spec.drivers?.length === 0);
    await b.until(
      () => b.api.object<Node>(nodes, 'n1')!.metadata.annotations?.['csi.volume.kubernetes.io/nodeid'] === undefined,
    );
  });
  it('that was started again registers again, however quickly it was', async () => {
    const one = await c.registered();
    const [place, copy] = [join(b.root, 'new.sock'), join(b.root, 'copy.sock')];
    const other = await c.driver('x.io', 'new.sock');
    other.info['nodeId'] = 'id-2';
    await link(place, copy);
    // Nobody sees the folder without one.
    await rename(copy, join(b.root, 'plugins_registry', 'x.io-reg.sock'));
    await b.until(() => csiNode()?.spec.drivers?.[0]?.nodeID === 'id-2');
    expect(one.told).toHaveLength(1);
  });
  it('of a version that nobody knows is told so', async () => {
    const one = await c.driver();
    one.versions.splice(0, 1, '2.0.0');
    await b.until(() => one.told.length > 0);
    expect(one.told[0]).toMatchObject({ pluginRegistered: false });
    expect(csiNode()).toBeUndefined();
  });
});

describe('a volume of a claim', () => {
  it('is staged once for all pods, published for each, and taken off with the last', async () => {
    const one = await c.registered();
    await c.object({ attachRequired: false });
    await c.bound();
    const [p, q] = [b.pod('p', USES), b.pod('q', USES)];
    await b.mounted(p);
    const staging = stagingFolder(join(b.root, 'plugins'), 'x.io', 'h');
    const target = join(b.folder(p, 'csi', 'pv'), 'mount');
    expect(one.calls).toMatchObject([
      [
        'stage',
        {
          volumeId: 'h',
          stagingTargetPath: staging,
          volumeContext: { a: 'b' },
          volumeCapability: { mount: { fsType: 'ext4' }, accessMode: { mode: 1 } },
        },
      ],
      [
        'publish',
        { volumeId: 'h', stagingTargetPath: staging, targetPath: target, volumeContext: { a: 'b' }, readonly: false },
      ],
    ]);
    await b.mounted(q);
    one.calls.length = 0;
    await b.ended(p);
    expect(one.calls).toMatchObject([['unpublish', { volumeId: 'h', targetPath: target }]]);
    await b.ended(q);
    expect(methods(one)).toEqual(['unpublish', 'unpublish', 'unstage']);
    expect(await readdir(join(b.root, 'plugins', 'kubernetes.io', 'csi', 'x.io'))).toEqual([]);
  });
  it('waits for its driver, and goes on when it comes', async () => {
    await c.object({ attachRequired: false });
    await c.bound();
    const state = b.begin(b.pod('p', USES));
    await b.until(() => b.told().length > 0);
    expect(b.told()[0]).toBe(
      'MountVolume.MountDevice failed for volume "pv" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name x.io not found in the list of registered CSI drivers',
    );
    await c.driver();
    await b.until(() => state.done);
  });
  it('is handed secrets, the pod and its tokens, and what its attachment says', async () => {
    const one = await c.registered();
    await c.object({ podInfoOnMount: true, tokenRequests: [{ audience: 'aud' }], requiresRepublish: true });
    await c.bound({
      csi: {
        driver: 'x.io',
        volumeHandle: 'h',
        nodePublishSecretRef: { name: 's', namespace: 'd' },
        nodeStageSecretRef: { name: 's', namespace: 'd' },
      },
    });
    await b.api.client().create<Secret>(secrets, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'd' },
      data: { k: Buffer.from('v').toString('base64') },
    });
    await b.api.client().create<VolumeAttachment>(volumeAttachments, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'VolumeAttachment',
      metadata: { name: attachmentName('h', 'x.io', 'n1') },
      spec: { attacher: 'x.io', nodeName: 'n1', source: {} },
      status: { attached: true, attachmentMetadata: { dev: '1' } },
    });
    let issued = 0;
    b.issue(() => ({
      token: `t${++issued}`,
      expirationTimestamp: new Date(b.world.clock.now() + 3_600_000).toISOString(),
    }));
    await b.mounted(b.pod('p', USES));
    expect(one.calls[0]).toMatchObject(['stage', { secrets: { k: 'v' }, publishContext: { dev: '1' } }]);
    const [, request] = one.calls[1]!;
    const context = request['volumeContext'] as Record<string, string>;
    expect(request).toMatchObject({ secrets: { k: 'v' }, publishContext: { dev: '1' } });
    expect(context).toMatchObject({
      'csi.storage.k8s.io/pod.name': 'p',
      'csi.storage.k8s.io/pod.uid': 'uid-p',
      'csi.storage.k8s.io/serviceAccount.name': 'sa',
      'csi.storage.k8s.io/ephemeral': 'false',
    });
    expect(JSON.parse(context['csi.storage.k8s.io/serviceAccount.tokens']!)).toMatchObject({ aud: { token: 't1' } });
    one.calls.length = 0;
    await b.world.advance(61_000);
    await b.until(() => methods(one).includes('publish'));
  });
  it('that its driver refuses is told in its words, and nothing of it is left', async () => {
    const one = await c.registered();
    one.instead.set('publish', () => {
      throw Object.assign(new Error('no'), { code: 13, details: 'boom' });
    });
    await c.object({ attachRequired: false });
    await c.bound();
    const p = b.pod('p', USES);
    b.begin(p);
    await b.until(() => b.told().length > 0);
    expect(b.told()[0]).toBe('MountVolume.SetUp failed for volume "pv" : rpc error: code = Internal desc = boom');
    expect(await readdir(join(b.folder(p, 'csi', 'pv'), '..'))).toEqual([]);
    one.instead.clear();
    await b.until(() => b.disk.mountedOf('uid-p').size === 1);
  });
  it('is taken off by a kubelet that has not put it there', async () => {
    const one = await c.registered();
    await c.object({ attachRequired: false });
    await c.bound();
    const p = b.pod('p', USES);
    await b.mounted(p);
    const later = b.restarted();
    b = later;
    one.calls.length = 0;
    await later.disk.open(() => false);
    await later.until(async () => (await readdir(join(b.root, 'pods'))).length === 0);
    expect(methods(one)).toEqual(['unpublish', 'unstage']);
  });
});

it('a volume that has grown is made larger where it is mounted, and the claim says so', async () => {
  const one = await c.registered();
  await c.object({ attachRequired: false });
  await c.bound({ capacity: { storage: '1Gi' }, claimRef: { namespace: 'default', name: 'c' } });
  const had = { capacity: { storage: '1Gi' } };
  await b.api
    .client()
    .patch(persistentVolumeClaims, 'c', 'default', 'merge', { status: had }, { subresource: 'status' });
  await b.mounted(b.pod('p', USES));
  expect(methods(one)).toEqual(['stage', 'publish']);
  await b.api.client().patch(persistentVolumes, 'pv', undefined, 'merge', { spec: { capacity: { storage: '2Gi' } } });
  const status = {
    capacity: { storage: '1Gi' },
    allocatedResourceStatuses: { storage: 'NodeResizePending' },
    conditions: [{ type: 'FileSystemResizePending', status: 'True' }],
  };
  await b.api.client().patch(persistentVolumeClaims, 'c', 'default', 'merge', { status }, { subresource: 'status' });
  await b.world.advance(61_000);
  const claim = (): PersistentVolumeClaim => b.api.object(persistentVolumeClaims, 'default/c')!;
  await b.until(() => claim().status?.capacity?.['storage'] === '2Gi');
  expect(claim().status).toEqual({ capacity: { storage: '2Gi' }, allocatedResourceStatuses: {}, conditions: [] });
  expect(one.calls.at(-1)).toMatchObject([
    'expand',
    { volumeId: 'h', capacityRange: { requiredBytes: 2 * 1024 ** 3 } },
  ]);
  // What was published stays as it was.
  expect(methods(one).filter((method) => method === 'publish')).toHaveLength(1);
});

describe('a volume of the pod itself', () => {
  const inline: Partial<PodSpec> = { volumes: [{ name: 'v', csi: { driver: 'x.io', volumeAttributes: { a: 'b' } } }] };
  it('is published and not staged', async () => {
    const one = await c.registered();
    await c.object({ volumeLifecycleModes: ['Ephemeral'], podInfoOnMount: true });
    const p = b.pod('p', inline);
    await b.mounted(p);
    expect(one.calls).toMatchObject([
      [
        'publish',
        {
          volumeId: ephemeralHandle('uid-p', 'v'),
          stagingTargetPath: '',
          volumeContext: { a: 'b', 'csi.storage.k8s.io/ephemeral': 'true' },
        },
      ],
    ]);
    expect(JSON.parse(await readFile(join(b.folder(p, 'csi', 'v'), 'vol_data.json'), 'utf8'))).toMatchObject({
      volumeLifecycleMode: 'Ephemeral',
      driverName: 'x.io',
    });
    expect(((await lstat(join(b.folder(p, 'csi', 'v'), 'vol_data.json'))).mode & 0o777).toString(8)).toBe('640');
    await b.ended(p);
    expect(methods(one)).toEqual(['publish', 'unpublish']);
  });
  it.each([
    [undefined, '(no CSIDriver object)'],
    [{ volumeLifecycleModes: ['Persistent'] }, '(only supports ["Persistent"])'],
  ])('is refused where the driver does not say that it can: %j', async (spec, why) => {
    await c.registered();
    if (spec !== undefined) await c.object(spec);
    b.begin(b.pod('p', inline));
    await b.until(() => b.told().length > 0);
    expect(b.told()[0]).toBe(
      `MountVolume.SetUp failed for volume "v" : kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver x.io ${why}`,
    );
  });
});
it('a driver that mounts for a group is told the group, and the files are left to it', async () => {
  const one = await c.registered();
  expect(one.can.has(CAN.mountGroup)).toBe(false);
  await one.stop();
  await b.until(() => csiNode()?.spec.drivers?.length === 0);
  const other = await c.driver('x.io', 'plugins_registry/other.sock');
  other.can.add(CAN.mountGroup);
  await b.until(() => other.told.length > 0);
  await c.object({ attachRequired: false });
  await c.bound();
  await b.mounted(b.pod('p', { ...USES, securityContext: { fsGroup: 2000 } }));
  expect(other.calls[1]).toMatchObject(['publish', { volumeCapability: { mount: { volumeMountGroup: '2000' } } }]);
});
