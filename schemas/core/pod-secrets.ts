import type { Container, Pod } from '../generated/core-v1.ts';

/** Names of the Secrets that the pod's spec names, in any of its places. Source: pkg/api/v1/pod VisitPodSecretNames. */
export function podSecretNames({ spec }: Pod): ReadonlySet<string> {
  const out = new Set<string>();
  const add = (name: string | undefined): void => void (name && out.add(name));
  for (const pull of spec?.imagePullSecrets ?? []) add(pull.name);
  const containers: readonly Pick<Container, 'env' | 'envFrom'>[] = [
    ...(spec?.initContainers ?? []),
    ...(spec?.containers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const source of container.envFrom ?? []) add(source.secretRef?.name);
    for (const variable of container.env ?? []) add(variable.valueFrom?.secretKeyRef?.name);
  }
  for (const volume of spec?.volumes ?? []) {
    add(volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) add(source.secret?.name);
    for (const ref of [
      volume.azureFile,
      volume.cephfs?.secretRef,
      volume.cinder?.secretRef,
      volume.flexVolume?.secretRef,
      volume.rbd?.secretRef,
      volume.scaleIO?.secretRef,
      volume.iscsi?.secretRef,
      volume.storageos?.secretRef,
      volume.csi?.nodePublishSecretRef,
    ] as readonly ({ name?: string; secretName?: string } | undefined)[])
      add(ref?.secretName ?? ref?.name);
  }
  return out;
}
