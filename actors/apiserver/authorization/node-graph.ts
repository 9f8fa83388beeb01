import { podSecretNames } from '../../../schemas/core/pod-secrets.ts';
import type { PersistentVolume, Pod, PodSpec, Container } from '../../../schemas/generated/core-v1.ts';
import type { ResourceSlice } from '../../../schemas/generated/resource-v1.ts';
import type { VolumeAttachment } from '../../../schemas/generated/storage-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { Registry, Resource } from '../../../schemas/resource.ts';
import type { CacheReader } from '../request.ts';

/** Which objects a node may see: those its pods name, and what hangs on those. */
export interface NodeGraph {
  /** `type` is a resource's plural: secrets, configmaps, persistentvolumeclaims, serviceaccounts, pods, ... */
  reaches(node: string, type: string, namespace: string, name: string): boolean;
}
const MIRROR = 'kubernetes.io/config.mirror';
const id = (type: string, namespace: string, name: string): string => `${type}/${namespace}/${name}`;

/**
 * Keeps, for each object named by a pod on a node, by how many owners each node is led to it. Follows secrets, config maps,
 * claims and service accounts of pods, volumes of claims, secrets of volumes, attachments and slices of nodes.
 * Source: kubernetes plugin/pkg/auth/authorizer/node/graph.go.
 */
export function createNodeGraph(registry: Registry, cache: CacheReader): NodeGraph {
  const nodesOf = new Map<string, Map<string, number>>();
  const edges = new Map<string, { node: string; targets: readonly string[] }>();
  const volumes = new Map<string, { claim: string; secrets: readonly string[] }>();
  const volumesOfSecret = new Map<string, Set<string>>();

  const count = (target: string, node: string, by: number): void => {
    let nodes = nodesOf.get(target);
    if (nodes === undefined) nodesOf.set(target, (nodes = new Map()));
    const left = (nodes.get(node) ?? 0) + by;
    if (left > 0) nodes.set(node, left);
    else if (nodes.delete(node) && nodes.size === 0) nodesOf.delete(target);
  };
  const link = (owner: string, node: string | undefined, targets: readonly string[]): void => {
    const before = edges.get(owner);
    if (before !== undefined) {
      for (const target of before.targets) count(target, before.node, -1);
      edges.delete(owner);
    }
    if (!node) return;
    edges.set(owner, { node, targets });
    for (const target of targets) count(target, node, 1);
  };
  const follow = (
    resource: Resource | undefined,
    owner: (o: KubeObject, old: KubeObject | undefined, gone: boolean) => void,
  ): void => {
    if (resource === undefined) return;
    for (const object of cache.list(resource)) owner(object, undefined, false);
    cache.onChange(resource, (object, old) => owner((object ?? old)!, old, object === undefined));
  };
  const at = (group: string, name: string): Resource | undefined =>
    registry.lookup({ group, version: 'v1', resource: name });

  follow(at('', 'pods'), (object, old, gone) => {
    const pod = object as Pod;
    const node = pod.spec?.nodeName;
    // Most changes are of status, and what a bound pod names stays as it is.
    if (!gone && old !== undefined && sameReferences(pod, old)) return;
    const self = id('pods', pod.metadata.namespace ?? '', pod.metadata.name ?? '');
    link(self, gone ? undefined : node, node ? [self, ...referencedBy(pod)] : []);
  });
  follow(at('', 'persistentvolumes'), (object, _old, gone) => {
    const volume = object as PersistentVolume;
    const name = volume.metadata.name ?? '';
    for (const secret of volumes.get(name)?.secrets ?? []) volumesOfSecret.get(secret)?.delete(name);
    volumes.delete(name);
    const claim = volume.spec?.claimRef;
    if (gone || !claim?.name) return;
    const secrets = secretsOfVolume(volume, claim.namespace ?? '');
    volumes.set(name, { claim: id('persistentvolumeclaims', claim.namespace ?? '', claim.name), secrets });
    for (const secret of secrets) {
      const known = volumesOfSecret.get(secret);
      if (known === undefined) volumesOfSecret.set(secret, new Set([name]));
      else known.add(name);
    }
  });
  follow(at('storage.k8s.io', 'volumeattachments'), (object, _old, gone) => {
    const self = id('volumeattachments', '', object.metadata.name ?? '');
    link(self, gone ? undefined : (object as VolumeAttachment).spec?.nodeName, [self]);
  });
  follow(at('resource.k8s.io', 'resourceslices'), (object, _old, gone) => {
    const self = id('resourceslices', '', object.metadata.name ?? '');
    link(self, gone ? undefined : (object as ResourceSlice).spec?.nodeName, [self]);
  });

  const direct = (target: string, node: string): boolean => nodesOf.get(target)?.has(node) === true;
  const reachesVolume = (name: string, node: string): boolean => {
    const volume = volumes.get(name);
    return volume !== undefined && direct(volume.claim, node);
  };
  return {
    reaches(node, type, namespace, name) {
      // Who names a namespace asks for another thing.
      if (type === 'persistentvolumes') return namespace === '' && reachesVolume(name, node);
      const target = id(type, namespace, name);
      if (direct(target, node)) return true;
      if (type !== 'secrets') return false;
      for (const volume of volumesOfSecret.get(target) ?? []) if (reachesVolume(volume, node)) return true;
      return false;
    },
  };
}

