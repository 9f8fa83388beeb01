/** How many volumes and claims there are, and how many found each other. Source: pkg/controller/volume/persistentvolume/metrics. */
import type { PersistentVolume, PersistentVolumeClaim } from '../../../schemas/generated/core-v1.ts';
import { claimClass } from '../../../schemas/helpers/volume-binding.ts';
import type { Registry, Sample } from '../../runtime/metrics/registry.ts';

type Source = keyof NonNullable<PersistentVolume['spec']>;
const PLUGINS: readonly (readonly [Source, string])[] = [
  ['hostPath', 'kubernetes.io/host-path'],
  ['nfs', 'kubernetes.io/nfs'],
  ['local', 'kubernetes.io/local-volume'],
  ['iscsi', 'kubernetes.io/iscsi'],
  ['fc', 'kubernetes.io/fc'],
];
const pluginOf = ({ spec }: PersistentVolume): string =>
  spec?.csi ? `kubernetes.io/csi:${spec.csi.driver}` : (PLUGINS.find(([source]) => spec?.[source])?.[1] ?? 'N/A');
const volumeLabels = ({ spec }: PersistentVolume): Sample[0] => ({ storage_class: spec?.storageClassName ?? '' });
const claimLabels = (claim: PersistentVolumeClaim): Sample[0] => ({
  namespace: claim.metadata.namespace ?? '',
  storage_class: claimClass(claim),
  volume_attributes_class: claim.spec?.volumeAttributesClassName ?? '',
});
const isBound = ({ status }: PersistentVolume | PersistentVolumeClaim): boolean => status?.phase === 'Bound';

/** Read with each scrape; none where this process does not lead. */
export function volumeMetrics(
  registry: Registry,
  volumes: () => Iterable<PersistentVolume>,
  claims: () => Iterable<PersistentVolumeClaim>,
): void {
  const count = <T>(what: string, help: string, all: () => Iterable<T>, is: (one: T) => boolean, labels: (one: T) => Sample[0]): void =>
    registry.gauge({ name: `pv_collector_${what}`, stability: 'ALPHA', help }, function* (): Iterable<Sample> {
      for (const one of all()) if (is(one)) yield [labels(one), 1];
    });
  count('total_pv_count', 'Gauge measuring total number of persistent volumes', volumes, () => true, (volume) => ({
    plugin_name: pluginOf(volume),
    volume_mode: volume.spec?.volumeMode ?? 'Filesystem',
  }));
  count('bound_pv_count', 'Gauge measuring number of persistent volume currently bound', volumes, isBound, volumeLabels);
  count('unbound_pv_count', 'Gauge measuring number of persistent volume currently unbound', volumes, (one) => !isBound(one), volumeLabels);
  count('bound_pvc_count', 'Gauge measuring number of persistent volume claim currently bound', claims, isBound, claimLabels);
  count('unbound_pvc_count', 'Gauge measuring number of persistent volume claim currently unbound', claims, (one) => !isBound(one), claimLabels);
} // prettier-ignore
