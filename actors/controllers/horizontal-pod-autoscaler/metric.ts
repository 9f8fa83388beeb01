/** What one metric of an autoscaler asks for. Source: pkg/controller/podautoscaler horizontal.go computeStatusFor*. */
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
} from '../../../schemas/generated/autoscaling-v2.ts';
import type { LabelSelector } from '../../../schemas/meta/object.ts';
import {
  byAverage,
  byShare,
  byUtilization,
  byValue,
  type PodValues,
  type Tolerances,
  type Weighed,
} from './calculation.ts';
import { floatOf, milliOf, quantityOf } from './quantities.ts';

/** Source: --horizontal-pod-autoscaler-tolerance. */
const TOLERANCE = 0.1;

/** What the metrics APIs said, or why they did not. */
export type Reading =
  | { readonly pods: PodValues }
  /** Of an object, or of something outside the cluster: in thousandths. */
  | { readonly value: bigint }
  | { readonly failure: string };
export interface Proposal {
  readonly replicas: number;
  /** For people. */
  readonly name: string;
  readonly status: MetricStatus;
}
/** Why a metric cannot be gone by. */
export class MetricFailure extends Error {
  override readonly name = 'MetricFailure';
  /** Of the condition and the Event. */
  readonly reason: string;
  /** What the condition and the Event say. */
  readonly told: string;
  constructor(reason: string, told: string, message: string) {
    super(message);
    this.reason = reason;
    this.told = told;
  }
}
export interface Scaled extends Omit<Weighed, 'tolerances'> {
  readonly hpa: HorizontalPodAutoscaler;
  /** Pods that there are, as the scale says. */
  readonly present: number;
}

export function tolerancesOf({ spec: { behavior } }: HorizontalPodAutoscaler): Tolerances {
  const of = (tolerance: string | number | undefined): number => (tolerance === undefined ? TOLERANCE : floatOf(tolerance));
  return { up: of(behavior?.scaleUp?.tolerance), down: of(behavior?.scaleDown?.tolerance) };
} // prettier-ignore

type Evaluate = (spec: MetricSpec, reading: Reading, scaled: Scaled, tolerances: Tolerances) => Proposal;
const EVALUATE: Readonly<Record<string, Evaluate>> = {
  Resource: (spec, reading, scaled, tolerances) => {
    const { name, target } = spec.resource!;
    const { current, ...rest } = ofResource({ name, target, container: '', type: 'FailedGetResourceMetric', outer: `failed to get ${name} resource metric value`, utilization: 'resource utilization' }, reading, scaled, tolerances);
    return { ...rest, status: { type: 'Resource', resource: { name, current } } };
  },
  ContainerResource: (spec, reading, scaled, tolerances) => {
    const { name, container, target } = spec.containerResource!;
    const { current, ...rest } = ofResource({ name, target, container, type: 'FailedGetContainerResourceMetric', outer: `failed to get ${container} container metric value`, utilization: 'container resource utilization' }, reading, scaled, tolerances);
    return { ...rest, status: { type: 'ContainerResource', containerResource: { name, container, current } } };
  },
  Pods: (spec, reading, scaled, tolerances) => {
    const { metric, target } = spec.pods!;
    const fail = failing('FailedGetPodsMetric', () => 'failed to get pods metric value');
    const values = fail(() => podsOf(reading, `unable to get metric ${metric.name}: `));
    const { replicas, usage } = fail(() => byAverage({ ...scaled, tolerances }, values, '', milliOf(target.averageValue ?? '0')));
    return { replicas, name: `pods metric ${metric.name}`, status: { type: 'Pods', pods: { metric, current: { averageValue: quantityOf(usage) } } } };
  },
  Object: (spec, reading, scaled, tolerances) => {
    const { metric, target, describedObject } = spec.object!;
    const { namespace } = scaled.hpa.metadata;
    const outer = 'failed to get object metric value';
    const read = (): bigint => valueOf(reading, (why) => `unable to get metric ${metric.name}: ${why} on ${describedObject.kind} ${namespace}/${describedObject.name}`);
    const status = (current: object): MetricStatus => ({ type: 'Object', object: { describedObject, metric, current } });
    if (target.type === 'Value' && target.value !== undefined) {
      const { value } = target;
      const { replicas, usage } = failing('FailedGetObjectMetric', () => outer)(() => byValue({ ...scaled, tolerances }, read(), milliOf(value)));
      return { replicas, name: `${describedObject.kind} metric ${metric.name}`, status: status({ value: quantityOf(usage) }) };
    }
    if (target.type === 'AverageValue' && target.averageValue !== undefined) {
      const { averageValue } = target;
      const { replicas, usage } = failing('FailedGetObjectMetric', () => `${outer}: failed to get ${metric.name} object metric`)(() => byShare(scaled.present, tolerances, read(), milliOf(averageValue)));
      return { replicas, name: `external metric ${metric.name}(${selectorText(metric.selector)})`, status: status({ averageValue: quantityOf(usage) }) };
    }
    return failing('FailedGetObjectMetric', () => outer)(() => {
      throw new Error('invalid object metric source: neither a value target nor an average value target was set');
    });
  },
  External: (spec, reading, scaled, tolerances) => {
    const { metric, target } = spec.external!;
    const { namespace } = scaled.hpa.metadata;
    const outer = `failed to get ${metric.name} external metric value`;
    const read = (): bigint => valueOf(reading, (why) => `unable to get external metric ${namespace}/${metric.name}/${selectorText(metric.selector)}: ${why}`);
    const name = `external metric ${metric.name}(${selectorText(metric.selector)})`;
    const status = (current: object): MetricStatus => ({ type: 'External', external: { metric, current } });
    const { averageValue, value } = target;
    if (averageValue !== undefined) {
      const { replicas, usage } = failing('FailedGetExternalMetric', () => `${outer}: failed to get ${metric.name} external metric`)(() => byShare(scaled.present, tolerances, read(), milliOf(averageValue)));
      return { replicas, name, status: status({ averageValue: quantityOf(usage) }) };
    }
    if (value !== undefined) {
      const { replicas, usage } = failing('FailedGetExternalMetric', () => `${outer}: failed to get external metric ${metric.name}`)(() => byValue({ ...scaled, tolerances }, read(), milliOf(value)));
      return { replicas, name, status: status({ value: quantityOf(usage) }) };
    }
    return failing('FailedGetExternalMetric', () => outer)(() => {
      throw new Error('invalid external metric source: neither a value target nor an average value target was set');
    });
  },
}; // prettier-ignore

