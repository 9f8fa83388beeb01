import type { PersistentVolume, PersistentVolumeClaim } from '../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../schemas/generated/storage-v1.ts';
import { LOCAL_PROVISIONER, localPathOf, PROVISIONED_BY } from '../../schemas/helpers/local-volumes.ts';
import { requestedSize, SELECTED_NODE } from '../../schemas/helpers/volume-binding.ts';
import { goQuote } from '../../schemas/meta/go-quote.ts';
import type { Intent } from '../runtime/intent.ts';
import { persistentVolumeClaims, persistentVolumes } from '../runtime/resources.ts';

/** Source: sig-storage-lib-external-provisioner controller.go. */
const ASKED = ['volume.kubernetes.io/storage-provisioner', 'volume.beta.kubernetes.io/storage-provisioner'];
export const FINALIZER = 'external-provisioner.volume.kubernetes.io/finalizer';
const HOSTNAME = 'kubernetes.io/hostname';
/** Of a volume: its node by name, which may be another than its hostname. */
const NODE = 'kubus.dev/node';
/** A folder is on one node, so that is who may have it. */
const MODES: readonly string[] = ['ReadWriteOnce', 'ReadWriteOncePod'];

/** Whether the claim waits for a volume of ours. */
export const isOurs = ({ metadata, spec }: PersistentVolumeClaim): boolean =>
  metadata.deletionTimestamp === undefined &&
  !spec?.volumeName &&
  ASKED.some((name) => metadata.annotations?.[name] === LOCAL_PROVISIONER);
export const volumeNameOf = ({ metadata }: PersistentVolumeClaim): string => `pvc-${metadata.uid}`;

/** What becomes of a claim that waits for us. `hostname` of the node that was chosen; undefined: there is no such node. Pure. */
export function provision(claim: PersistentVolumeClaim, storageClass: StorageClass | undefined, hostname: string | undefined): readonly Intent[] {
  const { name, namespace, uid, resourceVersion, annotations = {} } = claim.metadata;
  const event = (type: 'Normal' | 'Warning', reason: string, message: string): Intent => ({ op: 'event', type, regarding: claim, reason, message });
  const failed = (why: string): readonly Intent[] => [
    event('Warning', 'ProvisioningFailed', `failed to provision volume with StorageClass ${goQuote(storageClass?.metadata.name ?? '')}: ${why}`),
  ];
  if (storageClass === undefined || storageClass.provisioner !== LOCAL_PROVISIONER) return [];
  const { accessModes = [], volumeMode } = claim.spec ?? {};
  if (volumeMode === 'Block') return failed('block volumes are not supported');
  if (claim.spec?.selector !== undefined) return failed('claim.Spec.Selector is not supported');
  if (!accessModes.every((mode) => MODES.includes(mode))) return failed('only ReadWriteOnce and ReadWriteOncePod access modes are supported');
  if (annotations[SELECTED_NODE] === undefined) return failed('configuration error, no node was specified');
  if (hostname === undefined)
    return [
      ...failed(`node ${goQuote(annotations[SELECTED_NODE])} not found`),
      // The scheduler chooses another one.
      { op: 'patch', gvr: persistentVolumeClaims, namespace, name: name!, type: 'merge', patch: { metadata: { resourceVersion, annotations: { [SELECTED_NODE]: null } } }, tolerate: ['NotFound', 'Conflict'] },
    ];
  const volume = volumeNameOf(claim);
  const made: PersistentVolume = {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume, annotations: { [PROVISIONED_BY]: LOCAL_PROVISIONER, [NODE]: annotations[SELECTED_NODE] }, finalizers: [FINALIZER] },
    spec: {
      capacity: { storage: requestedSize(claim) },
      accessModes,
      volumeMode: 'Filesystem',
      persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
      storageClassName: storageClass.metadata.name,
      ...(storageClass.mountOptions !== undefined && { mountOptions: storageClass.mountOptions }),
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name, uid, resourceVersion },
      local: { path: localPathOf(volume) },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: HOSTNAME, operator: 'In', values: [hostname] }] }] } },
    },
  };
  return [
    event('Normal', 'Provisioning', `External provisioner is provisioning volume for claim ${goQuote(`${namespace}/${name}`)}`),
    { op: 'create', gvr: persistentVolumes, object: made, tolerate: ['AlreadyExists'] },
    event('Normal', 'ProvisioningSucceeded', `Successfully provisioned volume ${volume}`),
  ];
} // prettier-ignore

/** Whether the volume's folder is to be removed, and then the volume. Source: shouldDelete. */
export const isToGo = ({ metadata, spec, status }: PersistentVolume): boolean =>
  metadata.annotations?.[PROVISIONED_BY] === LOCAL_PROVISIONER &&
  spec?.persistentVolumeReclaimPolicy === 'Delete' &&
  (status?.phase === 'Released' || status?.phase === 'Failed' || (status?.phase === 'Available' && metadata.deletionTimestamp !== undefined)) &&
  (metadata.deletionTimestamp === undefined || metadata.finalizers?.includes(FINALIZER) === true); // prettier-ignore

/** Name of the node that has the folder; undefined: nobody says. */
export const nodeOf = ({ metadata }: PersistentVolume): string | undefined => metadata.annotations?.[NODE];

/** The folder is gone: so is the volume. Pure. */
export function discard(volume: PersistentVolume): readonly Intent[] {
  const { name, uid, deletionTimestamp, finalizers } = volume.metadata;
  const left = finalizers?.filter((one) => one !== FINALIZER);
  return [
    ...(deletionTimestamp === undefined ? [{ op: 'delete', gvr: persistentVolumes, namespace: undefined, name: name!, uid, tolerate: ['NotFound', 'Conflict'] } as const] : []),
    ...(left?.length === finalizers?.length ? [] : [{ op: 'patch', gvr: persistentVolumes, namespace: undefined, name: name!, type: 'merge', patch: { metadata: { finalizers: left } }, tolerate: ['NotFound'] } as const]),
  ];
} // prettier-ignore
/** Made where nobody has chosen one: what a claim that names no class gets. */
export const DEFAULT_CLASS: StorageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner: LOCAL_PROVISIONER,
  reclaimPolicy: 'Delete',
  volumeBindingMode: 'WaitForFirstConsumer',
};
