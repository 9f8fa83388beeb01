import type { Binding, Node, Pod } from '../../../schemas/generated/core-v1.ts';
import type { AdmissionPlugin } from '../request.ts';
import { isOn, kind, operations, type AdmissionContext } from './common.ts';

const LABELS = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'];

/** A pod knows zone and region of its node by its own labels. Source: kubernetes plugin/pkg/admission/podtopologylabels. */
export function podTopologyLabels(context: AdmissionContext): AdmissionPlugin {
  const nodes = kind(context, '', 'nodes');
  const copy = (to: { labels?: Record<string, string> | undefined }, nodeName: string): void => {
    const labels = context.cache.get<Node>(nodes, '', nodeName)?.metadata.labels ?? {};
    for (const key of LABELS) if (labels[key] !== undefined) (to.labels ??= {})[key] = labels[key];
  };
  return {
    name: 'PodTopologyLabels',
    handles: operations('CREATE'),
    mutate(a) {
      if (isOn(a, '', 'pods', 'binding')) {
        const binding = a.object as Binding | undefined;
        const { kind: of = 'Node', name } = binding?.target ?? {};
        if (binding !== undefined && of === 'Node' && name) copy(binding.metadata, name);
      }
      if (!isOn(a, '', 'pods')) return;
      const pod = a.object as Pod | undefined;
      if (pod?.spec?.nodeName) copy(pod.metadata, pod.spec.nodeName);
    },
  };
}
