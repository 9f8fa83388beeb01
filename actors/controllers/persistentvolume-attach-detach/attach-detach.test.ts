import { describe, expect, it } from 'vitest';
import type { Event, Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver, VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import {
  csiDrivers,
  events,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  pods,
  volumeAttachments,
} from '../../runtime/resources.ts';
import { badDay } from '../../runtime/testing/faults.ts';
import { testCluster } from '../../runtime/testing/cluster.ts';
import { startAttachDetachController } from './actor.ts';

const MANAGED = { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' };
const READY = { conditions: [{ type: 'Ready', status: 'True' }] };
const UNIQUE = 'kubernetes.io/csi/x.io^h-v';
function setUp(seed = 1) {
  const c = testCluster(seed);
  const [controller] = c.start(startAttachDetachController);
  const { client } = c;
  const node = (name: string) => client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, annotations: MANAGED }, spec: {}, status: READY });
  return {
    ...c,
    controller: controller!,
    node,
    /** A volume `v` for the claim `c`. */
    async volume(name = 'v', accessModes: ('ReadWriteOnce' | 'ReadWriteMany')[] = ['ReadWriteOnce'], claimName = 'c') {
      const claim = await client.create<PersistentVolumeClaim>(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: claimName, namespace: 'd' }, spec: { volumeName: name }, status: { phase: 'Bound' } });
      await client.create<PersistentVolume>(persistentVolumes, { apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { accessModes, csi: { driver: 'x.io', volumeHandle: `h-${name}` }, claimRef: { namespace: 'd', name: claimName, uid: claim.metadata.uid } } });
    },
    pod: (name: string, nodeName: string, claimName = 'c', namespace = 'd') =>
      client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace }, spec: { nodeName, containers: [], volumes: [{ name: 'x', persistentVolumeClaim: { claimName } }] } }),
    gone: (name: string) => client.delete(pods, name, 'd', { gracePeriodSeconds: 0 }),
    attachments: () => c.list<VolumeAttachment>(volumeAttachments),
    on: (name: string) => c.api.object<Node>(nodes, name)?.status?.volumesAttached?.map((v) => v.name) ?? [],
    /** What a driver's attacher does. */
    async attach(status: object = { attached: true }) {
      for (const { metadata } of c.list<VolumeAttachment>(volumeAttachments)) await client.patch(volumeAttachments, metadata.name!, undefined, 'merge', { status }, { subresource: 'status' });
      await c.quiet();
    },
    inUse: async (name: string, ...volumesInUse: string[]) => {
      await client.patch(nodes, name, undefined, 'merge', { status: { volumesInUse } }, { subresource: 'status' });
      await c.quiet();
    },
    told: () => c.list<Event>(events).map((e) => `${e.involvedObject.name} ${e.type} ${e.reason} ${e.message}`),
  };
} // prettier-ignore

describe('a volume that a pod uses', () => {
  it('is attached to its node, which says so once the driver has done it', async () => {
    const c = setUp();
    await c.node('n');
    await c.volume();
    await c.pod('p', 'n');
    await c.quiet();
    expect(c.attachments()).toMatchObject([
      {
        // sha256 of handle, driver and node.
        metadata: { name: 'csi-4298747fbfa0425eaabea394819d24260cab6b9b8795a22a4c8c889282717cce' },
        spec: { attacher: 'x.io', nodeName: 'n', source: { persistentVolumeName: 'v' } },
      },
    ]);
    expect([c.on('n'), c.told()]).toEqual([[], []]);
    await c.attach();
    expect(c.on('n')).toEqual([UNIQUE]);
    expect(c.told()).toEqual(['p Normal SuccessfulAttachVolume AttachVolume.Attach succeeded for volume "v" ']);
    const revision = c.api.revision;
    await c.world.advance(600_000);
    expect(c.api.revision).toBe(revision);
  });
  it('is not attached by a driver that need not, on a node that sees to it itself, nor before the claim has it', async () => {
    const c = setUp();
    await c.client.create<CSIDriver>(csiDrivers, { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'x.io' }, spec: { attachRequired: false } });
    await c.client.create<Node>(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'own' } });
    await c.node('n');
    await c.volume();
    await c.pod('p', 'n');
    await c.quiet();
    await c.client.delete(csiDrivers, 'x.io');
    await c.pod('q', 'own');
    await c.quiet();
    expect(c.attachments()).toEqual([]);
    await c.pod('r', 'n', 'late');
    await c.client.create<PersistentVolumeClaim>(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'late', namespace: 'd' }, status: { phase: 'Pending' } });
    await c.quiet();
    expect(c.attachments().map(({ spec }) => spec.source.persistentVolumeName)).toEqual(['v']);
  }); // prettier-ignore
  it('tells its pods what the driver says, and when it says nothing', async () => {
    const c = setUp();
    await c.node('n');
    await c.volume();
    await c.pod('p', 'n');
    await c.quiet();
    await c.attach({ attached: false, attachError: { time: '2026-01-01T00:00:00Z', message: 'no such disk' } });
    expect(c.told()).toEqual(['p Warning FailedAttachVolume AttachVolume.Attach failed for volume "v" : no such disk']);
    await c.attach({ attachError: null });
    await c.world.advance(120_000);
    expect(c.told()[1]).toBe('p Warning FailedAttachVolume AttachVolume.Attach failed for volume "v" : timed out waiting for external-attacher of x.io CSI driver to attach volume h-v');
    const calls = c.api.calls.length;
    await c.world.advance(600_000);
    expect(c.api.calls.length - calls).toBeLessThan(8);
  }); // prettier-ignore
});

