import type { PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import type { AdmissionPlugin } from '../request.ts';
import { forbid, isOn, kind, operations, type AdmissionContext } from './common.ts';

const PROTECTED: readonly (readonly [group: string, resource: string, finalizer: string])[] = [
  ['', 'persistentvolumes', 'kubernetes.io/pv-protection'],
  ['', 'persistentvolumeclaims', 'kubernetes.io/pvc-protection'],
  ['storage.k8s.io', 'volumeattributesclasses', 'kubernetes.io/vac-protection'],
];

/** Volumes and claims in use outlive their deletion. Source: plugin/pkg/admission/storage/storageobjectinuseprotection. */
export const storageObjectInUseProtection = (): AdmissionPlugin => ({
  name: 'StorageObjectInUseProtection',
  handles: operations('CREATE'),
  mutate(a) {
    const found = PROTECTED.find(([group, resource]) => isOn(a, group, resource));
    if (found === undefined || a.object === undefined) return;
    const finalizers = (a.object.metadata.finalizers ??= []);
    if (!finalizers.includes(found[2])) finalizers.push(found[2]);
  },
});

/** Source: kubernetes plugin/pkg/admission/storage/persistentvolume/resize. */
export function persistentVolumeClaimResize(context: AdmissionContext): AdmissionPlugin {
  const classes = kind(context, 'storage.k8s.io', 'storageclasses');
  const classOf = (claim: PersistentVolumeClaim): string =>
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec?.storageClassName ?? '';
  return {
    name: 'PersistentVolumeClaimResize',
    handles: operations('UPDATE'),
    validate(a) {
      if (!isOn(a, '', 'persistentvolumeclaims')) return;
      const [claim, old] = [a.object, a.old] as (PersistentVolumeClaim | undefined)[];
      if (claim === undefined || old === undefined) return;
      const [size, before] = [claim, old].map((c) => c.spec?.resources?.requests?.['storage'] ?? '0');
      if (compareQuantities(size!, before!) <= 0) return;
      if (old.status?.phase !== 'Bound') throw forbid(a, 'Only bound persistent volume claims can be expanded');
      const [name, was] = [classOf(claim), classOf(old)];
      const found =
        name === '' || was === '' || name !== was ? undefined : context.cache.get<StorageClass>(classes, '', name);
      if (found?.allowVolumeExpansion !== true)
        throw forbid(
          a,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
    },
  };
}
