import { validatePodTemplate } from '../core/pod-template-validation.ts';
import { validateClaimSpec } from '../core/volume-claim.ts';
import type { Errors } from '../define.ts';
import type { RollingUpdateStatefulSetStrategy, StatefulSetSpec } from '../generated/apps-v1.ts';
import type { PodTemplateSpec, Volume } from '../generated/core-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { atMost100Percent, dnsLabelField, intOrPercent, intOrPercentValue, nonNegative } from '../meta/field-checks.ts';
import { invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { validateAnnotations } from '../meta/metadata.ts';
import { validateLabels } from '../meta/selectors.ts';
import { selectorOrNothing, validateLongRunning, validateRequiredSelector } from './workload-validation.ts';

const APPS = 'io.k8s.api.apps.v1.';
const RETENTION = ['Retain', 'Delete'];

/**
 * What an update may not change is not looked at again, nor is a template that was as bad before: `old` is the object that
 * is updated. Source: pkg/apis/apps/validation ValidateStatefulSetSpec, ValidateStatefulSetUpdate.
 */
export function* validateStatefulSet(spec: StatefulSetSpec, old: StatefulSetSpec | undefined, at: FieldPath): Errors {
  const skipsTemplate =
    old !== undefined && !validateSpec(old, { isUpdate: true, skipsTemplate: false }, at).next().done;
  yield* validateSpec(spec, { isUpdate: old !== undefined, skipsTemplate }, at);
}
interface Options {
  readonly isUpdate: boolean;
  readonly skipsTemplate: boolean;
}
function* validateSpec(spec: StatefulSetSpec, { isUpdate, skipsTemplate }: Options, at: FieldPath): Errors {
  if (!spec.podManagementPolicy) yield required(at('podManagementPolicy'));
  else if ((spec.podManagementPolicy as string) !== 'OrderedReady' && spec.podManagementPolicy !== 'Parallel')
    yield invalid(at('podManagementPolicy'), spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'");
  yield* validateStrategy(spec, at('updateStrategy'));
  const retention = spec.persistentVolumeClaimRetentionPolicy ?? {};
  for (const when of ['whenDeleted', 'whenScaled'] as const)
    if (!RETENTION.includes(retention[when] ?? ''))
      yield notSupported(at('persistentVolumeClaimRetentionPolicy')(when), retention[when] ?? '', RETENTION);
  for (const [i, claim] of (isUpdate ? [] : (spec.volumeClaimTemplates ?? [])).entries())
    yield* validateClaimSpec(claim.spec ?? {}, at('volumeClaimTemplates')(i)('spec'));
  yield* nonNegative(spec.replicas, at('replicas'));
  yield* nonNegative(spec.minReadySeconds, at('minReadySeconds'));
  yield* nonNegative(spec.ordinals?.start, at('ordinals.start'));
  if (spec.serviceName && !isUpdate) yield* dnsLabelField(spec.serviceName, at('serviceName'));
  yield* validateRequiredSelector(spec, 'statefulset', at('selector'));
  const selector = selectorOrNothing(spec.selector);
  if (selector === undefined) yield invalid(at('selector'), spec.selector, '');
  else {
    const here = at('template');
    const labels = spec.template?.metadata?.labels;
    if (!selector.empty && !selector.matches(labels))
      yield invalid(here('metadata')('labels'), labels, '`selector` does not match template `labels`');
    if (!skipsTemplate) yield* validatePodTemplate(asPodsGetIt(spec), here);
    yield* validateLabels(labels, here('labels'));
    yield* validateAnnotations(spec.template?.metadata?.annotations, here('annotations'));
  }
  yield* validateLongRunning(spec.template ?? {}, 'StatefulSet', at('template'));
}
/** Hostname and subdomain are the controller's, and volumes are made of the claim templates. */
function asPodsGetIt({ template, volumeClaimTemplates = [] }: StatefulSetSpec): PodTemplateSpec {
  if (!template.spec) return template;
  const { hostname: _, subdomain: __, ...spec } = template.spec;
  const claims: Volume[] = volumeClaimTemplates.map(({ metadata }) => ({
    name: metadata.name ?? '',
    persistentVolumeClaim: { claimName: metadata.name ?? '' },
  }));
  const names = new Set(claims.map((c) => c.name));
  const volumes = [...claims, ...(spec.volumes ?? []).filter((v) => !names.has(v.name))];
  return { ...template, spec: { ...spec, ...(volumes.length > 0 && { volumes }) } };
}
function* validateStrategy({ updateStrategy = {} }: StatefulSetSpec, at: FieldPath): Errors {
  const { rollingUpdate } = updateStrategy;
  const type: string = updateStrategy.type ?? '';
  if (type === '') yield required(at);
  else if (type === 'OnDelete') {
    if (rollingUpdate)
      yield invalid(
        at('rollingUpdate'),
        goStruct(rollingUpdate, `${APPS}RollingUpdateStatefulSetStrategy`),
        "only allowed for updateStrategy 'RollingUpdate'",
      );
  } else if (type !== 'RollingUpdate') {
    yield invalid(
      at,
      goStruct(updateStrategy, `${APPS}StatefulSetUpdateStrategy`),
      "must be 'RollingUpdate' or 'OnDelete'",
    );
  } else if (rollingUpdate) yield* validateRollingUpdate(rollingUpdate, at('rollingUpdate'));
}
function* validateRollingUpdate(
  { partition, maxUnavailable }: RollingUpdateStatefulSetStrategy,
  at: FieldPath,
): Errors {
  yield* nonNegative(partition, at('partition'));
  if (maxUnavailable === undefined) return;
  yield* intOrPercent(maxUnavailable, at('maxUnavailable'));
  if (intOrPercentValue(maxUnavailable) === 0) yield invalid(at('maxUnavailable'), maxUnavailable, 'cannot be 0');
  yield* atMost100Percent(maxUnavailable, at('maxUnavailable'));
}