const sameReferences = (pod: Pod, old: Pod): boolean =>
  pod.metadata.uid === old.metadata.uid &&
  pod.spec?.nodeName === old.spec?.nodeName &&
  pod.spec?.ephemeralContainers?.length === old.spec?.ephemeralContainers?.length &&
  pod.status?.resourceClaimStatuses?.length === old.status?.resourceClaimStatuses?.length &&
  pod.status?.extendedResourceClaimStatus?.resourceClaimName ===
    old.status?.extendedResourceClaimStatus?.resourceClaimName;

/** A mirror pod leads nowhere: a node must not be able to make a pod that opens other objects to it. */
function referencedBy(pod: Pod): string[] {
  if (pod.metadata.annotations?.[MIRROR] !== undefined) return [];
  const namespace = pod.metadata.namespace ?? '';
  const out = new Set<string>();
  const spec: PodSpec | undefined = pod.spec;
  if (spec === undefined) return [];
  if (spec.serviceAccountName) out.add(id('serviceaccounts', namespace, spec.serviceAccountName));
  for (const name of podSecretNames(pod)) out.add(id('secrets', namespace, name));
  const configMap = (name: string | undefined): void => {
    if (name) out.add(id('configmaps', namespace, name));
  };
  const containers: readonly Pick<Container, 'env' | 'envFrom'>[] = [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) configMap(source.configMapRef?.name);
    for (const variable of container.env ?? []) configMap(variable.valueFrom?.configMapKeyRef?.name);
  }
  for (const volume of spec.volumes ?? []) {
    configMap(volume.configMap?.name);
    for (const source of volume.projected?.sources ?? []) configMap(source.configMap?.name);
    const claim =
      volume.persistentVolumeClaim?.claimName ??
      (volume.ephemeral === undefined ? undefined : `${pod.metadata.name ?? ''}-${volume.name}`);
    if (claim) out.add(id('persistentvolumeclaims', namespace, claim));
  }
  for (const claim of spec.resourceClaims ?? []) {
    const made = pod.status?.resourceClaimStatuses?.find((s) => s.name === claim.name)?.resourceClaimName;
    const name = claim.resourceClaimName ?? made;
    if (name) out.add(id('resourceclaims', namespace, name));
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (extended) out.add(id('resourceclaims', namespace, extended));
  return [...out];
}

function secretsOfVolume(volume: PersistentVolume, claimNamespace: string): string[] {
  const spec = volume.spec;
  if (spec === undefined) return [];
  const refs: readonly ({ name?: string; namespace?: string } | undefined)[] = [
    spec.cephfs?.secretRef,
    spec.cinder?.secretRef,
    spec.flexVolume?.secretRef,
    spec.rbd?.secretRef,
    spec.scaleIO?.secretRef,
    spec.iscsi?.secretRef,
    spec.storageos?.secretRef,
    spec.csi?.controllerPublishSecretRef,
    spec.csi?.nodePublishSecretRef,
    spec.csi?.nodeStageSecretRef,
    spec.csi?.nodeExpandSecretRef,
  ] as readonly ({ name?: string; namespace?: string } | undefined)[];
  const out = refs.filter((ref) => ref?.name).map((ref) => id('secrets', ref!.namespace || claimNamespace, ref!.name!));
  if (spec.azureFile?.secretName)
    out.push(id('secrets', spec.azureFile.secretNamespace || claimNamespace, spec.azureFile.secretName));
  return out;
}
