import type { PersistentVolume, PersistentVolumeClaim, Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import type { CSIDriver } from '../../../schemas/generated/storage-v1.ts';
import { aggregate } from '../../../schemas/meta/aggregate.ts';
import type { KubeObject } from '../../../schemas/meta/object.ts';
import type { Resource } from '../../../schemas/resource.ts';
import { find, kind, type AdmissionContext } from './common.ts';

/** Drivers that took the place of volume plugins in the tree. Source: k8s.io/csi-translation-lib plugins. */
const MIGRATED: readonly (readonly [keyof Volume, string])[] = [
  ['awsElasticBlockStore', 'ebs.csi.aws.com'],
  ['gcePersistentDisk', 'pd.csi.storage.gke.io'],
  ['cinder', 'cinder.csi.openstack.org'],
  ['azureDisk', 'disk.csi.azure.com'],
  ['azureFile', 'file.csi.azure.com'],
  ['vsphereVolume', 'csi.vsphere.vmware.com'],
  ['portworxVolume', 'pxd.portworx.com'],
];
const migrated = (source: Readonly<Record<string, unknown>>): string | undefined =>
  MIGRATED.find(([name]) => source[name] !== undefined)?.[1];

export interface AudienceAnswer {
  readonly found: boolean;
  /** What could not be looked at; '' if nothing. */
  readonly problems: string;
}
/**
 * Whether a pod's volumes ask for tokens of this audience: its projected tokens, and drivers of its volumes.
 * Source: kubernetes plugin/pkg/admission/noderestriction podReferencesAudience.
 */
export function createAudiences(context: AdmissionContext): (pod: Pod, audience: string) => Promise<AudienceAnswer> {
  const claims = kind(context, '', 'persistentvolumeclaims');
  const volumes = kind(context, '', 'persistentvolumes');
  const drivers = kind(context, 'storage.k8s.io', 'csidrivers');
  const look = async <T extends KubeObject>(
    resource: Resource,
    says: string,
    namespace: string,
    name: string,
  ): Promise<T> => {
    const found = await find<T>(context, resource, namespace, name);
    if (found === undefined) throw new RangeError(`${says} ${JSON.stringify(name)} not found`);
    return found;
  };
  const ofClaim = async (namespace: string, name: string): Promise<string | undefined> => {
    const claim = await look<PersistentVolumeClaim>(claims, 'persistentvolumeclaim', namespace, name);
    const volume = await look<PersistentVolume>(volumes, 'persistentvolume', '', claim.spec?.volumeName ?? '');
    return volume.spec?.csi?.driver ?? migrated((volume.spec ?? {}) as Readonly<Record<string, unknown>>);
  };
  const driverOf = (pod: Pod, volume: Volume): Promise<string | undefined> | string | undefined => {
    const namespace = pod.metadata.namespace ?? '';
    if (volume.ephemeral?.volumeClaimTemplate !== undefined)
      return ofClaim(namespace, `${pod.metadata.name ?? ''}-${volume.name}`);
    if (volume.persistentVolumeClaim !== undefined) return ofClaim(namespace, volume.persistentVolumeClaim.claimName);
    return volume.csi?.driver ?? migrated(volume as unknown as Readonly<Record<string, unknown>>);
  };
  return async (pod, audience) => {
    const problems: string[] = [];
    for (const volume of pod.spec?.volumes ?? []) {
      const asked = volume.projected?.sources?.some(
        (s) => s.serviceAccountToken !== undefined && (s.serviceAccountToken.audience ?? '') === audience,
      );
      if (asked === true) return { found: true, problems: '' };
      try {
        const name = await driverOf(pod, volume);
        if (!name) continue;
        const driver = await look<CSIDriver>(drivers, 'csidriver.storage.k8s.io', '', name);
        if (driver.spec?.tokenRequests?.some((t) => t.audience === audience)) return { found: true, problems: '' };
      } catch (error) {
        if (!(error instanceof RangeError)) throw error;
        problems.push(error.message);
      }
    }
    return { found: false, problems: problems.length === 0 ? '' : aggregate(problems) };
  };
}
