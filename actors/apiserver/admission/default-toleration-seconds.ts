import type { Pod, Toleration } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, operations } from './common.ts';

const SECONDS = 300;
const KEYS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];
const covers = (t: Toleration, key: string): boolean =>
  (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect);

/** Pods stay five minutes on a node that is lost, unless they say otherwise. Source: plugin/pkg/admission/defaulttolerationseconds. */
export const defaultTolerationSeconds = (): AdmissionPlugin => ({
  name: 'DefaultTolerationSeconds',
  handles: operations('CREATE', 'UPDATE'),
  mutate(a) {
    if (!isOn(a, '', 'pods')) return;
    const spec = (a.object as Pod | undefined)?.spec;
    if (spec === undefined) return;
    const own = spec.tolerations ?? [];
    for (const key of KEYS.filter((k) => !own.some((t) => covers(t, k))))
      (spec.tolerations ??= []).push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: SECONDS });
  },
});
