import type { CSIStorageCapacity } from '../../../schemas/generated/storage-v1.ts';
import { claimsOfPod } from '../../../schemas/helpers/volume-binding.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import { planOn, wanted } from '../volumes/plan.ts';
import type { FilterPlugin } from './plugin.ts';

const NAME = 'VolumeBinding';
const MIGRATED_PLUGINS = 'storage.alpha.kubernetes.io/migrated-plugins';
const isMore = (now: CSIStorageCapacity, old: CSIStorageCapacity): boolean =>
  compareQuantities(
    String(now.maximumVolumeSize ?? now.capacity ?? 0),
    String(old.maximumVolumeSize ?? old.capacity ?? 0),
  ) > 0;

/**
 * A pod goes where its volumes are, or can be: bound ones by their affinity, and those of claims that wait for their first
 * pod where there are free ones or where they may be made. What is promised there is written before the pod is bound, see
 * ../volumes. Source: scheduler plugins/volumebinding.
 */
export const volumeBinding = (): FilterPlugin => ({
  name: NAME,
  prepare({ pod, volumes }) {
    const want = volumes && wanted(pod.pod, volumes);
    if (volumes === undefined || want === undefined) return 'skip';
    const refusal = (reasons: readonly string[]) => ({ plugin: NAME, reasons, resolvable: false });
    if ('reason' in want) return { reject: refusal([want.reason]) };
    return {
      filter(node) {
        const plan = planOn(want, node, volumes);
        return 'reasons' in plan ? refusal(plan.reasons) : undefined;
      },
    };
  },
  hint(event, pod) {
    switch (event.type) {
      case 'claim.changed':
        return event.namespace === pod.namespace && claimsOfPod(pod.pod).some(({ name }) => name === event.name);
      case 'volume.changed':
      case 'node.added':
        return true;
      case 'node.updated':
        return !equal(event.old.metadata.labels, event.node.labels);
      case 'csiNode.changed':
        return (
          event.old === undefined ||
          event.old.metadata.annotations?.[MIGRATED_PLUGINS] !== event.now.metadata.annotations?.[MIGRATED_PLUGINS]
        );
      case 'csiDriver.changed':
        return event.old?.spec.storageCapacity === true && event.now.spec.storageCapacity !== true;
      case 'storageCapacity.changed':
        return event.old === undefined || isMore(event.now, event.old);
      case 'storageClass.changed':
        return event.old === undefined || !equal(event.old.allowedTopologies, event.storageClass.allowedTopologies);
      default:
        return false;
    }
  },
});
