import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { RuntimeClass } from '../../../schemas/generated/node-v1.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { plain } from '../errors.ts';
import { find, forbid, isOn, kind, operations, unaskable, type AdmissionContext } from './common.ts';
import { mergeTolerations } from './tolerations.ts';

type Overhead = Readonly<Record<string, string | number>> | undefined;
const sameOverhead = (a: Overhead, b: Overhead): boolean => {
  const names = new Set([...Object.keys(a ?? {}), ...Object.keys(b ?? {})]);
  return [...names].every(
    (name) => a?.[name] !== undefined && b?.[name] !== undefined && compareQuantities(a[name], b[name]) === 0,
  );
};

/** Overhead and placement that a pod's runtime asks for. Source: kubernetes plugin/pkg/admission/runtimeclass. */
export function runtimeClass(context: AdmissionContext): AdmissionPlugin {
  const classes = kind(context, 'node.k8s.io', 'runtimeclasses');
  const classOf = async (a: AdmissionAttributes, name: string): Promise<RuntimeClass> => {
    const problem = unaskable(name);
    if (problem !== undefined) throw plain(problem);
    const found = await find<RuntimeClass>(context, classes, '', name);
    if (found === undefined) throw forbid(a, `pod rejected: RuntimeClass ${JSON.stringify(name)} not found`);
    return found;
  };
  const podOf = (a: AdmissionAttributes): Pod | undefined => (isOn(a, '', 'pods') ? a.object : undefined);
  const apply = (a: AdmissionAttributes, pod: Pod, from: RuntimeClass): void => {
    const spec = pod.spec!;
    const fixed = from.overhead?.podFixed;
    if (from.overhead !== undefined) {
      if (Object.keys(spec.overhead ?? {}).length > 0 && !sameOverhead(fixed, spec.overhead))
        throw forbid(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      spec.overhead = { ...from.overhead.podFixed };
    }
    if (from.scheduling === undefined) return;
    for (const [key, value] of Object.entries(from.scheduling.nodeSelector ?? {})) {
      const own = spec.nodeSelector?.[key];
      if (own !== undefined && own !== value)
        throw forbid(
          a,
          `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
        );
      (spec.nodeSelector ??= {})[key] = value;
    }
    const more = from.scheduling.tolerations ?? [];
    if (more.length > 0) spec.tolerations = mergeTolerations(spec.tolerations ?? [], more);
  };
  return {
    name: 'RuntimeClass',
    handles: operations('CREATE'),
    mutate(a) {
      const pod = podOf(a);
      const name = pod?.spec?.runtimeClassName;
      if (pod === undefined || name === undefined) return;
      return classOf(a, name).then((found) => apply(a, pod, found));
    },
    validate(a) {
      const pod = podOf(a);
      if (pod?.spec === undefined) return;
      const { overhead, runtimeClassName } = pod.spec;
      if (runtimeClassName === undefined && overhead === undefined) return;
      const check = (found: RuntimeClass | undefined): void => {
        if (found?.overhead === undefined) {
          if (overhead !== undefined)
            throw forbid(a, 'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
        } else if (!sameOverhead(found.overhead.podFixed, overhead))
          throw forbid(a, "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead");
      };
      return runtimeClassName === undefined ? check(undefined) : classOf(a, runtimeClassName).then(check);
    },
  };
}
