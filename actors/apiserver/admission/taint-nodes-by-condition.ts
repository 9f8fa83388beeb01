import type { Node } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, operations } from './common.ts';

const KEY = 'node.kubernetes.io/not-ready';

/** A new node takes no pods before it is known to be ready. Source: kubernetes plugin/pkg/admission/nodetaint. */
export const taintNodesByCondition = (): AdmissionPlugin => ({
  name: 'TaintNodesByCondition',
  handles: operations('CREATE'),
  mutate(a) {
    if (!isOn(a, '', 'nodes')) return;
    const node = a.object as Node | undefined;
    if (node === undefined) return;
    const spec = (node.spec ??= {});
    if ((spec.taints ?? []).some((t) => t.key === KEY && t.effect === 'NoSchedule')) return;
    (spec.taints ??= []).push({ key: KEY, effect: 'NoSchedule' });
  },
});
