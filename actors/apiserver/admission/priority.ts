import type { Pod } from '../../../schemas/generated/core-v1.ts';
import type { PriorityClass } from '../../../schemas/generated/scheduling-v1.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { find, forbid, isOn, kind, operations, type AdmissionContext } from './common.ts';

const SYSTEM = new Set(['system-node-critical', 'system-cluster-critical']);

/** Turns a pod's class into its priority. Source: kubernetes plugin/pkg/admission/priority. */
export function priority(context: AdmissionContext): AdmissionPlugin {
  const classes = kind(context, 'scheduling.k8s.io', 'priorityclasses');
  /** The lowest of those marked, should there be several; kept until one changes. */
  let fallback: { readonly found: PriorityClass | undefined } | undefined;
  context.cache.onChange(classes, () => (fallback = undefined));
  const defaultClass = (): PriorityClass | undefined => {
    if (fallback !== undefined) return fallback.found;
    let found: PriorityClass | undefined;
    for (const c of context.cache.list<PriorityClass>(classes))
      if (c.globalDefault === true && (found === undefined || (found.value ?? 0) > (c.value ?? 0))) found = c;
    fallback = { found };
    return found;
  };
  const settle = (a: AdmissionAttributes, pod: Pod, from: PriorityClass | undefined): void => {
    const spec = pod.spec!;
    const computed = from?.value ?? 0;
    if (spec.priority !== undefined && spec.priority !== computed)
      throw forbid(
        a,
        `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${computed} from the given PriorityClass name`,
      );
    spec.priority = computed;
    const policy = from === undefined ? 'PreemptLowerPriority' : from.preemptionPolicy;
    if (policy === undefined) return;
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== policy)
      throw forbid(
        a,
        `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
      );
    spec.preemptionPolicy = policy;
  };
  const resolve = async (a: AdmissionAttributes, pod: Pod, name: string): Promise<void> => {
    const found = await find<PriorityClass>(context, classes, '', name);
    if (found === undefined) throw forbid(a, `no PriorityClass with name ${name} was found`);
    settle(a, pod, found);
  };
  return {
    name: 'Priority',
    handles: operations('CREATE', 'UPDATE', 'DELETE'),
    mutate(a) {
      if (!isOn(a, '', 'pods') || a.operation === 'DELETE') return;
      const pod = a.object as Pod | undefined;
      const spec = pod?.spec;
      if (spec === undefined) return;
      if (a.operation === 'UPDATE') {
        const old = (a.old as Pod | undefined)?.spec;
        if (old?.priority !== undefined) spec.priority ??= old.priority;
        if (old?.preemptionPolicy !== undefined) spec.preemptionPolicy ??= old.preemptionPolicy;
        return;
      }
      const name = spec.priorityClassName ?? '';
      if (name !== '') {
        const known = context.cache.get<PriorityClass>(classes, '', name);
        return known === undefined ? resolve(a, pod!, name) : settle(a, pod!, known);
      }
      const found = defaultClass();
      if (found !== undefined) spec.priorityClassName = found.metadata.name;
      settle(a, pod!, found);
    },
    validate(a) {
      if (!isOn(a, 'scheduling.k8s.io', 'priorityclasses')) return;
      if (a.operation === 'DELETE') {
        if (SYSTEM.has(a.name)) throw forbid(a, 'this is a system priority class and cannot be deleted');
        return;
      }
      const own = a.object as PriorityClass | undefined;
      if (own?.globalDefault !== true) return;
      const other = defaultClass();
      if (other !== undefined && (a.operation === 'CREATE' || other.metadata.name !== own.metadata.name))
        throw forbid(
          a,
          `PriorityClass ${other.metadata.name ?? ''} is already marked as default. Only one default can exist`,
        );
    },
  };
}