/** Throws MetricFailure. */
export function evaluate(spec: MetricSpec, reading: Reading, scaled: Scaled): Proposal {
  const known = EVALUATE[spec.type];
  if (known !== undefined) return known(spec, reading, scaled, tolerancesOf(scaled.hpa));
  const why = `unknown metric source type ${JSON.stringify(spec.type)}`;
  throw new MetricFailure('InvalidMetricSourceType', why, why);
}

interface OfResource {
  readonly name: string;
  readonly target: MetricTarget;
  readonly container: string;
  readonly type: string;
  readonly outer: string;
  readonly utilization: string;
}
function ofResource({ name, target, container, type, outer, utilization }: OfResource, reading: Reading, scaled: Scaled, tolerances: Tolerances) {
  const format = name === 'memory' ? 'BinarySI' : 'DecimalSI';
  const weighed: Weighed = { ...scaled, tolerances };
  const read = (): PodValues => podsOf(reading, `unable to get metrics for resource ${name}: `);
  const fail = failing(type, () => outer);
  const { averageValue, averageUtilization } = target;
  if (averageValue !== undefined) {
    const { replicas, usage } = fail(within(`failed to get ${name} usage`, () => byAverage(weighed, read(), name, milliOf(averageValue))));
    return { replicas, name: `${name} resource`, current: { averageValue: quantityOf(usage, format) } };
  }
  if (averageUtilization === undefined)
    return fail(() => {
      throw new Error('invalid resource metric source: neither an average utilization target nor an average value (usage) target was set');
    });
  const found = fail(within(`failed to get ${name} utilization`, () => byUtilization(weighed, read(), name, container, averageUtilization)));
  return {
    replicas: found.replicas,
    name: `${name} ${utilization} (percentage of request)`,
    current: { averageUtilization: found.utilization, averageValue: quantityOf(found.usage, format) },
  };
} // prettier-ignore

const textOf = (error: unknown): string => (error as Error).message;
const within =
  <T>(prefix: string, work: () => T) =>
  (): T => {
    try {
      return work();
    } catch (error) {
      throw new Error(`${prefix}: ${textOf(error)}`, { cause: error });
    }
  };
const failing = (reason: string, outer: () => string) => <T>(work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw new MetricFailure(reason, textOf(error), `${outer()}: ${textOf(error)}`);
  }
}; // prettier-ignore
function podsOf(reading: Reading, prefix: string): PodValues {
  if ('pods' in reading) return reading.pods;
  throw new Error(`${prefix}${'failure' in reading ? reading.failure : 'no values of pods'}`);
}
function valueOf(reading: Reading, say: (why: string) => string): bigint {
  if ('value' in reading) return reading.value;
  throw new Error(say('failure' in reading ? reading.failure : 'no value of the whole'));
}
/** As Go prints it. Source: apimachinery meta/v1 generated.pb.go LabelSelector.String. */
export function selectorText(selector: LabelSelector | undefined): string {
  if (selector === undefined) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => `${k}: ${v},`).join('');
  const terms = (selector.matchExpressions ?? []).map(({ key, operator, values = [] }) => `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`).join('');
  return `&LabelSelector{MatchLabels:map[string]string{${labels}},MatchExpressions:[]LabelSelectorRequirement{${terms}},}`;
} // prettier-ignore
