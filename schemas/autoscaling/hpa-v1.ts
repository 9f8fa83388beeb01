import type { HorizontalPodAutoscaler as V1 } from '../generated/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler as V2,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../generated/autoscaling-v2.ts';
import { goStruct } from '../helpers/go-struct.ts';
import type { KubeObject } from '../meta/object.ts';

/** What v1 has no fields for travels in annotations, in v1's old form. Source: pkg/apis/autoscaling annotations.go. */
const PREFIX = 'autoscaling.alpha.kubernetes.io/';
const METRICS = `${PREFIX}metrics`;
const CURRENT = `${PREFIX}current-metrics`;
const BEHAVIOR = `${PREFIX}behavior`;
const CONDITIONS = `${PREFIX}conditions`;
const DEFAULT_UTILIZATION = 80;
type Json = Record<string, unknown>;

export const cpuUtilization = (percent: number): MetricSpec => ({
  type: 'Resource',
  resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: percent } },
});
export const defaultMetrics = (): MetricSpec[] => [cpuUtilization(DEFAULT_UTILIZATION)];
const isCpuUtilization = (m: MetricSpec): boolean =>
  m.type === 'Resource' && m.resource?.name === 'cpu' && m.resource.target.averageUtilization !== undefined;

/** Source: pkg/apis/autoscaling/v1 conversion.go. */
export function hpaToV1(object: V2): V1 {
  const { metadata, spec, status } = object;
  const annotations: Record<string, string> = { ...withoutRoundTrip(metadata.annotations) };
  const metrics = spec?.metrics ?? [];
  const others = metrics.filter((m) => !isCpuUtilization(m));
  if (others.length > 0) annotations[METRICS] = JSON.stringify(others.map(specToV1));
  if (status?.currentMetrics?.length) annotations[CURRENT] = JSON.stringify(status.currentMetrics.map(statusToV1));
  if (spec?.behavior) annotations[BEHAVIOR] = JSON.stringify(goStruct(spec.behavior, 'io.k8s.api.autoscaling.v2.HorizontalPodAutoscalerBehavior'));
  if (status?.conditions?.length) annotations[CONDITIONS] = JSON.stringify(status.conditions);
  const cpu = metrics.find(isCpuUtilization)?.resource?.target.averageUtilization;
  const current = status?.currentMetrics?.find((m) => m.type === 'Resource' && m.resource?.name === 'cpu')?.resource?.current.averageUtilization;
  const { annotations: _, ...meta } = metadata;
  return {
    ...object,
    apiVersion: 'autoscaling/v1',
    metadata: { ...meta, ...(Object.keys(annotations).length > 0 && { annotations: sorted(annotations) }) },
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      ...(spec?.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
      maxReplicas: spec?.maxReplicas ?? 0,
      ...(cpu !== undefined && { targetCPUUtilizationPercentage: cpu }),
    },
    status: {
      ...(status?.observedGeneration !== undefined && { observedGeneration: status.observedGeneration }),
      ...(status?.lastScaleTime && { lastScaleTime: status.lastScaleTime }),
      currentReplicas: status?.currentReplicas ?? 0,
      desiredReplicas: status?.desiredReplicas ?? 0,
      ...(current !== undefined && { currentCPUUtilizationPercentage: current }),
    },
  };
} // prettier-ignore

type Behavior = NonNullable<NonNullable<V2['spec']>['behavior']>;
/** Rules of an annotation that names no policies have none: the defaults are those of the newer version's own field. */
const withPolicies = (behavior: Behavior): Behavior =>
  Object.fromEntries(
    Object.entries(behavior).map(([direction, rules]) => [
      direction,
      rules && { ...rules, policies: rules.policies ?? [] },
    ]),
  );
export function hpaFromV1(given: KubeObject): V2 {
  const object = given as V1;
  const { metadata, spec, status } = object;
  const kept = metadata.annotations ?? {};
  const metrics = spec?.targetCPUUtilizationPercentage === undefined ? [] : [cpuUtilization(spec.targetCPUUtilizationPercentage)];
  const others = parse<Json[]>(kept[METRICS], Array.isArray);
  const current = parse<Json[]>(kept[CURRENT], Array.isArray);
  const behavior = parse<Json>(kept[BEHAVIOR], (v) => typeof v === 'object' && v !== null);
  const conditions = parse<NonNullable<V2['status']>['conditions']>(kept[CONDITIONS], Array.isArray);
  const all = [...(others ?? []).map(specFromV1), ...metrics];
  const { annotations: _, ...meta } = metadata;
  const annotations = withoutRoundTrip(kept);
  return {
    ...object,
    apiVersion: 'autoscaling/v2',
    metadata: { ...meta, ...(annotations && Object.keys(annotations).length > 0 && { annotations }) },
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      ...(spec?.minReplicas !== undefined && { minReplicas: spec.minReplicas }),
      maxReplicas: spec?.maxReplicas ?? 0,
      metrics: all.length > 0 ? all : defaultMetrics(),
      ...(behavior && { behavior: withPolicies(lowerKeys(behavior) as Behavior) }),
    },
    status: {
      ...(status?.observedGeneration !== undefined && { observedGeneration: status.observedGeneration }),
      ...(status?.lastScaleTime && { lastScaleTime: status.lastScaleTime }),
      ...(status?.currentReplicas && { currentReplicas: status.currentReplicas }),
      desiredReplicas: status?.desiredReplicas ?? 0,
      currentMetrics: (current?.map(statusFromV1) ??
        (status?.currentCPUUtilizationPercentage === undefined ? null
          : [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: status.currentCPUUtilizationPercentage } } }])) as MetricStatus[],
      ...(conditions && { conditions }),
    },
  };
} // prettier-ignore

