import type { Namespace, Pod, Toleration } from '../../../schemas/generated/core-v1.ts';
import { qosClass } from '../../../schemas/helpers/pod-resources.ts';
import { plain } from '../errors.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { isOn, operations, type AdmissionContext } from './common.ts';
import { createNamespaceOf } from './namespace-exists.ts';
import { allAllowed, mergeTolerations } from './tolerations.ts';

const DEFAULTS = 'scheduler.alpha.kubernetes.io/defaultTolerations';
const ALLOWED = 'scheduler.alpha.kubernetes.io/tolerationsWhitelist';
const MEMORY_PRESSURE: Toleration = {
  key: 'node.kubernetes.io/memory-pressure',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/**
 * Tolerations that a namespace gives its pods, and those that it allows them, by its annotations. Off by default.
 * Source: kubernetes plugin/pkg/admission/podtolerationrestriction.
 */
export function podTolerationRestriction(context: AdmissionContext): AdmissionPlugin {
  const namespaceOf = createNamespaceOf(context);
  const check = (namespace: Namespace, pod: Pod): void => {
    const own = pod.spec?.tolerations ?? [];
    const allowed = own.length === 0 ? [] : annotated(namespace, ALLOWED);
    if (!allAllowed(own, allowed))
      throw plain(
        'pod tolerations (possibly merged with namespace default tolerations) conflict with its namespace whitelist',
      );
  };
  const podOf = (a: AdmissionAttributes): Pod | undefined =>
    isOn(a, '', 'pods') && (a.object as Pod | undefined)?.spec !== undefined ? a.object : undefined;
  return {
    name: 'PodTolerationRestriction',
    handles: operations('CREATE', 'UPDATE'),
    async mutate(a) {
      const pod = podOf(a);
      if (pod === undefined) return;
      const namespace = await namespaceOf(a.namespace);
      const more = a.operation === 'CREATE' ? annotated(namespace, DEFAULTS) : [];
      if (qosClass(pod) !== 'BestEffort') more.push(MEMORY_PRESSURE);
      if (more.length > 0) pod.spec!.tolerations = mergeTolerations(pod.spec!.tolerations ?? [], more);
      check(namespace, pod);
    },
    async validate(a) {
      const pod = podOf(a);
      if (pod !== undefined) check(await namespaceOf(a.namespace), pod);
    },
  };
}
/** Thrown: ApiError without a reason for an annotation that is no list of tolerations. */
function annotated(namespace: Namespace, name: string): Toleration[] {
  const text = namespace.metadata.annotations?.[name] ?? '';
  if (text === '') return [];
  try {
    const list = JSON.parse(text) as unknown;
    if (Array.isArray(list)) return list as Toleration[];
    if (list === null) return [];
  } catch {
    throw plain('unexpected end of JSON input');
  }
  throw plain(
    `json: cannot unmarshal ${text.startsWith('{') ? 'object' : 'value'} into Go value of type []v1.Toleration`,
  );
}
