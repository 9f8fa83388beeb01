import type { Namespace, Pod } from '../../../schemas/generated/core-v1.ts';
import { plain } from '../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { forbid, isOn, operations, type AdmissionContext } from './common.ts';
import { createNamespaceOf } from './namespace-exists.ts';

const ANNOTATION = 'scheduler.alpha.kubernetes.io/node-selector';
type Labels = Readonly<Record<string, string>>;

/** `a=b, c=d` as labels; throws ApiError without a reason. Source: apimachinery pkg/labels ConvertSelectorToLabelsMap. */
function labelsOf(selector: string): Labels {
  const labels: Record<string, string> = {};
  if (selector === '') return labels;
  for (const part of selector.split(',')) {
    const [key, value, ...rest] = part.split('=');
    if (value === undefined || rest.length > 0) throw plain(`invalid selector: [${part}]`);
    labels[key!.trim()] = value.trim();
  }
  return labels;
}
/** Pods of a namespace go to the nodes that its annotation names. Off by default. Source: plugin/pkg/admission/podnodeselector. */
export function podNodeSelector(context: AdmissionContext): AdmissionPlugin {
  const namespaceOf = createNamespaceOf(context);
  const wantedBy = (namespace: Namespace): Labels => labelsOf(namespace.metadata.annotations?.[ANNOTATION] ?? '');
  const check = (a: AdmissionAttributes, pod: Pod, wanted: Labels): void => {
    const own = pod.spec?.nodeSelector ?? {};
    if (Object.entries(wanted).some(([key, value]) => own[key] !== undefined && own[key] !== value))
      throw forbid(a, 'pod node label selector conflicts with its namespace node label selector');
  };
  const podOf = (a: AdmissionAttributes): Pod | undefined =>
    isOn(a, '', 'pods') && (a.object as Pod | undefined)?.spec !== undefined ? a.object : undefined;
  return {
    name: 'PodNodeSelector',
    handles: operations('CREATE'),
    async mutate(a) {
      const pod = podOf(a);
      if (pod === undefined) return;
      const wanted = wantedBy(await namespaceOf(a.namespace));
      check(a, pod, wanted);
      if (Object.keys(wanted).length > 0) pod.spec!.nodeSelector = { ...wanted, ...pod.spec!.nodeSelector };
    },
    async validate(a) {
      const pod = podOf(a);
      if (pod !== undefined) check(a, pod, wantedBy(await namespaceOf(a.namespace)));
    },
  };
}
