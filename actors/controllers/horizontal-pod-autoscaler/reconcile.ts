/** Decides about one autoscaler. Source: pkg/controller/podautoscaler horizontal.go reconcileAutoscaler. */
import type { Scale } from '../../../schemas/generated/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  HorizontalPodAutoscalerCondition,
  HorizontalPodAutoscalerStatus,
  MetricStatus,
} from '../../../schemas/generated/autoscaling-v2.ts';
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import { firstMemory, normalize, noted, type Memory } from './behavior.ts';
import { evaluate, MetricFailure, type Proposal, type Reading } from './metric.ts';

/** Source: --horizontal-pod-autoscaler-sync-period. */
export const SYNC_MS = 15_000;

export interface Told {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}
type Conditions = readonly HorizontalPodAutoscalerCondition[];
type Say = (type: string, status: 'True' | 'False', reason: string, message: string) => void;

/** What is known of an autoscaler and its target before metrics are asked for. */
export interface Target {
  readonly hpa: HorizontalPodAutoscaler;
  readonly scale: Scale;
  readonly memory: Memory | undefined;
}
/** What is decided; the replicas are changed, if at all, before `conclude` says how it went. */
export interface Decision {
  readonly hpa: HorizontalPodAutoscaler;
  readonly current: number;
  readonly desired: number;
  /** undefined: they stay. */
  readonly rescale: { readonly reason: string } | undefined;
  readonly conditions: Conditions;
  readonly metrics: readonly MetricStatus[];
  readonly memory: Memory;
  readonly events: readonly Told[];
  /** It could not be decided: desired replicas stay as they were said to be. */
  readonly failed?: boolean;
}
const replicasOf = ({ spec }: Scale): number => spec?.replicas ?? 0;
const leastOf = ({ spec }: HorizontalPodAutoscaler): number => spec.minReplicas ?? 1;

/** Whether what is used makes a difference: replicas outside the bounds go within first, none at all stay none. */
export function needsMetrics({ hpa, scale }: Pick<Target, 'hpa' | 'scale'>): boolean {
  const current = replicasOf(scale);
  return current !== 0 && current <= hpa.spec.maxReplicas && current >= leastOf(hpa);
}

/** Conditions change their time with their status alone. Source: setConditionInList. */
function speaker(before: Conditions, now: number): { readonly say: Say; readonly said: () => Conditions } {
  let all = before;
  return {
    said: () => all,
    say: (type, status, reason, message) => {
      const old = all.find((c) => c.type === type);
      const lastTransitionTime = old?.status === status ? old.lastTransitionTime : formatTime(now);
      const next = { type, status, lastTransitionTime, reason, message };
      all = old === undefined ? [...all, next] : all.map((c) => (c === old ? next : c));
    },
  };
}
const warning = (reason: string, message: string): Told => ({ type: 'Warning', reason, message });

