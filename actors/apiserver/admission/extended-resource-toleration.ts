import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, operations } from './common.ts';

const isExtended = (name: string): boolean =>
  name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');

/** Nodes with special devices may be tainted for those who ask for these. Source: plugin/pkg/admission/extendedresourcetoleration. */
export const extendedResourceToleration = (): AdmissionPlugin => ({
  name: 'ExtendedResourceToleration',
  handles: operations('CREATE', 'UPDATE'),
  mutate(a) {
    if (!isOn(a, '', 'pods')) return;
    const spec = (a.object as Pod | undefined)?.spec;
    if (spec === undefined) return;
    const names = [...(spec.containers ?? []), ...(spec.initContainers ?? [])].flatMap((c) =>
      Object.keys(c.resources?.requests ?? {}).filter(isExtended),
    );
    for (const key of [...new Set(names)].sort()) {
      const own = (spec.tolerations ??= []);
      if (!own.some((t) => t.key === key && t.operator === 'Exists' && t.effect === 'NoSchedule'))
        own.push({ key, operator: 'Exists', effect: 'NoSchedule' });
    }
  },
});
