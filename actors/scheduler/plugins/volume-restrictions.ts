import type { Pod, Volume } from '../../../schemas/generated/core-v1.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'VolumeRestrictions';
const CONFLICT = rejection(NAME, 'node(s) had no available disk', true);
const IN_USE = rejection(
  NAME,
  'node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod',
  true,
);

/**
 * No two pods write to one disk from one node, and none uses a claim that is for one pod only while another does. Source:
 * scheduler plugins/volumerestrictions.
 */
export const volumeRestrictions = (): FilterPlugin => ({
  name: NAME,
  dependsOnPods: true,
  prepare: ({ pod, snapshot, volumes }) => {
    const disks = pod.pod.spec?.volumes?.filter(isDisk) ?? [];
    if (disks.length === 0 && pod.claims.length === 0) return 'skip';
    let isUsed = false;
    if (volumes !== undefined)
      for (const name of pod.claims) {
        const claim = volumes.claim(pod.namespace, name);
        if (claim === undefined) return { reject: rejection(NAME, `persistentvolumeclaim "${name}" not found`) };
        if (claim.spec?.accessModes?.includes('ReadWriteOncePod') && snapshot.isClaimUsed(pod.namespace, name))
          isUsed = true;
      }
    if (disks.length === 0 && !isUsed) return 'skip';
    return { filter: (node) => (collides(disks, node) ? CONFLICT : isUsed ? IN_USE : undefined) };
  },
  hint: (event, pod) => {
    switch (event.type) {
      case 'node.added':
        return true;
      case 'claim.changed':
        return event.isNew && event.namespace === pod.namespace && pod.claims.includes(event.name);
      case 'pod.released':
        return (
          event.pod.namespace === pod.namespace &&
          ((pod.pod.spec?.volumes?.some((v) => isDisk(v) && usesDisk(event.pod.pod, v)) ?? false) ||
            event.pod.claims.some((name) => pod.claims.includes(name)))
        );
      default:
        return false;
    }
  },
});
const isDisk = (v: Volume): boolean =>
  v.gcePersistentDisk !== undefined ||
  v.awsElasticBlockStore !== undefined ||
  v.rbd !== undefined ||
  v.iscsi !== undefined;
function collides(disks: readonly Volume[], node: NodeInfo): boolean {
  if (disks.length > 0)
    for (const { pod } of node.pods.values()) for (const disk of disks) if (usesDisk(pod, disk)) return true;
  return false;
}
const usesDisk = (pod: Pod, disk: Volume): boolean =>
  pod.spec?.volumes?.some((theirs) => isSameDisk(disk, theirs)) ?? false;

/** One disk, and not both only read it (an EBS volume is not shared at all). Source: isVolumeConflict. */
function isSameDisk(a: Volume, b: Volume): boolean {
  const [gce, otherGce] = [a.gcePersistentDisk, b.gcePersistentDisk];
  if (gce && otherGce && gce.pdName === otherGce.pdName && !(gce.readOnly && otherGce.readOnly)) return true;
  const [ebs, otherEbs] = [a.awsElasticBlockStore, b.awsElasticBlockStore];
  if (ebs && otherEbs && ebs.volumeID === otherEbs.volumeID) return true;
  const [iscsi, otherIscsi] = [a.iscsi, b.iscsi];
  if (iscsi && otherIscsi && iscsi.iqn === otherIscsi.iqn && !(iscsi.readOnly && otherIscsi.readOnly)) return true;
  const [rbd, otherRbd] = [a.rbd, b.rbd];
  if (rbd === undefined || otherRbd === undefined || (rbd.readOnly && otherRbd.readOnly)) return false;
  return (
    (rbd.pool ?? RBD_POOL) === (otherRbd.pool ?? RBD_POOL) &&
    rbd.image === otherRbd.image &&
    rbd.monitors.some((monitor) => otherRbd.monitors.includes(monitor))
  );
}
const RBD_POOL = 'rbd';