describe('a volume for one node', () => {
  it('waits until the other has let it go', async () => {
    const c = setUp();
    for (const name of ['n1', 'n2']) await c.node(name);
    await c.volume();
    await c.pod('p1', 'n1');
    await c.quiet();
    await c.attach();
    await c.inUse('n1', UNIQUE);
    await c.pod('p2', 'n2');
    await c.quiet();
    expect(c.told().at(-1)).toBe('p2 Warning FailedAttachVolume Multi-Attach error for volume "v" Volume is already used by pod(s) p1');
    await c.gone('p1');
    await c.quiet();
    expect([c.on('n1'), c.attachments().length]).toEqual([[UNIQUE], 1]);
    await c.inUse('n1');
    expect(c.on('n1')).toEqual([]);
    expect(c.attachments().map(({ spec }) => spec.nodeName)).toEqual(['n2']);
    await c.attach();
    expect(c.on('n2')).toEqual([UNIQUE]);
    expect(c.told().filter((e) => e.includes('Multi-Attach'))).toHaveLength(1);
  }); // prettier-ignore
  it('is given to one of two that ask at once', async () => {
    const c = setUp();
    for (const name of ['n1', 'n2', 'n3']) await c.node(name);
    await c.quiet();
    await Promise.all([c.volume(), c.pod('p1', 'n1'), c.pod('p2', 'n2'), c.pod('p3', 'n3')]);
    await c.quiet();
    expect(c.attachments()).toHaveLength(1);
  });
  it('that several may have is given to all', async () => {
    const c = setUp();
    for (const name of ['n1', 'n2']) await c.node(name);
    await c.volume('v', ['ReadWriteMany']);
    await c.pod('p1', 'n1');
    await c.pod('p2', 'n2');
    await c.quiet();
    expect(c.attachments()).toHaveLength(2);
  });
});

