import type { PersistentVolumeSpec } from '../generated/core-v1.ts';

/**
 * Volume plugins that once were part of Kubernetes and are CSI drivers now: what names the plugin stands for the driver.
 * Source: pkg/volume/csimigration IsMigrationEnabledForPlugin, csi-translation-lib plugins.
 */
const MIGRATED: Readonly<Record<string, { readonly driver: string; readonly source: keyof PersistentVolumeSpec }>> = {
  'kubernetes.io/aws-ebs': { driver: 'ebs.csi.aws.com', source: 'awsElasticBlockStore' },
  'kubernetes.io/gce-pd': { driver: 'pd.csi.storage.gke.io', source: 'gcePersistentDisk' },
  'kubernetes.io/azure-file': { driver: 'file.csi.azure.com', source: 'azureFile' },
  'kubernetes.io/azure-disk': { driver: 'disk.csi.azure.com', source: 'azureDisk' },
  'kubernetes.io/cinder': { driver: 'cinder.csi.openstack.org', source: 'cinder' },
  'kubernetes.io/vsphere-volume': { driver: 'csi.vsphere.vmware.com', source: 'vsphereVolume' },
  'kubernetes.io/portworx-volume': { driver: 'pxd.portworx.com', source: 'portworxVolume' },
};
/** The CSI driver that does what the plugin did; undefined: it was never replaced. */
export const driverOfPlugin = (plugin: string): string | undefined =>
  Object.hasOwn(MIGRATED, plugin) ? MIGRATED[plugin]!.driver : undefined;
/** The replaced plugin that a volume's source belongs to. */
export const migratedPluginOf = (spec: PersistentVolumeSpec): string | undefined =>
  Object.keys(MIGRATED).find((plugin) => spec[MIGRATED[plugin]!.source] !== undefined);

/** What Kubernetes' own controllers still know to do with volumes. */
export type VolumeAbility = 'delete' | 'recycle' | 'provision';
/** Source: cmd/kube-controller-manager/app/plugins.go ProbeProvisionableRecyclableVolumePlugins. */
const OWN: Readonly<Record<string, { readonly source: keyof PersistentVolumeSpec; readonly can: readonly VolumeAbility[] }>> = {
  'kubernetes.io/host-path': { source: 'hostPath', can: ['delete', 'recycle', 'provision'] },
  'kubernetes.io/nfs': { source: 'nfs', can: ['recycle'] },
}; // prettier-ignore
const WORDS: Readonly<Record<VolumeAbility, string>> = {
  delete: 'deletable',
  recycle: 'recyclable',
  provision: 'provisionable',
};
/** Why the plugin of that name cannot do it; undefined: it can. Source: pkg/volume/plugins.go Find*PluginByName. */
export function lacksByName(name: string, ability: VolumeAbility): string | undefined {
  if (!Object.hasOwn(OWN, name)) return `no volume plugin matched name: ${name}`;
  return OWN[name]!.can.includes(ability) ? undefined : `no ${WORDS[ability]} volume plugin matched`;
}
/** The same by what the volume is. Source: pkg/volume/plugins.go Find*PluginBySpec. */
export function lacksBySpec(spec: PersistentVolumeSpec, ability: VolumeAbility): string | undefined {
  const plugin = Object.values(OWN).find(({ source }) => spec[source] !== undefined);
  if (plugin === undefined) return 'no volume plugin matched';
  return plugin.can.includes(ability) ? undefined : `no ${WORDS[ability]} volume plugin matched`;
}
