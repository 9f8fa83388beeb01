import type { Errors } from '../define.ts';
import type { Deployment, DeploymentSpec, DeploymentStrategy } from '../generated/apps-v1.ts';
import { goStruct } from '../helpers/go-struct.ts';
import { atMost100Percent, intOrPercent, intOrPercentValue, nonNegative } from '../meta/field-checks.ts';
import { forbidden, invalid, notSupported, required, type FieldPath } from '../meta/field.ts';
import { neverDecremented, selectorOrNothing, validateCounters, validateReplicaTemplate, validateRequiredSelector, withZeroes } from './workload-validation.ts'; // prettier-ignore

/** Source: pkg/apis/apps/validation ValidateDeploymentSpec. */
export function* validateDeployment(object: Deployment, at: FieldPath): Errors {
  const spec = (object.spec ?? {}) as DeploymentSpec;
  const here = at('spec');
  yield* nonNegative(spec.replicas, here('replicas'));
  yield* validateRequiredSelector(spec, 'deployment', here('selector'));
  const selector = selectorOrNothing(spec.selector);
  if (selector === undefined) yield invalid(here('selector'), spec.selector, 'invalid label selector');
  else yield* validateReplicaTemplate(spec.template, selector, here('template'));
  yield* validateStrategy(spec.strategy ?? {}, here('strategy'));
  yield* nonNegative(spec.minReadySeconds, here('minReadySeconds'));
  yield* nonNegative(spec.revisionHistoryLimit, here('revisionHistoryLimit'));
  const deadline = spec.progressDeadlineSeconds;
  if (deadline === undefined) return;
  yield* nonNegative(deadline, here('progressDeadlineSeconds'));
  if (deadline <= (spec.minReadySeconds ?? 0))
    yield invalid(here('progressDeadlineSeconds'), deadline, 'must be greater than minReadySeconds');
}
function* validateStrategy(strategy: DeploymentStrategy, at: FieldPath): Errors {
  const { rollingUpdate } = strategy;
  const type: string | undefined = strategy.type;
  const here = at('rollingUpdate');
  if (type === 'Recreate') {
    if (rollingUpdate) yield forbidden(here, "may not be specified when strategy `type` is 'Recreate'");
  } else if (type !== 'RollingUpdate') {
    yield notSupported(at, goStruct(withZeroes(strategy), 'io.k8s.api.apps.v1.DeploymentStrategy'), [
      'Recreate',
      'RollingUpdate',
    ]);
  } else if (!rollingUpdate) yield required(here, 'this should be defaulted and never be nil');
  else {
    const { maxUnavailable, maxSurge } = rollingUpdate;
    yield* intOrPercent(maxUnavailable, here('maxUnavailable'));
    yield* intOrPercent(maxSurge, here('maxSurge'));
    if (intOrPercentValue(maxUnavailable) === 0 && intOrPercentValue(maxSurge) === 0)
      yield invalid(here('maxUnavailable'), maxUnavailable, 'may not be 0 when `maxSurge` is 0');
    yield* atMost100Percent(maxUnavailable, here('maxUnavailable'));
  }
}
const COUNTERS = ['observedGeneration', 'replicas', 'updatedReplicas', 'readyReplicas', 'availableReplicas', 'unavailableReplicas', 'terminatingReplicas', 'collisionCount']; // prettier-ignore
const LIMITED = ['updatedReplicas', 'readyReplicas', 'availableReplicas'];

/** Source: pkg/apis/apps/validation ValidateDeploymentStatusUpdate. */
export function* validateDeploymentStatus(object: Deployment, old: Deployment, at: FieldPath): Errors {
  const status = { ...object.status };
  yield* validateCounters(status, COUNTERS, LIMITED, 'readyReplicas', at('status'));
  yield* neverDecremented(status.collisionCount, old.status?.collisionCount, at('status')('collisionCount'));
}
