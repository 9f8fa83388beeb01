import type { Pod, Toleration } from '../../../schemas/generated/core-v1.ts';
import type { RuntimeClass } from '../../../schemas/generated/node-v1.ts';
import { compareQuantities } from '../../../schemas/meta/quantity.ts';
import { equal } from '../../../schemas/meta/equal.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { find, forbid, isOn, kind, operations, type AdmissionContext } from './common.ts';

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
    if (more.length > 0) spec.tolerations = merge(spec.tolerations ?? [], more);
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

/** All of both, without those that another one covers. Source: kubernetes pkg/util/tolerations MergeTolerations. */
function merge(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  return all.filter((t, i) => {
    for (const [j, other] of all.entries()) {
      if (i === j || !isSuperset(other, t)) continue;
      // Of equal ones the first stays.
      if (isSuperset(t, other) && i < j) continue;
      return false;
    }
    return true;
  });
}
function isSuperset(a: Toleration, b: Toleration): boolean {
  if (equal(a, b)) return true;
  if (a.key !== undefined && a.key !== '' && a.key !== b.key) return false;
  if (a.key === b.key && (a.operator ?? 'Equal') !== 'Exists' && (a.value ?? '') !== (b.value ?? '')) return false;
  if (a.key !== b.key && (a.operator ?? 'Equal') !== 'Exists') return false;
  if (a.effect && a.effect !== b.effect) return false;
  if (a.effect !== 'NoExecute' && a.effect) return true;
  if (a.tolerationSeconds === undefined) return true;
  return b.tolerationSeconds !== undefined && b.tolerationSeconds <= a.tolerationSeconds;
}
