import type { PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import type { Ingress, IngressClass } from '../../../schemas/generated/networking-v1.ts';
import type { StorageClass } from '../../../schemas/generated/storage-v1.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, kind, newest, operations, type AdmissionContext } from './common.ts';

const marked = (o: KubeObject, ...annotations: readonly string[]): boolean =>
  annotations.some((name) => o.metadata.annotations?.[name] === 'true');

/** Source: kubernetes plugin/pkg/admission/storage/storageclass/setdefault. */
export function defaultStorageClass(context: AdmissionContext): AdmissionPlugin {
  const classes = kind(context, 'storage.k8s.io', 'storageclasses');
  return {
    name: 'DefaultStorageClass',
    handles: operations('CREATE'),
    mutate(a) {
      if (!isOn(a, '', 'persistentvolumeclaims')) return;
      const claim = a.object as PersistentVolumeClaim | undefined;
      if (claim === undefined) return;
      // An empty class means "none" and stays.
      if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
      if (claim.spec?.storageClassName !== undefined) return;
      const found = newest(
        [...context.cache.list<StorageClass>(classes)].filter((c) =>
          marked(c, 'storageclass.kubernetes.io/is-default-class', 'storageclass.beta.kubernetes.io/is-default-class'),
        ),
      );
      if (found !== undefined) (claim.spec ??= {}).storageClassName = found.metadata.name;
    },
  };
}

/** Source: kubernetes plugin/pkg/admission/network/defaultingressclass. */
export function defaultIngressClass(context: AdmissionContext): AdmissionPlugin {
  const classes = kind(context, 'networking.k8s.io', 'ingressclasses');
  return {
    name: 'DefaultIngressClass',
    handles: operations('CREATE'),
    mutate(a) {
      if (!isOn(a, 'networking.k8s.io', 'ingresses')) return;
      const ingress = a.object as Ingress | undefined;
      if (ingress === undefined || ingress.spec?.ingressClassName !== undefined) return;
      if (ingress.metadata.annotations?.['kubernetes.io/ingress.class'] !== undefined) return;
      const found = newest(
        [...context.cache.list<IngressClass>(classes)].filter((c) =>
          marked(c, 'ingressclass.kubernetes.io/is-default-class'),
        ),
      );
      if (found !== undefined) (ingress.spec ??= {}).ingressClassName = found.metadata.name;
    },
  };
}
