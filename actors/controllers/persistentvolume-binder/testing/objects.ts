import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from '../../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../../schemas/generated/storage-v1.ts';
import type { ObjectMeta } from '../../../../schemas/meta/object.ts';

/** 1Gi, ReadWriteOnce, of no class, on the host. */
export const aVolume = (name: string, spec: Partial<PersistentVolumeSpec> = {}, metadata: Partial<ObjectMeta> = {}): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name, ...metadata },
  spec: {
    capacity: { storage: '1Gi' },
    accessModes: ['ReadWriteOnce'],
    persistentVolumeReclaimPolicy: 'Retain',
    hostPath: { path: `/tmp/${name}` },
    ...spec,
  },
}); // prettier-ignore
/** Wants 1Gi, ReadWriteOnce, of no class. */
export const aClaim = (name: string, spec: Partial<PersistentVolumeClaimSpec> = {}, metadata: Partial<ObjectMeta> = {}): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'd', ...metadata },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '', ...spec },
}); // prettier-ignore
export const aClass = (name: string, more: Partial<StorageClass> = {}, metadata: Partial<ObjectMeta> = {}): StorageClass => ({
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name, ...metadata },
  provisioner: 'x.io/disks',
  ...more,
}); // prettier-ignore