describe('a volume that nobody uses any more', () => {
  async function abandoned(isInUse = true) {
    const c = setUp();
    await c.node('n');
    await c.volume();
    await c.pod('p', 'n');
    await c.quiet();
    await c.attach();
    if (isInUse) await c.inUse('n', UNIQUE);
    await c.gone('p');
    await c.quiet();
    return c;
  }
  const taint = (c: Awaited<ReturnType<typeof abandoned>>) =>
    c.client.patch(nodes, 'n', undefined, 'merge', {
      spec: { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' }] },
    });
  const fall = (c: Awaited<ReturnType<typeof abandoned>>) =>
    c.client.patch(
      nodes,
      'n',
      undefined,
      'merge',
      { status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } },
      { subresource: 'status' },
    );
  it('is detached at once where it is not mounted', async () => {
    const c = await abandoned(false);
    expect([c.attachments(), c.on('n')]).toEqual([[], []]);
  });
  it('stays while a healthy node says that it is mounted, however long', async () => {
    const c = await abandoned();
    await c.world.advance(3_600_000);
    expect([c.attachments().length, c.on('n')]).toEqual([1, [UNIQUE]]);
  });
  it('is taken after six minutes from a node that is not well, and not before', async () => {
    const c = await abandoned();
    await fall(c);
    await c.world.advance(350_000);
    expect(c.attachments()).toHaveLength(1);
    await c.world.advance(11_000);
    expect([c.attachments(), c.on('n')]).toEqual([[], []]);
  });
  it('is not taken by a leader who remembers it from an earlier term', async () => {
    const c = await abandoned();
    c.controller.deactivate();
    await c.pod('q', 'n');
    await c.world.advance(400_000);
    await fall(c);
    await c.gone('q');
    c.controller.activate();
    await c.quiet();
    await c.world.advance(350_000);
    expect(c.attachments()).toHaveLength(1);
    await c.world.advance(11_000);
    expect(c.attachments()).toEqual([]);
  });
  it('is taken at once from a node that is out of service', async () => {
    const c = await abandoned();
    await taint(c);
    await c.quiet();
    expect(c.attachments()).toEqual([]);
  });
  it('is taken after six minutes from a node that was deleted with it', async () => {
    const c = await abandoned();
    await c.client.delete(nodes, 'n');
    await c.world.advance(300_000);
    expect(c.attachments()).toHaveLength(1);
    await c.world.advance(61_000);
    expect(c.attachments()).toEqual([]);
  });
  it('is not taken from a kubelet that has just begun to mount it', async () => {
    const c = setUp();
    await c.node('n');
    await c.volume();
    await c.pod('p', 'n');
    await c.quiet();
    await c.attach();
    c.api.intercept = async ({ caller, verb, resource }) => {
      if (!caller.startsWith('controller:') || verb !== 'get' || resource !== 'nodes') return;
      c.api.intercept = undefined;
      await c.client.patch(nodes, 'n', undefined, 'merge', { status: { volumesInUse: [UNIQUE] } }, { subresource: 'status' });
    };
    await c.gone('p');
    await c.world.advance(30_000);
    expect(c.attachments()).toHaveLength(1);
    await c.inUse('n');
    expect(c.attachments()).toEqual([]);
  }); // prettier-ignore
});

it('leaves attachments and volumes of others alone', async () => {
  const c = setUp();
  await c.node('n');
  await c.volume();
  const foreign: VolumeAttachment = { apiVersion: 'storage.k8s.io/v1', kind: 'VolumeAttachment', metadata: { name: 'foreign' }, spec: { attacher: 'x.io', nodeName: 'n', source: { persistentVolumeName: 'v' } } };
  await c.client.create(volumeAttachments, foreign);
  const volumesAttached = [{ name: 'kubernetes.io/iscsi/1:2', devicePath: '/dev/x' }];
  await c.client.patch(nodes, 'n', undefined, 'merge', { status: { volumesAttached } }, { subresource: 'status' });
  await c.pod('p', 'n');
  await c.quiet();
  await c.attach();
  await c.gone('p');
  await c.quiet();
  expect(c.attachments().map(({ metadata }) => metadata.name)).toEqual(['foreign']);
  expect(c.on('n')).toEqual(['kubernetes.io/iscsi/1:2']);
}); // prettier-ignore
it.each([1, 2, 3])('never has a volume on two nodes on a bad day, and ends as it should (seed %i)', async (seed) => {
  const c = setUp(seed);
  for (const name of ['n1', 'n2', 'n3']) await c.node(name);
  for (const n of [0, 1]) await c.volume(`v${n}`, ['ReadWriteOnce'], `c${n}`);
  const check = async (): Promise<void> => {
    const at = Map.groupBy(c.attachments(), ({ spec }) => spec.source.persistentVolumeName);
    for (const list of at.values()) expect(list).toHaveLength(1);
    await c.attach();
  };
  await badDay(c, [c.controller], Array.from({ length: 10 }, (_, i) => async () => {
    await c.pod(`p${i}`, `n${1 + (i % 3)}`, `c${i % 2}`);
    await check();
    if (i > 1) await c.gone(`p${i - 2}`);
    await check();
  }));
  await check();
  await check();
  expect(c.attachments().map(({ spec }) => `${spec.source.persistentVolumeName} ${spec.nodeName}`).sort()).toEqual(['v0 n3', 'v1 n1']);
}); // prettier-ignore