function withoutRoundTrip(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> | undefined {
  if (annotations === undefined) return undefined;
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => ![METRICS, CURRENT, BEHAVIOR, CONDITIONS].includes(key)));
} // prettier-ignore
const sorted = (map: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : 1)));
function parse<T>(text: string | undefined, fits: (value: unknown) => boolean): T | undefined {
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return fits(value) ? (value as T) : undefined;
  } catch {
    // An annotation that no longer parses is dropped, as the real server does.
    return undefined;
  }
}
/** `{"ScaleUp":{...}}` to `{scaleUp: {...}}`, nulls left out. */
function lowerKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(lowerKeys);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([, v]) => v !== null).map(([key, v]) => [key[0]!.toLowerCase() + key.slice(1), lowerKeys(v)]),
  );
} // prettier-ignore
const compact = (map: Json): Json => Object.fromEntries(Object.entries(map).filter(([, v]) => v !== undefined));

function specToV1({ type, object, pods, resource, containerResource, external }: MetricSpec): Json {
  return compact({
    type,
    object: object && compact({ target: object.describedObject, metricName: object.metric.name, targetValue: object.target.value ?? '0', selector: object.metric.selector, averageValue: object.target.averageValue }),
    pods: pods && compact({ metricName: pods.metric.name, targetAverageValue: pods.target.averageValue ?? '0', selector: pods.metric.selector }),
    resource: resource && compact({ name: resource.name, targetAverageUtilization: resource.target.averageUtilization, targetAverageValue: resource.target.averageValue }),
    containerResource: containerResource && compact({ name: containerResource.name, targetAverageUtilization: containerResource.target.averageUtilization, targetAverageValue: containerResource.target.averageValue, container: containerResource.container }),
    external: external && compact({ metricName: external.metric.name, metricSelector: external.metric.selector, targetValue: external.target.value, targetAverageValue: external.target.averageValue }),
  });
} // prettier-ignore
function statusToV1({ type, object, pods, resource, containerResource, external }: MetricStatus): Json {
  return compact({
    type,
    object: object && compact({ target: object.describedObject, metricName: object.metric.name, currentValue: object.current.value ?? '0', selector: object.metric.selector, averageValue: object.current.averageValue }),
    pods: pods && compact({ metricName: pods.metric.name, currentAverageValue: pods.current.averageValue ?? '0', selector: pods.metric.selector }),
    resource: resource && compact({ name: resource.name, currentAverageUtilization: resource.current.averageUtilization, currentAverageValue: resource.current.averageValue ?? '0' }),
    containerResource: containerResource && compact({ name: containerResource.name, currentAverageUtilization: containerResource.current.averageUtilization, currentAverageValue: containerResource.current.averageValue ?? '0', container: containerResource.container }),
    external: external && compact({ metricName: external.metric.name, metricSelector: external.metric.selector, currentValue: external.current.value ?? '0', currentAverageValue: external.current.averageValue }),
  });
} // prettier-ignore

const target = (value: unknown, average: unknown, utilization?: unknown): MetricTarget =>
  compact({
    type: utilization !== undefined ? 'Utilization' : average !== undefined ? 'AverageValue' : 'Value',
    value: average === undefined ? value : undefined, averageValue: average, averageUtilization: utilization,
  }) as unknown as MetricTarget; // prettier-ignore
const metric = (name: unknown, selector: unknown): Json => compact({ name, selector });
function specFromV1(given: Json): MetricSpec {
  const { type, object: o, pods: p, resource: r, containerResource: c, external: e } = given as Record<string, Json | undefined>;
  return compact({
    type,
    object: o && { describedObject: o['target'], target: target(o['targetValue'], o['averageValue']), metric: metric(o['metricName'], o['selector']) },
    pods: p && { metric: metric(p['metricName'], p['selector']), target: target(undefined, p['targetAverageValue']) },
    resource: r && { name: r['name'], target: target(undefined, r['targetAverageValue'], r['targetAverageUtilization']) },
    containerResource: c && { name: c['name'], container: c['container'], target: target(undefined, c['targetAverageValue'], c['targetAverageUtilization']) },
    external: e && { metric: metric(e['metricName'], e['metricSelector']), target: target(e['targetValue'], e['targetAverageValue']) },
  }) as unknown as MetricSpec;
} // prettier-ignore
function statusFromV1(given: Json): MetricStatus {
  const { type, object: o, pods: p, resource: r, containerResource: c, external: e } = given as Record<string, Json | undefined>;
  const current = (value: unknown, average: unknown, utilization?: unknown): Json => compact({ value, averageValue: average, averageUtilization: utilization });
  return compact({
    type,
    object: o && { metric: metric(o['metricName'], o['selector']), current: current(o['currentValue'], o['averageValue']), describedObject: o['target'] },
    pods: p && { metric: metric(p['metricName'], p['selector']), current: current(undefined, p['currentAverageValue']) },
    resource: r && { name: r['name'], current: current(undefined, r['currentAverageValue'], r['currentAverageUtilization']) },
    containerResource: c && { name: c['name'], container: c['container'], current: current(undefined, c['currentAverageValue'], c['currentAverageUtilization']) },
    external: e && { metric: metric(e['metricName'], e['metricSelector']), current: current(e['currentValue'], e['currentAverageValue']) },
  }) as unknown as MetricStatus;
} // prettier-ignore
