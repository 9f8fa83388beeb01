import { describe, expect, it } from 'vitest';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '../../../schemas/generated/storage-v1.ts';
import { testWorld } from '../../runtime/testing/world.ts';
import { cycleFrom, type Objects } from '../explanation/objects.ts';
import { aNode, aPod } from '../testing/objects.ts';
import { nodeDeclaredFeatures } from './node-declared-features.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import type { FilterPlugin } from './plugin.ts';
import { volumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

/** `ok`, `skip` or the reasons of each node; `!` before those that no eviction can change. */
function ask(plugin: FilterPlugin, pod: Pod, objects: Objects): string | Record<string, string> {
  const { cycle } = cycleFrom(objects, pod, testWorld());
  const prepared = plugin.prepare(cycle);
  if (prepared === 'skip') return 'skip';
  if ('reject' in prepared) return `!${prepared.reject.reasons.join(', ')}`;
  const say = (name: string): string => {
    const rejected = prepared.filter(cycle.snapshot.get(name)!);
    return rejected === undefined ? 'ok' : `${rejected.resolvable ? '' : '!'}${rejected.reasons.join(', ')}`;
  };
  return Object.fromEntries(cycle.snapshot.nodes.map(({ name }) => [name, say(name)]));
}
const on = (node: string, pod: Pod): Pod => ({ ...pod, spec: { ...pod.spec!, nodeName: node } });
const using = (name: string, ...volumes: Omit<Volume, 'name'>[]): Pod =>
  aPod(name, { uid: name, spec: { volumes: volumes.map((v, i) => ({ name: `v${i}`, ...v })) } });
const claimed = (claimName: string): Omit<Volume, 'name'> => ({ persistentVolumeClaim: { claimName } });
const claim = (name: string, spec: PersistentVolumeClaim['spec'] = {}, bound = true): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name,
    namespace: 'default',
    uid: name,
    ...(bound && { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }),
  },
  spec: { ...(bound && { volumeName: `pv-${name}` }), ...spec },
});
const volume = (name: string, o: { labels?: Record<string, string>; driver?: string } = {}): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name: `pv-${name}`, ...(o.labels && { labels: o.labels }) },
  spec: { capacity: { storage: '1Gi' }, ...(o.driver && { csi: { driver: o.driver, volumeHandle: name } }) },
});
const storageClass = (more: Partial<StorageClass> = {}): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'late' },
  provisioner: 'd',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});
const nodes: readonly Node[] = [aNode('a'), aNode('b')];

