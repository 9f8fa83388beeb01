import type { Errors } from '../define.ts';
import type { Container, Pod, PodSpec, Toleration } from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { inclusiveRange } from '../meta/names.ts';
import { sameStruct } from '../structural/semantic-equal.ts';
import { validateImageBlanks } from './container-validation.ts';
import { validateAnnotationChange } from './pod-annotation-change.ts';
import { validateGated } from './pod-gated-update.ts';
import { diffOfStructs } from './struct-diff.ts';
import { validateTolerations } from './tolerations-validation.ts';

const MAX_INT32 = 2 ** 31 - 1;
const POD_SPEC = 'io.k8s.api.core.v1.PodSpec';
const MUTABLE = [
  '`spec.containers[*].image`', '`spec.initContainers[*].image`', '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
].join(','); // prettier-ignore

/** Of a running pod little may change. Source: pkg/apis/core/validation ValidatePodUpdate. */
export function* validatePodUpdate(pod: Pod, old: Pod, at: FieldPath): Errors {
  yield* validateAnnotationChange(pod, old, at('metadata')('annotations'));
  const spec = pod.spec ?? { containers: [] };
  const before = old.spec ?? { containers: [] };
  const here = at('spec');
  for (const list of ['containers', 'initContainers'] as const) {
    const [now, then] = [spec[list] ?? [], before[list] ?? []];
    if (now.length !== then.length) {
      yield forbidden(here(list), 'pod updates may not add or remove containers');
      return;
    }
    for (const [i, container] of now.entries()) {
      if (!container.image) yield required(here(list)(i)('image'));
      yield* validateImageBlanks(container, here(list)(i));
    }
  }
  const deadline = [...validateDeadline(spec, before, here('activeDeadlineSeconds'))];
  yield* deadline;
  if (deadline.length > 0 && spec.activeDeadlineSeconds !== undefined) return;
  yield* validateAddedTolerations(spec.tolerations ?? [], before.tolerations ?? [], here('tolerations'));
  yield* validateFewerGates(spec, before, here('schedulingGates'));
  if (sameStruct(spec, before, POD_SPEC)) return;
  const rest = withoutMutable(spec, before);
  if ((before.schedulingGates ?? []).length > 0) yield* validateGated(rest, before, here);
  if (!sameStruct(rest, before, POD_SPEC))
    yield forbidden(
      here,
      `pod updates may not change fields other than ${MUTABLE}\n${diffOfStructs(POD_SPEC, before, rest)}`,
    );
}
function* validateDeadline(
  { activeDeadlineSeconds: now }: PodSpec,
  { activeDeadlineSeconds: old }: PodSpec,
  at: FieldPath,
): Errors {
  if (now === undefined) {
    if (old !== undefined) yield invalid(at, null, 'must not update from a positive integer to nil value');
  } else if (now < 0 || now > MAX_INT32) yield invalid(at, now, inclusiveRange(0, MAX_INT32));
  else if (old !== undefined && old < now) yield invalid(at, now, 'must be less than or equal to previous value');
}
const withoutSeconds = (toleration: Toleration): Toleration => ({ ...toleration, tolerationSeconds: undefined });
/** What validatePodSpec says of them is said again. */
function* validateAddedTolerations(now: readonly Toleration[], old: readonly Toleration[], at: FieldPath): Errors {
  if (old.some((o) => !now.some((n) => equal(withoutSeconds(n), withoutSeconds(o)))))
    yield forbidden(at, 'existing toleration can not be modified except its tolerationSeconds');
  else yield* validateTolerations(now, at);
}
function* validateFewerGates(spec: PodSpec, before: PodSpec, at: FieldPath): Errors {
  const known = new Set((before.schedulingGates ?? []).map((g) => g.name));
  // Of several of one name the last.
  const added = new Map((spec.schedulingGates ?? []).map(({ name }, i) => [name, i]));
  for (const [name, i] of added)
    if (!known.has(name))
      yield forbidden(at(i)('name'), `only deletion is allowed, but found new scheduling gate '${name}'`);
}
const images = (now: readonly Container[], old: readonly Container[] | undefined): Container[] =>
  now.map((c, i) => ({ ...c, image: old?.[i]?.image }));
function withoutMutable(spec: PodSpec, before: PodSpec): PodSpec {
  const rest: PodSpec = { ...spec, containers: images(spec.containers ?? [], before.containers) };
  const put = <K extends keyof PodSpec>(field: K, value: PodSpec[K]): void => {
    if (value === undefined) delete rest[field];
    else rest[field] = value;
  };
  put('initContainers', spec.initContainers && images(spec.initContainers, before.initContainers));
  put('activeDeadlineSeconds', before.activeDeadlineSeconds);
  put('schedulingGates', before.schedulingGates);
  put('tolerations', before.tolerations);
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    put('terminationGracePeriodSeconds', before.terminationGracePeriodSeconds);
  return rest;
}
