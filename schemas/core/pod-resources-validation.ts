import type { Errors } from '../define.ts';
import type { PodSpec } from '../generated/core-v1.ts';
import { forbidden, invalid, type FieldPath } from '../meta/field.ts';
import { compareQuantities } from '../meta/quantity.ts';
import { aggregateResources } from './pod-defaults.ts';
import { isHugePages, validatePodResourceName } from './resource-names.ts';
import { validateResourceRequirements } from './resource-requirements.ts';
import { own } from '../meta/own.ts';

/** Resources of the pod as a whole hold those of its containers. Source: pkg/apis/core/validation validatePodResources. */
export function* validatePodResources(spec: PodSpec, claims: ReadonlySet<string>, at: FieldPath): Errors {
  const { resources } = spec;
  if (!resources) return;
  const here = at('resources');
  if (spec.os?.name === 'windows') {
    yield forbidden(here, 'may not be set for a windows pod');
    return;
  }
  if (resources.claims) yield forbidden(here('claims'), 'claims may not be set for Resources at pod-level');
  yield* validateResourceRequirements(resources, validatePodResourceName, claims, here);
  for (const [name, sum] of Object.entries(aggregateResources(spec, 'requests'))) {
    const whole = own(resources.requests, name);
    if (whole !== undefined && compareQuantities(sum, whole) > 0)
      yield invalid(
        here('requests').key(name),
        String(whole),
        `must be greater than or equal to aggregate container requests of ${sum}`,
      );
  }
  for (const [name, sum] of Object.entries(aggregateResources(spec, 'limits'))) {
    const whole = own(resources.limits, name);
    if (isHugePages(name) && whole !== undefined && compareQuantities(sum, whole) > 0)
      yield invalid(
        here('limits').key(name),
        String(whole),
        `must be greater than or equal to aggregate container limits of ${sum}`,
      );
  }
  for (const [i, container] of (spec.containers ?? []).entries())
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const whole = own(resources.limits, name);
      if (whole !== undefined && compareQuantities(limit, whole) > 0)
        yield invalid(
          here('containers')(i).key(name)('limits'),
          String(limit),
          `must be less than or equal to pod limits of ${whole}`,
        );
    }
}
