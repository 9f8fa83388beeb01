import type { Pod } from '../../schemas/generated/core-v1.ts';

/** All that a pod runs, has run or will run. */
export const containersOf = ({ spec }: Pod) => [
  ...(spec?.initContainers ?? []),
  ...(spec?.containers ?? []),
  ...(spec?.ephemeralContainers ?? []),
];
/** Names of the volumes that some container has, as files or as a device: others are not looked at. Source: pkg/volume/util GetPodVolumeNames. */
export function usedVolumes(pod: Pod): ReadonlySet<string> {
  const mounts = containersOf(pod).flatMap(({ volumeMounts = [], volumeDevices = [] }) => [...volumeMounts, ...volumeDevices]); // prettier-ignore
  return new Set(mounts.map(({ name }) => name));
}
