import type { Errors } from '../define.ts';
import type {
  CrossVersionObjectReference, HorizontalPodAutoscalerSpec, HPAScalingRules, MetricSpec, MetricTarget,
} from '../generated/autoscaling-v2.ts'; // prettier-ignore
import { validateContainerResourceName } from '../core/resource-names.ts';
import { notOneOf, problems, requiredSegment } from '../helpers/checks.ts';
import { forbidden, invalid, required, type FieldPath } from '../meta/field.ts';
import { dnsLabel, pathSegment } from '../meta/names.ts';
import { parseQuantity } from '../meta/quantity.ts';

/** Source: pkg/apis/autoscaling/validation. */
const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;
const SELECT_POLICIES = ['Disabled', 'Max', 'Min'];
const POLICY_TYPES = ['Percent', 'Pods'];
const METRIC_TYPES = ['ContainerResource', 'External', 'Object', 'Pods', 'Resource'];
const TARGET_TYPES = ['Utilization', 'Value', 'AverageValue'];

/** `old`: of the object that is updated. What was taken once stays good: references of the same kind, zero as the least. */
export function* validateHpaSpec(spec: HorizontalPodAutoscalerSpec, old: HorizontalPodAutoscalerSpec | undefined, at: FieldPath): Errors {
  const least = old?.minReplicas === 0 ? 0 : 1;
  const { minReplicas: min, maxReplicas: max = 0, metrics } = spec;
  if (min !== undefined && min < least) yield invalid(at('minReplicas'), min, `must be greater than or equal to ${least}`);
  if (max === 0) yield required(at('maxReplicas'), 'must be set and greater than 0');
  else if (max < 0) yield invalid(at('maxReplicas'), max, 'must be greater than or equal to 1');
  if (min !== undefined && max < min)
    yield invalid(at('maxReplicas'), max, 'must be greater than or equal to `minReplicas`');
  const target = spec.scaleTargetRef;
  const before = old?.scaleTargetRef;
  const isSame = before !== undefined && before.kind === target?.kind && (before.apiVersion ?? '') === (target.apiVersion ?? '');
  yield* validateReference(target, isSame ? 'any' : target?.kind === 'ReplicationController' ? 'noGroup' : 'group', at('scaleTargetRef'));
  const isTolerated = old?.metrics?.some((m) => m.type === 'Object' && slashes(m.object?.describedObject?.apiVersion) > 1);
  for (const [i, metric] of (metrics ?? []).entries()) yield* validateMetric(metric, isTolerated ? 'any' : 'noGroup', at('metrics')(i));
  if (min === 0 && !metrics?.some((m) => m.type === 'Object' || m.type === 'External'))
    yield forbidden(at('metrics'), 'must specify at least one Object or External metric to support scaling to zero replicas');
  if (spec.behavior?.scaleUp) yield* validateRules(spec.behavior.scaleUp, at('behavior')('scaleUp'));
  if (spec.behavior?.scaleDown) yield* validateRules(spec.behavior.scaleDown, at('behavior')('scaleDown'));
} // prettier-ignore

