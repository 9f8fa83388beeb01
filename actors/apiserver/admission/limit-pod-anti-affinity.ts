import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { forbid, isOn, operations } from './common.ts';

const HOSTNAME = 'kubernetes.io/hostname';

/** Nobody keeps a whole zone for himself. Source: kubernetes plugin/pkg/admission/antiaffinity. */
export const limitPodHardAntiAffinityTopology = (): AdmissionPlugin => ({
  name: 'LimitPodHardAntiAffinityTopology',
  handles: operations('CREATE', 'UPDATE'),
  validate(a) {
    if (!isOn(a, '', 'pods')) return;
    const terms = (a.object as Pod | undefined)?.spec?.affinity?.podAntiAffinity;
    const wide = terms?.requiredDuringSchedulingIgnoredDuringExecution?.find((t) => t.topologyKey !== HOSTNAME);
    if (wide !== undefined)
      throw forbid(
        a,
        `affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey ${wide.topologyKey} but only key ${HOSTNAME} is allowed`,
      );
  },
});
