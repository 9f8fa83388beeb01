import { defineResource } from '../define.ts';
import type { PodDisruptionBudget } from '../generated/policy-v1.ts';
import { validateConditions } from '../helpers/conditions.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { atMost100Percent, intOrPercent, nonNegative } from '../meta/field-checks.ts';
import { invalid, notSupported } from '../meta/field.ts';
import { pathSegment } from '../meta/names.ts';
import { validateLabelSelector } from '../meta/selectors.ts';
import { age } from '../meta/time.ts';

const EVICTION_POLICIES = ['AlwaysAllow', 'IfHealthyBudget'];
const NO_STATUS = { disruptionsAllowed: 0, currentHealthy: 0, desiredHealthy: 0, expectedPods: 0 };

export const podDisruptionBudget = defineResource<PodDisruptionBudget>({
  group: 'policy', version: 'v1', resource: 'poddisruptionbudgets',
  statusMetadataChecks: [],
  anyFinalizers: true,
  requiresResourceVersionOnUpdate: true,
  validateName: (name) => pathSegment(name),

  prepareForCreate(draft) {
    draft.status = { ...NO_STATUS };
    return draft;
  },
  prepareForUpdate(draft, old) {
    draft.status = old.status ?? { ...NO_STATUS };
    return draft;
  },

  metadataChecks: [],
  /** Source: pkg/apis/policy/validation ValidatePodDisruptionBudgetSpec. */
  *validate({ spec = {} }, path) {
    const at = path('spec');
    const { minAvailable: min, maxUnavailable: max, selector, unhealthyPodEvictionPolicy: policy } = spec;
    if (min !== undefined && max !== undefined) yield invalid(at, goStruct(spec, 'io.k8s.api.policy.v1.PodDisruptionBudgetSpec'), 'minAvailable and maxUnavailable cannot be both set');
    if (min !== undefined) {
      yield* intOrPercent(min, at('minAvailable'));
      yield* atMost100Percent(min, at('minAvailable'));
    }
    if (max !== undefined) {
      yield* intOrPercent(max, at('maxUnavailable'));
      yield* atMost100Percent(max, at('maxUnavailable'));
    }
    yield* validateLabelSelector(selector, at('selector'));
    if (policy !== undefined && !EVICTION_POLICIES.includes(policy)) yield notSupported(at('unhealthyPodEvictionPolicy'), policy, EVICTION_POLICIES);
  },
  *validateStatusUpdate({ status }, _old, path) {
    const at = path('status');
    yield* validateConditions(status?.conditions ?? [], at('conditions'));
    for (const field of ['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const) yield* nonNegative(status?.[field], at(field));
  },

  cells: ({ metadata, spec, status }, now) => [
    metadata.name ?? '', String(spec?.minAvailable ?? 'N/A'), String(spec?.maxUnavailable ?? 'N/A'), status?.disruptionsAllowed ?? 0,
    age(metadata.creationTimestamp, now),
  ],
}); // prettier-ignore