describe('VolumeRestrictions', () => {
  const disk = (readOnly: boolean): Omit<Volume, 'name'> => ({ gcePersistentDisk: { pdName: 'd', readOnly } });
  it.each<[string, Omit<Volume, 'name'>, Omit<Volume, 'name'>, string]>([
    ['a disk that is written to', disk(false), disk(true), 'node(s) had no available disk'],
    ['a disk that all only read', disk(true), disk(true), 'ok'],
    ['an EBS volume, however used', { awsElasticBlockStore: { volumeID: 'd', readOnly: true } }, { awsElasticBlockStore: { volumeID: 'd', readOnly: true } }, 'node(s) had no available disk'],
    ['one image by one of several monitors', { rbd: { monitors: ['m', 'n'], image: 'i' } }, { rbd: { monitors: ['n'], pool: 'rbd', image: 'i' } }, 'node(s) had no available disk'],
    ['another target', { iscsi: { iqn: 'x', lun: 0, targetPortal: 'p' } }, { iscsi: { iqn: 'y', lun: 0, targetPortal: 'p' } }, 'ok'],
  ])('%s', (_, mine, theirs, want) => {
    expect(ask(volumeRestrictions(), using('p', mine), { nodes, pods: [on('a', using('q', theirs))] })).toEqual({ a: want, b: 'ok' });
  }); // prettier-ignore
  it('a claim for one pod only is for one pod only, on any node', () => {
    const persistentvolumeclaims = [claim('c', { accessModes: ['ReadWriteOncePod'] })];
    const inUse = 'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod';
    expect(ask(volumeRestrictions(), using('p', claimed('c')), { nodes, persistentvolumeclaims })).toBe('skip');
    expect(ask(volumeRestrictions(), using('p', claimed('c')), { nodes, persistentvolumeclaims, pods: [on('a', using('q', claimed('c')))] })).toEqual({ a: inUse, b: inUse });
    expect(ask(volumeRestrictions(), using('p', claimed('x')), { nodes })).toBe('!persistentvolumeclaim "x" not found');
    expect(ask(volumeRestrictions(), aPod('p'), { nodes })).toBe('skip');
  }); // prettier-ignore
});
describe('NodeVolumeLimits', () => {
  const csiNode = (name: string, driver: string, count?: number): CSINode => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: { name },
    spec: { drivers: [{ name: driver, nodeID: name, ...(count !== undefined && { allocatable: { count } }) }] },
  });
  const attached = (node: string, name: string): VolumeAttachment => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata: { name: `${node}-${name}` },
    spec: { attacher: 'd', nodeName: node, source: { persistentVolumeName: `pv-${name}` } },
  });
  const all = ['c', 'd', 'e'];
  const objects: Objects = {
    nodes,
    persistentvolumeclaims: [...all.map((name) => claim(name)), claim('new', { storageClassName: 'late' }, false)],
    persistentvolumes: all.map((name) => volume(name, { driver: 'd' })),
    'storage.k8s.io/storageclasses': [storageClass()],
    'storage.k8s.io/csinodes': [csiNode('a', 'd', 1), csiNode('b', 'd')],
  };
  const bare: CSINode = { ...csiNode('a', 'd'), spec: { drivers: null as unknown as [] } };
  const full = 'node(s) exceed max volume count';
  it.each<[string, Pod, Objects, string | Record<string, string>]>([
    ['no volume of a driver', aPod('p'), objects, 'skip'],
    ['as many as there may be', using('p', claimed('c')), objects, { a: 'ok', b: 'ok' }],
    ['more than that', using('p', claimed('c'), claimed('d')), objects, { a: full, b: 'ok' }],
    ['one beside another pod’s', using('p', claimed('c')), { ...objects, pods: [on('a', using('q', claimed('d')))] }, { a: full, b: 'ok' }],
    ['the same as another pod’s', using('p', claimed('c')), { ...objects, pods: [on('a', using('q', claimed('c')))] }, { a: 'ok', b: 'ok' }],
    ['one beside what is still attached', using('p', claimed('c')), { ...objects, 'storage.k8s.io/volumeattachments': [attached('a', 'd')] }, { a: full, b: 'ok' }],
    ['its own, attached already', using('p', claimed('c')), { ...objects, 'storage.k8s.io/volumeattachments': [attached('a', 'c')] }, { a: full, b: 'ok' }],
    ['one that will be made', using('p', claimed('c'), claimed('new')), objects, { a: full, b: 'ok' }],
    ['one on a node that says of drivers that it has none', using('p', claimed('c')), { ...objects, 'storage.k8s.io/csinodes': [bare] }, { a: 'ok', b: 'ok' }],
    ['a disk that a driver has taken over', using('p', { awsElasticBlockStore: { volumeID: 'x' } }, { awsElasticBlockStore: { volumeID: 'y' } }), { ...objects, 'storage.k8s.io/csinodes': [csiNode('a', 'ebs.csi.aws.com', 1)] }, { a: full, b: 'ok' }],
  ])('%s', (_, pod, cluster, want) => expect(ask(nodeVolumeLimits(), pod, cluster)).toEqual(want)); // prettier-ignore
  it('asks again when a node takes more, and when a volume is gone', () => {
    const { cycle } = cycleFrom(objects, using('p', claimed('c')), testWorld());
    const changed = (now: number, old: number) => nodeVolumeLimits().hint({ type: 'csiNode.changed', now: csiNode('a', 'd', now), old: csiNode('a', 'd', old) }, cycle.pod);
    expect([changed(2, 1), changed(1, 2)]).toEqual([true, false]);
    expect(nodeVolumeLimits().hint({ type: 'volumeAttachment.gone' }, cycle.pod)).toBe(true);
  }); // prettier-ignore
});
describe('VolumeZone', () => {
  const zone = 'topology.kubernetes.io/zone';
  const placed = [aNode('a', { labels: { [zone]: 'z1' } }), aNode('b', { labels: { [zone]: 'z2' } }), aNode('c')];
  const elsewhere = '!node(s) had no available volume zone';
  const late = { 'storage.k8s.io/storageclasses': [storageClass()] };
  it.each<[string, PersistentVolumeClaim | undefined, PersistentVolume | undefined, string | Record<string, string>]>([
    ['goes to the zone of the volume', claim('c'), volume('c', { labels: { [zone]: 'z1' } }), { a: 'ok', b: elsewhere, c: 'ok' }],
    ['knows several zones, and what they were called once', claim('c'), volume('c', { labels: { 'failure-domain.beta.kubernetes.io/zone': 'z2__z3' } }), { a: elsewhere, b: 'ok', c: 'ok' }],
    ['says nothing of volumes without', claim('c'), volume('c'), 'skip'],
    ['waits for the volume', claim('c'), undefined, '!persistentvolume "pv-c" not found'],
    ['waits for the claim', undefined, undefined, '!persistentvolumeclaim "c" not found'],
    ['leaves those alone that have their volumes made later', claim('c', { storageClassName: 'late' }, false), undefined, 'skip'],
    ['waits for the class', claim('c', { storageClassName: 'x' }, false), undefined, '!storageclass.storage.k8s.io "x" not found'],
    ['needs one or the other', claim('c', {}, false), undefined, '!PersistentVolumeClaim had no pv name and storageClass name'],
  ])('%s', (_, c, v, want) => {
    expect(ask(volumeZone(), using('p', claimed('c')), { ...late, nodes: placed, ...(c && { persistentvolumeclaims: [c] }), ...(v && { persistentvolumes: [v] }) })).toEqual(want);
  }); // prettier-ignore
});
describe('VolumeBinding', () => {
  const driver: CSIDriver = { apiVersion: 'storage.k8s.io/v1', kind: 'CSIDriver', metadata: { name: 'd' }, spec: { storageCapacity: true } };
  const capacity = (node: string, size: string, maximumVolumeSize?: string): CSIStorageCapacity => ({
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIStorageCapacity',
    metadata: { name: node, namespace: 'default' },
    storageClassName: 'late',
    capacity: size,
    ...(maximumVolumeSize !== undefined && { maximumVolumeSize }),
    nodeTopology: { matchLabels: { 'kubernetes.io/hostname': node } },
  });
  it('has a volume made only where the driver says that there is room', () => {
    const wanting = claim('c', { storageClassName: 'late', resources: { requests: { storage: '2Gi' } } }, false);
    const objects: Objects = {
      nodes: [...nodes, aNode('c')],
      persistentvolumeclaims: [wanting],
      'storage.k8s.io/storageclasses': [storageClass()],
      'storage.k8s.io/csidrivers': [driver],
      'storage.k8s.io/csistoragecapacities': [capacity('a', '3Gi'), capacity('b', '9Gi', '1Gi')],
    };
    const none = '!node(s) did not have enough free storage';
    expect(ask(volumeBinding(), using('p', claimed('c')), objects)).toEqual({ a: 'ok', b: none, c: none });
    expect(ask(volumeBinding(), using('p', claimed('c')), { ...objects, 'storage.k8s.io/csidrivers': [] })).toEqual({ a: 'ok', b: 'ok', c: 'ok' });
  });
}); // prettier-ignore
describe('NodeDeclaredFeatures', () => {
  it('goes where the kubelet says that it can', () => {
    const able = (name: string, ...declaredFeatures: string[]): Node => ({ ...aNode(name), status: { ...aNode(name).status, declaredFeatures } });
    const apart = aPod('p', { spec: { hostNetwork: true, hostUsers: false } });
    const unknown = "!node(s) didn't match Pod's required features";
    expect(ask(nodeDeclaredFeatures(), apart, { nodes: [able('a'), able('b', 'UserNamespacesHostNetworkSupport')] })).toEqual({ a: unknown, b: 'ok' });
    expect(ask(nodeDeclaredFeatures(), aPod('p', { spec: { hostNetwork: true } }), { nodes })).toBe('skip');
    const restarting = aPod('p', { spec: { containers: [{ name: 'c', restartPolicyRules: [{ action: 'RestartAllContainers' }] }] } });
    expect(ask(nodeDeclaredFeatures(), restarting, { nodes: [able('a', 'RestartAllContainersOnContainerExits'), able('b')] })).toEqual({ a: 'ok', b: unknown });
  }); // prettier-ignore
});