/** What an apiVersion may be: one with a group, one without as well, or anything. */
type Versions = 'group' | 'noGroup' | 'any';
const slashes = (apiVersion = ''): number => apiVersion.split('/').length - 1;
function* validateReference(
  ref: Partial<CrossVersionObjectReference> | undefined,
  versions: Versions,
  at: FieldPath,
): Errors {
  const { kind, name, apiVersion = '' } = ref ?? {};
  yield* requiredSegment(kind, at('kind'));
  yield* requiredSegment(name, at('name'));
  if (versions === 'any') return;
  if (slashes(apiVersion) > 1)
    yield invalid(at('apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`);
  else if (versions === 'group' && (slashes(apiVersion) === 0 || apiVersion.startsWith('/')))
    yield invalid(at('apiVersion'), apiVersion, 'apiVersion must specify API group');
}
function* validateRules(rules: HPAScalingRules, at: FieldPath): Errors {
  const { stabilizationWindowSeconds: window, selectPolicy, policies, tolerance } = rules;
  if (window !== undefined && window < 0)
    yield invalid(at('stabilizationWindowSeconds'), window, 'must be greater than or equal to zero');
  if (window !== undefined && window > MAX_WINDOW_SECONDS)
    yield invalid(at('stabilizationWindowSeconds'), window, `must be less than or equal to ${MAX_WINDOW_SECONDS}`);
  if (selectPolicy !== undefined && !SELECT_POLICIES.includes(selectPolicy))
    yield notOneOf(selectPolicy, SELECT_POLICIES, at('selectPolicy'));
  if (!policies?.length) yield required(at('policies'), 'must specify at least one Policy');
  for (const [i, { type, value, periodSeconds }] of (policies ?? []).entries()) {
    const here = at('policies')(i);
    if (!POLICY_TYPES.includes(type)) yield notOneOf(type, POLICY_TYPES, here('type'));
    if (value <= 0) yield invalid(here('value'), value, 'must be greater than zero');
    if (periodSeconds <= 0) yield invalid(here('periodSeconds'), periodSeconds, 'must be greater than zero');
    if (periodSeconds > MAX_PERIOD_SECONDS)
      yield invalid(here('periodSeconds'), periodSeconds, `must be less than or equal to ${MAX_PERIOD_SECONDS}`);
  }
  if (tolerance !== undefined && parseQuantity(tolerance).nano < 0n)
    yield invalid(at('tolerance'), String(tolerance), 'must be greater than or equal to 0');
}

/** The fields of the sources, in the order in which the first one present is looked at. */
const SOURCES = ['object', 'external', 'pods', 'resource', 'containerResource'] as const;
const FIELD_OF: Readonly<Record<string, (typeof SOURCES)[number]>> = {
  Object: 'object', Pods: 'pods', Resource: 'resource', External: 'external', ContainerResource: 'containerResource',
}; // prettier-ignore

function* validateMetric(spec: MetricSpec, versions: Versions, at: FieldPath): Errors {
  const type = spec.type ?? '';
  if (type === '') yield required(at('type'), 'must specify a metric source type');
  if (!METRIC_TYPES.includes(type)) yield notOneOf(type, METRIC_TYPES, at('type'));
  const present = SOURCES.filter((source) => spec[source]);
  if (present[0] !== undefined) yield* validateSource(spec, present[0], versions, at(present[0]));
  const expected = FIELD_OF[type];
  if (expected === undefined) yield notOneOf(type, METRIC_TYPES, at('type'));
  else if (!spec[expected]) yield required(at(expected), 'must populate information for the given metric source');
  if (present.length !== 1)
    for (const source of present)
      if (source !== expected) yield forbidden(at(source), 'must populate the given metric source only');
}
function* validateSource(spec: MetricSpec, source: (typeof SOURCES)[number], versions: Versions, at: FieldPath): Errors {
  const goal = spec[source]!.target ?? ({} as MetricTarget);
  const average = at('target')('averageValue');
  if (source === 'object') yield* validateReference(spec.object!.describedObject, versions, at('describedObject'));
  if (source === 'object' || source === 'external' || source === 'pods') {
    const { name } = spec[source]!.metric;
    if (!name) yield required(at('metric')('name'), 'must specify a metric name');
    else yield* problems(pathSegment(name), name, at('metric')('name'));
    yield* validateTarget(goal, at('target'));
    if (source === 'pods') {
      if (goal.averageValue === undefined) yield required(average, 'must specify a positive target averageValue');
    } else if (goal.value === undefined && goal.averageValue === undefined)
      yield required(average, source === 'object' ? 'must set either a target value or averageValue' : 'must set either a target value for metric or a per-pod target');
    else if (source === 'external' && goal.value !== undefined && goal.averageValue !== undefined)
      yield forbidden(at('target')('value'), 'may not set both a target value for metric and a per-pod target');
    return;
  }
  const { name } = spec[source]!;
  if (!name) yield required(at('name'), 'must specify a resource name');
  else if (source === 'containerResource') yield* validateContainerResourceName(name, at('name'));
  if (source === 'containerResource') {
    const { container } = spec.containerResource!;
    if (!container) yield required(at('container'), 'must specify a container');
    else yield* problems(dnsLabel(container), container, at('container'));
  }
  yield* validateTarget(goal, at('target'));
  const { averageUtilization: utilization, averageValue } = goal;
  if (utilization === undefined && averageValue === undefined)
    yield required(at('target')('averageUtilization'), 'must set either a target raw value or a target utilization');
  if (utilization !== undefined && averageValue !== undefined)
    yield forbidden(average, 'may not set both a target raw value and a target utilization');
} // prettier-ignore
function* validateTarget({ type = '', value, averageValue, averageUtilization }: Partial<MetricTarget>, at: FieldPath): Errors {
  if (type === '') yield required(at('type'), 'must specify a metric target type');
  if (!TARGET_TYPES.includes(type)) yield invalid(at('type'), type, 'must be either Utilization, Value, or AverageValue');
  if (value !== undefined && parseQuantity(value).nano <= 0n) yield invalid(at('value'), String(value), 'must be positive');
  if (averageValue !== undefined && parseQuantity(averageValue).nano <= 0n) yield invalid(at('averageValue'), String(averageValue), 'must be positive');
  if (averageUtilization !== undefined && averageUtilization < 1) yield invalid(at('averageUtilization'), averageUtilization, 'must be greater than 0');
} // prettier-ignore
