import fc from 'fast-check';
import type { Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import { PLACES, type Cluster } from './cluster.ts';

/** What a cluster's pod asks of storage; absent in most clusters. */
export type Storage = readonly Ask[] | undefined;
type Ask = ReturnType<typeof ask.generate>['value'];

const ZONE = 'topology.kubernetes.io/zone';
const ask = fc.record({
  /** What the claim is like when the pod comes. */
  state: fc.constantFrom('bound', 'bound', 'waiting', 'waiting', 'immediate', 'absent', 'lost', 'volumeGone', 'provisioned', 'selected'),
  zone: fc.constantFrom('z1', 'z2', undefined),
  /** How the volume says where it is. */
  zoned: fc.constantFrom('affinity', 'label'),
  driver: fc.constantFrom('local', 'csi'),
  size: fc.constantFrom('1Gi', '5Gi'),
  /** Free volumes of the class. */
  free: fc.array(fc.record({ zone: fc.constantFrom('z1', 'z2', 'z3', undefined), size: fc.constantFrom('1Gi', '2Gi', '10Gi') }), { maxLength: 3 }),
  mode: fc.constantFrom('ReadWriteOnce', 'ReadWriteOnce', 'ReadWriteOncePod'),
  /** Pods already there that use the same claim. */
  sharedBy: fc.option(fc.nat(11), { freq: 3 }),
  /** How many volumes of the driver a node takes. */
  limit: fc.option(fc.constantFrom(0, 1, 2), { freq: 3 }),
}); // prettier-ignore
export const storage: fc.Arbitrary<Storage> = fc.oneof(
  { weight: 82, arbitrary: fc.constant(undefined) },
  { weight: 18, arbitrary: fc.array(ask, { minLength: 1, maxLength: 2 }) },
);

/** The cluster with claims, volumes and classes, and its pod asking for them. */
export function withStorage(cluster: Cluster, asked: Storage, prefix: string): Cluster {
  if (asked === undefined) return cluster;
  const beside: Record<string, KubeObject[]> = Object.fromEntries(Object.entries(cluster.beside).map(([k, v]) => [k, [...v]])); // prettier-ignore
  const put = (place: string, object: KubeObject): void => void (beside[place] ??= []).push(object);
  let { pod, pods } = cluster;
  const namespace = pod.metadata.namespace!;
  asked.forEach((a, i) => {
    const [claim, volume, className] = [`claim${i}`, `${prefix}pv${i}`, `${prefix}sc${i}`];
    const driver = `${prefix}csi.example.com`;
    const waits = a.state === 'waiting' || a.state === 'provisioned' || a.state === 'selected';
    const makes = a.state === 'provisioned' || a.state === 'selected';
    put(PLACES.classes, {
      apiVersion: 'storage.k8s.io/v1',
      kind: 'StorageClass',
      metadata: { name: className, uid: className },
      provisioner: makes ? driver : 'kubernetes.io/no-provisioner',
      volumeBindingMode: waits ? 'WaitForFirstConsumer' : 'Immediate',
      ...(makes && a.zone && { allowedTopologies: [{ matchLabelExpressions: [{ key: ZONE, values: [a.zone] }] }] }),
    } as KubeObject);
    const isBound = a.state === 'bound' || a.state === 'volumeGone';
    if (a.state !== 'absent')
      put(PLACES.claims, {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: {
          name: claim,
          namespace,
          uid: `${prefix}${claim}`,
          ...(isBound && { annotations: { 'pv.kubernetes.io/bind-completed': 'yes' } }),
          ...(a.state === 'selected' && { annotations: { 'volume.kubernetes.io/selected-node': `${prefix}n0` } }),
        },
        spec: { storageClassName: className, accessModes: [a.mode], volumeMode: 'Filesystem', resources: { requests: { storage: a.size } }, ...(isBound && { volumeName: volume }) },
        status: { phase: isBound ? 'Bound' : a.state === 'lost' ? 'Lost' : 'Pending' },
      } as KubeObject); // prettier-ignore
    const aVolume = (name: string, zone: string | undefined, size: string, claimRef?: object): KubeObject =>
      ({
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name, uid: name, ...(zone && a.zoned === 'label' && { labels: { [ZONE]: zone } }) },
        spec: {
          capacity: { storage: size },
          accessModes: [a.mode],
          volumeMode: 'Filesystem',
          storageClassName: className,
          ...(a.driver === 'csi' ? { csi: { driver, volumeHandle: name } } : { local: { path: '/x' } }),
          ...(zone && a.zoned === 'affinity' && { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: ZONE, operator: 'In', values: [zone] }] }] } } }),
          ...(claimRef && { claimRef }),
        },
        status: { phase: claimRef ? 'Bound' : 'Available' },
      }) as KubeObject; // prettier-ignore
    if (a.state === 'bound')
      put(PLACES.volumes, aVolume(volume, a.zone, a.size, { kind: 'PersistentVolumeClaim', namespace, name: claim, uid: `${prefix}${claim}` })); // prettier-ignore
    a.free.forEach((free, n) => put(PLACES.volumes, aVolume(`${volume}-${n}`, free.zone, free.size)));
    if (a.limit !== null && i === 0)
      for (const { metadata } of cluster.nodes)
        put(PLACES.csiNodes, {
          apiVersion: 'storage.k8s.io/v1',
          kind: 'CSINode',
          metadata: { name: metadata.name!, uid: metadata.name! },
          spec: {
            drivers: [{ name: driver, nodeID: metadata.name, topologyKeys: [], allocatable: { count: a.limit } }],
          },
        } as KubeObject);
    pod = using(pod, claim);
    pods = pods.map((p, n) => (n === a.sharedBy && p.metadata.namespace === namespace ? using(p, claim) : p));
  });
  return { ...cluster, pods, pod, beside };
}
function using(pod: Pod, claim: string): Pod {
  const volumes: Volume[] = [
    ...(pod.spec?.volumes ?? []),
    { name: claim, persistentVolumeClaim: { claimName: claim } },
  ];
  return { ...pod, spec: { ...pod.spec, volumes } } as Pod;
}
