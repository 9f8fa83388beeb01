import type { PersistentVolume } from '../generated/core-v1.ts';

/** Who makes persistent volumes of folders of real nodes: the provisioner that classes name. */
export const LOCAL_PROVISIONER = 'kubus.dev/local';
/** Where they lie, as a node sees its own files; each by the name of its volume. */
export const LOCAL_VOLUMES = '/run/kubus-node/local-volumes';
/** Source: pkg/controller/volume/persistentvolume/util AnnDynamicallyProvisioned. */
export const PROVISIONED_BY = 'pv.kubernetes.io/provisioned-by';

export const localPathOf = (volume: string): string => `${LOCAL_VOLUMES}/${volume}`;
/** Whether the volume's folder is its own, to be made and removed with it. */
export const isOwnFolder = ({ metadata, spec }: PersistentVolume): boolean =>
  metadata.annotations?.[PROVISIONED_BY] === LOCAL_PROVISIONER &&
  spec?.local?.path === localPathOf(metadata.name ?? '');
