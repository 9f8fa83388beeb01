import type { World } from '../../../bus/world.ts';
import type {
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Service,
} from '../../../schemas/generated/core-v1.ts';
import type { DeviceClass, ResourceClaim, ResourceSlice } from '../../../schemas/generated/resource-v1.ts';
import type { PodDisruptionBudget } from '../../../schemas/generated/policy-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '../../../schemas/generated/storage-v1.ts';
import { isTerminal } from '../../../schemas/helpers/pod-resources.ts';
import { volumeClass } from '../../../schemas/helpers/volume-binding.ts';
import { keyOf, type KubeObject } from '../../../schemas/meta/object.ts';
import { budgetOf } from '../budgets.ts';
import { ownersSelector } from '../owners.ts';
import { mayNeedDevices } from '../plugins/dynamic-resources/view.ts';
import type { Cycle } from '../plugins/plugin.ts';
import type { Budget } from '../preemption.ts';
import { podInfo } from '../snapshot/pod-info.ts';
import { Snapshot } from '../snapshot/snapshot.ts';
import { devicesFrom } from './devices.ts';

/** Resources that decide where a pod may go, by group (absent: core) and plural. */
export const DECISIVE = [
  'nodes', 'pods', 'namespaces', 'services', 'replicationcontrollers', 'apps/replicasets', 'apps/statefulsets',
  'persistentvolumeclaims', 'persistentvolumes', 'storage.k8s.io/storageclasses',
  'storage.k8s.io/csinodes', 'storage.k8s.io/csidrivers', 'storage.k8s.io/csistoragecapacities',
  'storage.k8s.io/volumeattachments', 'policy/poddisruptionbudgets',
  'resource.k8s.io/resourceclaims', 'resource.k8s.io/deviceclasses', 'resource.k8s.io/resourceslices',
] as const; // prettier-ignore
export type Decisive = (typeof DECISIVE)[number];
/** A cluster at one moment. */
export type Objects = Readonly<Partial<Record<Decisive, readonly KubeObject[]>>>;

export interface Moment {
  readonly cycle: Cycle;
  readonly budgets: readonly Budget[];
  /** Why the pod is not even tried: claims for devices that are not there yet. */
  readonly gate?: string | undefined;
}
/** All that one attempt at placing the pod would read, had it happened while the cluster was this one. */
export function cycleFrom(objects: Objects, pod: Pod, world: World): Moment {
  const all = <T extends KubeObject>(resource: Decisive): readonly T[] => (objects[resource] ?? []) as readonly T[];
  const byKey = <T extends KubeObject>(resource: Decisive): Map<string, T> => new Map(all<T>(resource).map((o) => [keyOf(o), o])); // prettier-ignore
  const namespaces = byKey<Namespace>('namespaces');
  const snapshot = new Snapshot((name) => namespaces.get(name)?.metadata.labels);
  for (const node of all<Node>('nodes')) snapshot.setNode(node);
  for (const each of all<Pod>('pods')) {
    if (isTerminal(each) || each.metadata.uid === pod.metadata.uid) continue;
    const { nodeName } = each.spec ?? {};
    if (nodeName) snapshot.setPod(podInfo(each), nodeName);
    else if (each.status?.nominatedNodeName) snapshot.nominate(podInfo(each), each.status.nominatedNodeName);
  }
  const info = podInfo(pod);
  if (pod.status?.nominatedNodeName) snapshot.nominate(info, pod.status.nominatedNodeName);
  const services = Map.groupBy(all<Service>('services'), (service) => service.metadata.namespace ?? '');
  const owners: Readonly<Record<string, Map<string, KubeObject>>> = {
    ReplicaSet: byKey('apps/replicasets'),
    StatefulSet: byKey('apps/statefulsets'),
    ReplicationController: byKey('replicationcontrollers'),
  };
  const claims = byKey<PersistentVolumeClaim>('persistentvolumeclaims');
  const volumes = byKey<PersistentVolume>('persistentvolumes');
  const classes = byKey<StorageClass>('storage.k8s.io/storageclasses');
  const csiNodes = byKey<CSINode>('storage.k8s.io/csinodes');
  const csiDrivers = byKey<CSIDriver>('storage.k8s.io/csidrivers');
  const attachments = Map.groupBy(
    all<VolumeAttachment>('storage.k8s.io/volumeattachments'),
    ({ spec }) => spec.nodeName,
  );
  const ofClass = Map.groupBy(volumes.values(), volumeClass);
  const devices = devicesFrom(
    {
      claims: all<ResourceClaim>('resource.k8s.io/resourceclaims'),
      classes: all<DeviceClass>('resource.k8s.io/deviceclasses'),
      slices: all<ResourceSlice>('resource.k8s.io/resourceslices'),
    },
    world,
  );
  const cycle: Cycle = {
    devices,
    isDeviceResource: (name) => devices.isBacked(name),
    pod: info,
    snapshot,
    ownersSelector: ownersSelector({
      services: (namespace) => services.get(namespace) ?? [],
      owner: (kind, namespace, name) => owners[kind]?.get(`${namespace}/${name}`),
    }),
    volumes: {
      claim: (namespace, name) => claims.get(`${namespace}/${name}`),
      volume: (name) => volumes.get(name),
      storageClass: (name) => classes.get(name),
      volumesOfClass: (name) => ofClass.get(name) ?? [],
      promisedTo: () => undefined,
      nodeOf: () => undefined,
      csiNode: (name) => csiNodes.get(name),
      csiDriver: (name) => csiDrivers.get(name),
      capacities: () => all<CSIStorageCapacity>('storage.k8s.io/csistoragecapacities'),
      attachments: (node) => attachments.get(node) ?? [],
    },
  };
  const gate = mayNeedDevices(info) ? devices.waitsFor(pod) : undefined;
  return { cycle, budgets: all<PodDisruptionBudget>('policy/poddisruptionbudgets').map(budgetOf), gate };
}
