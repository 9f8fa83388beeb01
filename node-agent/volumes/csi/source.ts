import type { CSIPersistentVolumeSource, Pod, SecretReference } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver } from '../../../schemas/generated/storage-v1.ts';
import { goQuote } from '../../../schemas/meta/go-quote.ts';
import { isBlock, type PodVolume } from '../plugin.ts';
import type { CsiDriver } from './drivers.ts';
import { CAN } from './protocol.ts';
import { ephemeralHandle } from './volume-data.ts';

/** As the plugin's own messages begin. */
export const said = (what: string): string => `kubernetes.io/csi: ${what}`;
export type Strings = Readonly<Record<string, string>>;

/** Source: asCSIAccessModeV1, asSingleNodeMultiWriterCapableCSIAccessModeV1. */
const MODES: Readonly<Record<string, { readonly plain: number; readonly multi: number }>> = {
  ReadWriteOnce: { plain: 1, multi: 7 },
  ReadOnlyMany: { plain: 3, multi: 3 },
  ReadWriteMany: { plain: 5, multi: 5 },
  ReadWriteOncePod: { plain: 1, multi: 6 },
};
type Lifecycle = 'Persistent' | 'Ephemeral';
/** What a pod's volume says of the driver's. */
export interface Source {
  readonly driver: string;
  readonly handle: string;
  readonly lifecycle: Lifecycle;
  readonly fsType: string;
  readonly readOnly: boolean;
  readonly attributes: Strings;
  readonly publishSecret: SecretReference | undefined;
  readonly stageSecret: SecretReference | undefined;
  readonly accessModes: readonly string[];
  readonly mountOptions: readonly string[];
  readonly isBlock: boolean;
}
export function sourceOf({ pod, volume, persistent, readOnly }: PodVolume): Source {
  if (persistent !== undefined) {
    const {
      driver,
      volumeHandle,
      fsType = '',
      readOnly: own = false,
      volumeAttributes = {},
      nodePublishSecretRef,
      nodeStageSecretRef,
    } = persistent.spec!.csi as CSIPersistentVolumeSource;
    return {
      driver,
      handle: volumeHandle,
      lifecycle: 'Persistent',
      fsType,
      readOnly: readOnly || own,
      attributes: volumeAttributes,
      publishSecret: nodePublishSecretRef,
      stageSecret: nodeStageSecretRef,
      accessModes: persistent.spec!.accessModes ?? [],
      mountOptions: persistent.spec!.mountOptions ?? [],
      isBlock: isBlock({ persistent }),
    };
  }
  const { driver, fsType = '', readOnly: own = false, volumeAttributes = {}, nodePublishSecretRef } = volume.csi!;
  const { uid, namespace } = pod.metadata;
  return {
    driver,
    handle: ephemeralHandle(uid!, volume.name),
    lifecycle: 'Ephemeral',
    fsType,
    readOnly: own,
    attributes: volumeAttributes,
    publishSecret: nodePublishSecretRef && { name: nodePublishSecretRef.name, namespace },
    stageSecret: undefined,
    accessModes: [],
    mountOptions: [],
    isBlock: false,
  };
}
/** How it is to be had, as drivers are told. */
export const capability = (
  { fsType, mountOptions, accessModes, isBlock: asDevice }: Source,
  driver: CsiDriver,
  { spec }: Pod,
): object => {
  const group = driver.can(CAN.mountGroup) ? spec?.securityContext?.fsGroup : undefined;
  const { plain, multi } = MODES[accessModes[0] ?? 'ReadWriteOnce'] ?? { plain: 0, multi: 0 };
  const accessMode = { mode: driver.can(CAN.multiWriter) ? multi : plain };
  if (asDevice) return { block: {}, accessMode };
  return {
    mount: { fsType, mountFlags: mountOptions, ...(group !== undefined && { volumeMountGroup: String(group) }) },
    accessMode,
  };
};
/** Throws where the driver does not say that it can. Source: supportsVolumeLifecycleMode. */
export function checkLifecycle({ lifecycle, driver }: Source, object: CSIDriver | undefined): void {
  const refuse = (why: string): never => {
    throw new Error(
      said(
        `mounter.SetupAt failed to check volume lifecycle mode: volume mode ${goQuote(lifecycle)} not supported by driver ${driver} (${why})`,
      ),
    );
  };
  if (object === undefined) return lifecycle === 'Persistent' ? undefined : refuse('no CSIDriver object');
  const modes = object.spec.volumeLifecycleModes ?? ['Persistent'];
  if (!modes.includes(lifecycle)) refuse(`only supports [${modes.map(goQuote).join(' ')}]`);
}
/** Source: getPodInfoAttrs. */
export const podInfo = ({ metadata, spec }: Pod, { lifecycle }: Source): Strings => ({
  'csi.storage.k8s.io/pod.name': metadata.name!,
  'csi.storage.k8s.io/pod.namespace': metadata.namespace!,
  'csi.storage.k8s.io/pod.uid': metadata.uid!,
  'csi.storage.k8s.io/serviceAccount.name': spec?.serviceAccountName ?? '',
  'csi.storage.k8s.io/ephemeral': String(lifecycle === 'Ephemeral'),
});
/** Source: supportsFSGroup. */
export function takesGroup(
  { readOnly, fsType, lifecycle, accessModes }: Source,
  object: CSIDriver | undefined,
): boolean {
  const policy = object?.spec.fsGroupPolicy ?? 'ReadWriteOnceWithFSType';
  if (readOnly || policy === 'None') return false;
  if (policy === 'File') return true;
  return (
    fsType !== '' &&
    (lifecycle === 'Ephemeral' || accessModes.some((mode) => mode === 'ReadWriteOnce' || mode === 'ReadWriteOncePod'))
  );
}
/** Codes of gRPC after which nobody knows what the driver has done. Source: pkg/volume/csi isFinalError. */
export const UNCERTAIN: ReadonlySet<string | undefined> = new Set([
  'Canceled',
  'DeadlineExceeded',
  'Unavailable',
  'ResourceExhausted',
  'Aborted',
]);