/** The target cannot be scaled, or is not there. */
export function unscalable(hpa: HorizontalPodAutoscaler, why: string, now: number): { readonly status: HorizontalPodAutoscalerStatus; readonly events: readonly Told[] } {
  const { say, said } = speaker(hpa.status?.conditions ?? [], now);
  say('AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${why}`);
  return { status: { ...hpa.status, desiredReplicas: hpa.status?.desiredReplicas ?? 0, conditions: [...said()] }, events: [warning('FailedGetScale', why)] };
} // prettier-ignore

/** What was read of the pods that the target selects. */
export interface Observed {
  readonly pods: readonly Pod[];
  /** Of each metric, in order. */
  readonly readings: readonly Reading[];
  /** Why nobody can say which pods these are: a problem of the selector. */
  readonly problem?: { readonly event: string; readonly reason: string; readonly message: string; readonly shown?: string } | undefined; // prettier-ignore
}
/** `observed`: undefined where metrics are not needed. */
export function decide({ hpa, scale, memory: known }: Target, observed: Observed | undefined, now: number): Decision {
  const { behavior, maxReplicas: max } = hpa.spec;
  const [current, min] = [replicasOf(scale), leastOf(hpa)];
  const memory = known ?? firstMemory(current, now);
  const { say, said } = speaker(hpa.status?.conditions ?? [], now);
  say('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
  const done = (desired: number, reason: string | undefined, rest: Partial<Decision> = {}): Decision => ({
    hpa, current, desired, rescale: reason === undefined ? undefined : { reason }, conditions: said(), metrics: [], memory, events: [], ...rest,
  }); // prettier-ignore
  if (current === 0) {
    say('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    return done(0, undefined);
  }
  if (current > max) return done(max, 'Current number of replicas above Spec.MaxReplicas');
  if (current < min || observed === undefined) return done(min, 'Current number of replicas below Spec.MinReplicas');

  const weighed = weigh({ hpa, scale, memory }, observed, now, say);
  if ('failure' in weighed) {
    const events = [...weighed.events, warning('FailedComputeMetricsReplicas', weighed.failure)];
    return done(current, undefined, { metrics: weighed.metrics, events, failed: true });
  }
  const { replicas, name, metrics, events } = weighed;
  const normal = normalize({ current, desired: replicas, min, max, now }, behavior, memory);
  say('AbleToScale', 'True', normal.able.reason, normal.able.message);
  say('ScalingLimited', normal.limited.is ? 'True' : 'False', normal.limited.reason, normal.limited.message);
  // Of what metrics ask for, and not of what became of it.
  const reason = replicas > current ? `${name} above target` : replicas < current ? 'All metrics below target' : '';
  return done(normal.replicas, normal.replicas === current ? undefined : reason, { metrics, events, memory: normal.memory });
} // prettier-ignore

type Weighed =
  | { readonly failure: string; readonly metrics: readonly MetricStatus[]; readonly events: readonly Told[] }
  | (Omit<Proposal, 'status'> & { readonly metrics: readonly MetricStatus[]; readonly events: readonly Told[] });
/** The highest of what the metrics ask for. Source: computeReplicasForMetrics. */
function weigh({ hpa, scale }: Target, { pods, readings, problem }: Observed, now: number, say: Say): Weighed {
  if (problem !== undefined) {
    say('ScalingActive', 'False', problem.reason, problem.shown ?? problem.message);
    return { failure: problem.message, metrics: [], events: [warning(problem.event, problem.message)] };
  }
  const scaled = { hpa, pods, now, current: replicasOf(scale), present: scale.status?.replicas ?? 0 };
  const metrics: MetricStatus[] = [];
  const failures: MetricFailure[] = [];
  let best: Proposal | undefined;
  for (const [i, spec] of (hpa.spec.metrics ?? []).entries()) {
    try {
      const proposal = evaluate(spec, readings[i]!, scaled);
      metrics.push(proposal.status);
      if (best === undefined || best.replicas === 0 || proposal.replicas > best.replicas) best = proposal;
    } catch (error) {
      if (!(error instanceof MetricFailure)) throw error;
      failures.push(error);
      // Nothing is known of it, which is said by nothing.
      metrics.push({ type: '' });
    }
  }
  const events = failures.map((failure) => warning(failure.reason, failure.told));
  const [first] = failures;
  if (best === undefined || (first !== undefined && best.replicas < scaled.current)) {
    if (first !== undefined)
      say('ScalingActive', 'False', first.reason, `the HPA was unable to compute the replica count: ${first.told}`);
    const failure = `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${first?.message ?? ''}`;
    return { failure, metrics, events };
  }
  say('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.name}`);
  return { replicas: best.replicas, name: best.name, metrics, events };
} // prettier-ignore

export interface Conclusion {
  readonly status: HorizontalPodAutoscalerStatus;
  readonly memory: Memory;
  readonly events: readonly Told[];
}
/** `failure`: why the replicas could not be changed. */
export function conclude(decision: Decision, failure: string | undefined, now: number): Conclusion {
  const { hpa, current, desired, rescale, metrics } = decision;
  const { say, said } = speaker(decision.conditions, now);
  const status = (wanted: number, lastScaleTime: string | undefined): HorizontalPodAutoscalerStatus => ({
    ...(current > 0 && { currentReplicas: current }),
    desiredReplicas: wanted,
    ...(lastScaleTime !== undefined && { lastScaleTime }),
    ...(metrics.length > 0 && { currentMetrics: [...metrics] }),
    conditions: [...said()],
  });
  const before = hpa.status?.desiredReplicas ?? 0;
  const last = hpa.status?.lastScaleTime;
  const { memory } = decision;
  if (rescale === undefined)
    return { status: status(decision.failed ? before : current, last), memory, events: decision.events };
  if (failure !== undefined) {
    say('AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${failure}`);
    const told = warning('FailedRescale', `New size: ${desired}; reason: ${rescale.reason}; error: ${failure}`);
    return { status: status(before, last), memory, events: [...decision.events, told] };
  }
  say('AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${desired}`);
  const told: Told = { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${desired}; reason: ${rescale.reason}` };
  return {
    status: status(desired, formatTime(now)),
    memory: noted(memory, hpa.spec.behavior, current, desired, now),
    events: [...decision.events, told],
  };
} // prettier-ignore
