import type { PersistentVolume } from '../../../schemas/generated/core-v1.ts';
import { claimClass, delaysBinding } from '../../../schemas/helpers/volume-binding.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { NodeInfo } from '../snapshot/node-info.ts';
import type { PodInfo } from '../snapshot/pod-info.ts';
import type { VolumeView } from '../volumes/plan.ts';
import { rejection, type FilterPlugin } from './plugin.ts';

const NAME = 'VolumeZone';
const ELSEWHERE = rejection(NAME, 'node(s) had no available volume zone');
const ZONE = 'topology.kubernetes.io/zone';
const REGION = 'topology.kubernetes.io/region';
/** Old names, and what they are called now. */
const RENAMED: Readonly<Record<string, string>> = {
  'failure-domain.beta.kubernetes.io/zone': ZONE,
  'failure-domain.beta.kubernetes.io/region': REGION,
};
const LABELS = [...Object.keys(RENAMED), ZONE, REGION];

interface Place {
  readonly key: string;
  readonly values: readonly string[];
}
/** A pod goes to the zone and region that its volumes are labelled with. Source: scheduler plugins/volumezone. */
export const volumeZone = (): FilterPlugin => ({
  name: NAME,
  prepare: ({ pod, volumes }) => {
    if (volumes === undefined || pod.claims.length === 0) return 'skip';
    const places = placesOf(pod, volumes);
    if (typeof places === 'string') return { reject: rejection(NAME, places) };
    return places.length === 0 ? 'skip' : { filter: (node) => (isIn(node, places) ? undefined : ELSEWHERE) };
  },
  hint: (event, pod) => {
    switch (event.type) {
      case 'node.added':
        return true;
      case 'node.updated':
        return !equal(event.old.metadata.labels, event.node.labels);
      case 'claim.changed':
        return event.namespace === pod.namespace && pod.claims.includes(event.name);
      case 'volume.changed':
        return true;
      case 'storageClass.changed':
        return event.old === undefined && delaysBinding(event.storageClass);
      default:
        return false;
    }
  },
});
/** Where the volumes are, or why no node will do. */
function placesOf(pod: PodInfo, view: VolumeView): readonly Place[] | string {
  const places: Place[] = [];
  for (const name of pod.claims) {
    const claim = view.claim(pod.namespace, name);
    if (claim === undefined) return `persistentvolumeclaim "${name}" not found`;
    const { volumeName } = claim.spec ?? {};
    if (volumeName) {
      const volume = view.volume(volumeName);
      if (volume === undefined) return `persistentvolume "${volumeName}" not found`;
      places.push(...labelled(volume));
      continue;
    }
    const className = claimClass(claim);
    if (className === '') return 'PersistentVolumeClaim had no pv name and storageClass name';
    const storageClass = view.storageClass(className);
    if (storageClass === undefined) return `storageclass.storage.k8s.io "${className}" not found`;
    if (storageClass.volumeBindingMode === undefined)
      return `VolumeBindingMode not set for StorageClass "${className}"`;
    if (!delaysBinding(storageClass)) return 'PersistentVolume had no name';
  }
  return places;
}
/** Several zones are joined by two underscores; one that is empty makes the label none. Source: LabelZonesToSet. */
function labelled({ metadata }: PersistentVolume): readonly Place[] {
  return LABELS.flatMap((key) => {
    const values = metadata.labels?.[key]?.split('__').map((zone) => zone.trim());
    return values === undefined || values.includes('') ? [] : [{ key, values }];
  });
}
/** A node without any such label is not asked. */
function isIn(node: NodeInfo, places: readonly Place[]): boolean {
  if (!LABELS.some((label) => node.labels[label] !== undefined)) return true;
  return places.every(({ key, values }) => {
    const there = node.labels[key] ?? node.labels[RENAMED[key] ?? key];
    return there !== undefined && values.includes(there);
  });
}
