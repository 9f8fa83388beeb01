import { defineResource } from '../define.ts';
import type { PriorityClass } from '../generated/scheduling-v1.ts';
import { immutable } from '../meta/field-checks.ts';
import { forbidden, notSupported, required } from '../meta/field.ts';
import { age } from '../meta/time.ts';

/** Source: pkg/apis/scheduling types.go HighestUserDefinablePriority, SystemCriticalPriority. */
const HIGHEST_USER_PRIORITY = 1_000_000_000;
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-cluster-critical': 2 * HIGHEST_USER_PRIORITY,
  'system-node-critical': 2 * HIGHEST_USER_PRIORITY + 1000,
};
const PREEMPTION = ['PreemptLowerPriority', 'Never'];

export const priorityClass = defineResource<PriorityClass>({
  group: 'scheduling.k8s.io', version: 'v1', resource: 'priorityclasses',
  // A new one has it; no change raises it.
  tracksGeneration: false,

  defaults(draft) {
    draft.preemptionPolicy ??= 'PreemptLowerPriority';
    return draft;
  },

  prepareForCreate(draft) {
    draft.metadata.generation = 1;
    return draft;
  },

  *validate({ metadata, value = 0, globalDefault, preemptionPolicy: policy }, at, old) {
    // What may not change is not looked at again.
    if (old) return;
    const name = metadata.name ?? '';
    if (name.startsWith('system-')) {
      const problem = systemProblem(name, value, globalDefault ?? false);
      if (problem !== undefined)
        yield forbidden(at('metadata')('name'), `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`);
    } else if (value > HIGHEST_USER_PRIORITY) yield forbidden(at('value'), `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`);
    if ((policy as string | undefined) === '') yield required(at('preemptionPolicy'));
    else if (policy !== undefined && !PREEMPTION.includes(policy)) yield notSupported(at('preemptionPolicy'), policy, PREEMPTION);
  },
  *validateUpdate({ value = 0, preemptionPolicy }, old, at) {
    if (value !== (old.value ?? 0)) yield forbidden(at('value'), 'may not be changed in an update.');
    yield* immutable(preemptionPolicy, old.preemptionPolicy, at('preemptionPolicy'));
  },

  cells: ({ metadata, value, globalDefault, preemptionPolicy }, now) => [
    metadata.name ?? '', value ?? 0, globalDefault ?? false, age(metadata.creationTimestamp, now), preemptionPolicy ?? '',
  ],
}); // prettier-ignore

/** Source: pkg/apis/scheduling/v1 helpers.go IsKnownSystemPriorityClass. */
function systemProblem(name: string, value: number, globalDefault: boolean): string | undefined {
  const known = SYSTEM_CLASSES[name];
  if (known === undefined) return `${name} is not a known system priority class`;
  if (known !== value) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}
