import type { PodStats } from '../../../bus/protocol/node.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { amount } from '../../../schemas/helpers/pod-resources.ts';
import { podQuantities } from '../../../schemas/helpers/pod-quantities.ts';
import { canonicalQuantity } from '../../../schemas/meta/quantity.ts';

const STORAGE = 'ephemeral-storage';
/** Whether it may be too much for one: of others nothing has to be counted. */
export const hasStorageLimit = ({ spec }: Pod): boolean =>
  (spec?.volumes ?? []).some(({ emptyDir }) => amount(STORAGE, emptyDir?.sizeLimit) > 0) ||
  [...(spec?.containers ?? []), ...(spec?.initContainers ?? [])].some(
    ({ resources }) => resources?.limits?.[STORAGE] !== undefined,
  );

/** Why a pod that keeps too much on the node has to go; undefined: it does not. Pure. Source: kubelet localStorageEviction. */
export function overStorageLimit(pod: Pod, stats: PodStats, hasImageFs: boolean): string | undefined {
  for (const { name, emptyDir } of pod.spec?.volumes ?? []) {
    const limit = amount(STORAGE, emptyDir?.sizeLimit);
    const used = stats.volume?.find((volume) => volume.name === name)?.usedBytes;
    if (limit > 0 && used !== undefined && used > limit)
      return `Usage of EmptyDir volume ${JSON.stringify(name)} exceeds the limit ${JSON.stringify(canonicalQuantity(emptyDir!.sizeLimit!))}. `;
  }
  const limit = podQuantities(pod, 'limits', { overhead: true })[STORAGE];
  if (limit !== undefined && (stats[STORAGE]?.usedBytes ?? 0) > amount(STORAGE, limit))
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${limit}. `;
  for (const { name, rootfs, logs } of stats.containers) {
    const own = pod.spec?.containers.find((container) => container.name === name)?.resources?.limits?.[STORAGE];
    const used = (logs?.usedBytes ?? 0) + (hasImageFs ? 0 : (rootfs?.usedBytes ?? 0));
    if (amount(STORAGE, own) > 0 && used > amount(STORAGE, own))
      return `Container ${name} exceeded its local ephemeral storage limit ${JSON.stringify(canonicalQuantity(own!))}. `;
  }
  return undefined;
}
