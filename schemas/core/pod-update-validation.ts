import type { Errors } from '../define.ts';
import type {
  Affinity,
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSpec,
  Toleration,
} from '../generated/core-v1.ts';
import { equal } from '../meta/equal.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { inclusiveRange } from '../meta/names.ts';
import { validateImageBlanks } from './container-validation.ts';
import { diffOfStructs } from './struct-diff.ts';

const MAX_INT32 = 2 ** 31 - 1;
const MIRROR = 'kubernetes.io/config.mirror';
const APP_ARMOR = 'container.apparmor.security.beta.kubernetes.io/';
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
    const [now = [], then = []] = [spec[list], before[list]];
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
  const known = new Set((before.schedulingGates ?? []).map((g) => g.name));
  for (const [i, { name }] of (spec.schedulingGates ?? []).entries())
    if (!known.has(name))
      yield forbidden(
        here('schedulingGates')(i)('name'),
        `only deletion is allowed, but found new scheduling gate '${name}'`,
      );
  if (equal(spec, before)) return;
  const rest = withoutMutable(spec, before);
  if (known.size > 0) yield* validateGated(rest, before, here);
  if (!equal(rest, before))
    yield forbidden(
      here,
      `pod updates may not change fields other than ${MUTABLE}\n${diffOfStructs('io.k8s.api.core.v1.PodSpec', before, rest)}`,
    );
}
function* validateAnnotationChange(pod: Pod, old: Pod, at: FieldPath): Errors {
  const now = pod.metadata.annotations ?? {};
  const before = old.metadata.annotations ?? {};
  for (const [key, value] of Object.entries(before)) {
    if (now[key] === value) continue;
    if (key.startsWith(APP_ARMOR)) yield forbidden(at.key(key), 'may not remove or update AppArmor annotations');
    if (key === MIRROR) yield forbidden(at.key(key), 'may not remove or update mirror pod annotation');
  }
  for (const key of Object.keys(now)) {
    if (Object.hasOwn(before, key)) continue;
    if (key.startsWith(APP_ARMOR)) yield forbidden(at.key(key), 'may not add AppArmor annotations');
    if (key === MIRROR) yield forbidden(at.key(key), 'may not add mirror pod annotation');
  }
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
function* validateAddedTolerations(now: readonly Toleration[], old: readonly Toleration[], at: FieldPath): Errors {
  if (old.some((o) => !now.some((n) => equal(withoutSeconds(n), withoutSeconds(o)))))
    yield forbidden(at, 'existing toleration can not be modified except its tolerationSeconds');
}
const images = (
  now: readonly Container[] | undefined,
  old: readonly Container[] | undefined,
): Container[] | undefined => now?.map((c, i) => ({ ...c, image: old?.[i]?.image }));
function withoutMutable(spec: PodSpec, before: PodSpec): PodSpec {
  const rest: PodSpec = { ...spec, containers: images(spec.containers, before.containers) ?? [] };
  const put = <K extends keyof PodSpec>(field: K, value: PodSpec[K]): void => {
    if (value === undefined) delete rest[field];
    else rest[field] = value;
  };
  put('initContainers', images(spec.initContainers, before.initContainers));
  put('activeDeadlineSeconds', before.activeDeadlineSeconds);
  put('schedulingGates', before.schedulingGates);
  put('tolerations', before.tolerations);
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && spec.terminationGracePeriodSeconds === 1)
    put('terminationGracePeriodSeconds', before.terminationGracePeriodSeconds);
  return rest;
}
/** A pod that is held back may have its placement narrowed; `rest` then looks as before. */
function* validateGated(rest: PodSpec, before: PodSpec, at: FieldPath): Errors {
  if (!equal(rest.nodeSelector, before.nodeSelector)) {
    for (const [key, value] of Object.entries(before.nodeSelector ?? {}))
      if (rest.nodeSelector?.[key] !== value) {
        yield invalid(
          at('nodeSelector'),
          rest.nodeSelector,
          'only additions to spec.nodeSelector are allowed (no mutations or deletions)',
        );
        break;
      }
    if (before.nodeSelector) rest.nodeSelector = before.nodeSelector;
    else delete rest.nodeSelector;
  }
  const now = rest.affinity?.nodeAffinity;
  const old = before.affinity?.nodeAffinity;
  if (equal(now, old)) return;
  yield* validateNarrowed(now, old, at('affinity')('nodeAffinity'));
  const { nodeAffinity: _, ...others } = rest.affinity ?? {};
  const affinity: Affinity = { ...others, ...(old && { nodeAffinity: old }) };
  if (Object.keys(affinity).length === 0 && !before.affinity) delete rest.affinity;
  else rest.affinity = affinity;
}
const REQUIRED = 'requiredDuringSchedulingIgnoredDuringExecution';
function* validateNarrowed(now: NodeAffinity | undefined, old: NodeAffinity | undefined, at: FieldPath): Errors {
  const terms = old?.[REQUIRED]?.nodeSelectorTerms ?? [];
  if (terms.length === 0) return;
  const next = now?.[REQUIRED]?.nodeSelectorTerms ?? [];
  const here = at(REQUIRED)('nodeSelectorTerms');
  if (next.length !== terms.length) {
    yield invalid(here, next, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed');
    return;
  }
  for (const [i, term] of terms.entries())
    if (!onlyAdds(next[i]!, term))
      yield invalid(here(i), next[i], 'only additions are allowed (no mutations or deletions)');
}
function onlyAdds(now: NodeSelectorTerm, old: NodeSelectorTerm): boolean {
  const [expressions, fields] = [old.matchExpressions ?? [], old.matchFields ?? []];
  if (
    expressions.length + fields.length === 0 &&
    (now.matchExpressions ?? []).length + (now.matchFields ?? []).length > 0
  )
    return false;
  return (
    equal((now.matchExpressions ?? []).slice(0, expressions.length), expressions) &&
    equal((now.matchFields ?? []).slice(0, fields.length), fields)
  );
}
