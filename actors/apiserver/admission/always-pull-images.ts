import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, operations } from './common.ts';

/** Images are fetched by who may fetch them, not used because they lie there. Source: plugin/pkg/admission/alwayspullimages. */
export const alwaysPullImages = (): AdmissionPlugin => ({
  name: 'AlwaysPullImages',
  handles: operations('CREATE', 'UPDATE'),
  mutate(a) {
    if (!isOn(a, '', 'pods')) return;
    const spec = (a.object as Pod | undefined)?.spec;
    if (spec === undefined) return;
    for (const c of [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])])
      c.imagePullPolicy = 'Always';
    for (const { image } of spec.volumes ?? []) if (image !== undefined) image.pullPolicy = 'Always';
  },
});
