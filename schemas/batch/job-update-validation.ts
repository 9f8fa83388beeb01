import type { Errors } from '../define.ts';
import type { Job, JobSpec } from '../generated/batch-v1.ts';
import type { PodSpec } from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { equal } from '../meta/equal.ts';
import { immutable } from '../meta/field-checks.ts';
import { invalid, type FieldPath } from '../meta/field.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { validateJobSpec } from './job-spec-validation.ts';

const CORE = 'io.k8s.api.core.v1';

/** Source: pkg/apis/batch/validation ValidateJobSpecUpdate. */
export function* validateJobUpdate({ spec = {} as JobSpec }: Job, old: Job, at: FieldPath): Errors {
  const before = old.spec ?? ({} as JobSpec);
  const here = at('spec');
  yield* validateJobSpec(spec, here);
  if (spec.completionMode !== 'Indexed') yield* immutable(spec.completions, before.completions, here('completions'));
  else if (
    !equal(spec.completions, before.completions) &&
    spec.completions !== undefined &&
    spec.completions !== spec.parallelism
  )
    yield invalid(here('completions'), spec.completions, 'can only be modified in tandem with spec.parallelism');
  yield* immutable(spec.selector, before.selector, here('selector'));
  yield* validateTemplateUpdate(spec, old, here);
  yield* immutable(spec.completionMode, before.completionMode, here('completionMode'));
  yield* immutableStruct(spec.podFailurePolicy, before.podFailurePolicy, 'PodFailurePolicy', here('podFailurePolicy'));
  yield* immutable(spec.backoffLimitPerIndex, before.backoffLimitPerIndex, here('backoffLimitPerIndex'));
  yield* immutable(spec.managedBy, before.managedBy, here('managedBy'));
  yield* immutableStruct(spec.successPolicy, before.successPolicy, 'SuccessPolicy', here('successPolicy'));
}
function* immutableStruct(
  value: object | undefined,
  old: object | undefined,
  definition: string,
  at: FieldPath,
): Errors {
  const present = value !== undefined;
  if (present !== (old !== undefined) || !sameStruct(value, old, `io.k8s.api.batch.v1.${definition}`))
    yield invalid(at, goStruct(value, `io.k8s.api.batch.v1.${definition}`), 'field is immutable');
}
/** A suspended Job without pods may be placed elsewhere and get other resources. Source: validatePodTemplateUpdate. */
function* validateTemplateUpdate(spec: JobSpec, { spec: before, status }: Job, at: FieldPath): Errors {
  const suspended = before?.suspend === true;
  const isHeld = status?.conditions?.some((c) => c.type === 'Suspended' && c.status === 'True');
  const mutable = suspended && (!status?.startTime || isHeld === true) && !status?.active;
  const template = spec.template;
  if (!mutable) {
    if (!sameStruct(template, before?.template, `${CORE}.PodTemplateSpec`))
      yield invalid(at('template'), goStruct(template, `${CORE}.PodTemplateSpec`), 'field is immutable');
    return;
  }
  const expected: PodSpec = { ...before?.template?.spec, containers: before?.template?.spec?.containers ?? [] };
  const given = template?.spec;
  for (const field of ['nodeSelector', 'tolerations', 'schedulingGates'] as const) {
    if (given?.[field] === undefined) delete expected[field];
    else Object.assign(expected, { [field]: given[field] });
  }
  expected.affinity = { ...expected.affinity, nodeAffinity: given?.affinity?.nodeAffinity };
  for (const list of ['containers', 'initContainers'] as const) {
    const old = expected[list];
    if (old?.length !== given?.[list]?.length) continue;
    if (old)
      expected[list] = old.map((c, i) =>
        c.name === given![list]![i]!.name ? { ...c, resources: given![list]![i]!.resources } : c,
      );
  }
  if (!equal({ ...expected, affinity: undefined }, { ...given, affinity: undefined }) || !sameAffinity(expected, given))
    yield invalid(at('template.spec'), goStruct(given, `${CORE}.PodSpec`), 'field is immutable');
}
const sameAffinity = (a: PodSpec | undefined, b: PodSpec | undefined): boolean =>
  (['nodeAffinity', 'podAffinity', 'podAntiAffinity'] as const).every((k) => equal(a?.affinity?.[k], b?.affinity?.[k]));
