import type { CSINode, CSINodeDriver } from '../../../schemas/generated/storage-v1.ts';
import { claimsOfPod } from '../../../schemas/helpers/volume-binding.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import { attachedBy, mayBeAttached, type Attached } from '../volumes/csi.ts';
import type { VolumeView } from '../volumes/plan.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'NodeVolumeLimits';
const EXCEEDED = rejection(NAME, 'node(s) exceed max volume count', true);

/** A node that has none says so with null. */
const driversOf = (csiNode: CSINode | undefined): readonly CSINodeDriver[] => csiNode?.spec.drivers ?? [];

/**
 * A node takes as many volumes of a driver as the driver says there (CSINode). Source: scheduler plugins/nodevolumelimits.
 */
export const nodeVolumeLimits = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod, volumes }) => {
    if (volumes === undefined || pod.pod.spec?.volumes?.some(mayBeAttached) !== true) return 'skip';
    return {
      filter: (node) => {
        const csiNode = volumes.csiNode(node.name);
        const limits = driversOf(csiNode).filter(({ allocatable }) => allocatable?.count !== undefined);
        if (limits.length === 0) return undefined;
        const wanted = attachedBy(pod.pod, volumes, csiNode);
        if (wanted.size === 0) return undefined;
        const there: Attached = new Map();
        for (const other of node.pods.values()) attachedBy(other.pod, volumes, csiNode, there);
        for (const volume of there.keys()) wanted.delete(volume);
        addAttachments(node, volumes, there);
        for (const { name, allocatable } of limits) {
          const more = count(wanted, name);
          if (more > 0 && count(there, name) + more > allocatable!.count!) return EXCEEDED;
        }
        return undefined;
      },
    };
  },
  hint: (event, pod) => {
    switch (event.type) {
      case 'pod.released':
        return event.pod.pod.spec?.volumes?.some(mayBeAttached) ?? false;
      case 'claim.changed':
        return (
          event.isNew &&
          event.namespace === pod.namespace &&
          claimsOfPod(pod.pod).some(({ name }) => name === event.name)
        );
      case 'csiNode.changed':
        return (
          event.old === undefined ||
          driversOf(event.now).some(
            ({ name, allocatable }) =>
              (allocatable?.count ?? 0) > (driversOf(event.old).find((d) => d.name === name)?.allocatable?.count ?? 0),
          )
        );
      case 'volumeAttachment.gone':
        return (
          pod.claims.length > 0 ||
          (pod.pod.spec?.volumes?.some((v) => v.ephemeral === undefined && mayBeAttached(v)) ?? false)
        );
      default:
        return false;
    }
  },
});
function count(volumes: Attached, driver: string): number {
  let n = 0;
  for (const each of volumes.values()) if (each === driver) n++;
  return n;
}
/** What is attached though no pod there uses it (any more, or yet). */
function addAttachments(node: NodeInfo, volumes: VolumeView, into: Attached): void {
  for (const { spec } of volumes.attachments(node.name)) {
    const name = spec.source.persistentVolumeName;
    const csi = name === undefined ? undefined : volumes.volume(name)?.spec?.csi;
    if (csi !== undefined && spec.attacher !== '') into.set(`${spec.attacher}/${csi.volumeHandle}`, spec.attacher);
  }
}
