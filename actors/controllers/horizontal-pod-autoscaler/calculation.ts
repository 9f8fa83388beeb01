/** How many replicas a metric asks for. Source: pkg/controller/podautoscaler replica_calculator.go, metrics/utilization.go. */
import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { hasPodLevelRequests, isSidecar } from '../../../schemas/helpers/pod-resources.ts';
import { parseTime } from '../../../schemas/meta/time.ts';
import { isPodReady, podCondition } from '../../runtime/pods.ts';
import { int32, MAX_INT64, milliOf } from './quantities.ts';

/** Sources: HPAControllerConfiguration defaults. */
const CPU_INITIALIZATION_MS = 300_000;
const INITIAL_READINESS_MS = 30_000;

/** Of one pod, in thousandths. */
export interface PodValue {
  readonly value: bigint;
  /** End of what was measured, in ms since the epoch, and how long that was. */
  readonly at: number;
  readonly windowMs: number;
}
/** By the pod's name. */
export type PodValues = ReadonlyMap<string, PodValue>;
/** Of the ratio of what is to what should be, in which nothing is done. */
export interface Tolerances {
  readonly up: number;
  readonly down: number;
}
interface Proposal {
  readonly replicas: number;
  /** Average, in thousandths. */
  readonly usage: bigint;
  /** In percent of what is requested. */
  readonly utilization?: number;
}
/** What all pods of a target have in common when a metric is weighed. */
export interface Weighed {
  readonly pods: readonly Pod[];
  readonly current: number;
  readonly tolerances: Tolerances;
  readonly now: number;
}
const isWithin = ({ up, down }: Tolerances, ratio: number): boolean => 1 - down <= ratio && ratio <= 1 + up;
const NO_PODS = 'no pods returned by selector while calculating replica count';
const NO_METRICS = 'did not receive metrics for targeted pods (pods might be unready)';

interface Grouped {
  readonly ready: number;
  readonly unready: ReadonlySet<string>;
  readonly missing: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
}
/** Source: groupPods. */
export function group(pods: readonly Pod[], values: PodValues, resource: string, now: number): Grouped {
  const [unready, missing, ignored] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let ready = 0;
  for (const pod of pods) {
    const name = pod.metadata.name ?? '';
    const value = values.get(name);
    if (pod.metadata.deletionTimestamp !== undefined || pod.status?.phase === 'Failed') ignored.add(name);
    else if (pod.status?.phase === 'Pending') unready.add(name);
    else if (value === undefined) missing.add(name);
    else if (resource === 'cpu' && isUnready(pod, value, now)) unready.add(name);
    else ready++;
  }
  return { ready, unready, missing, ignored };
}
/** Whether what it uses is not yet what it will use. */
function isUnready(pod: Pod, { at, windowMs }: PodValue, now: number): boolean {
  const condition = podCondition(pod, 'Ready');
  const started = parseTime(pod.status?.startTime ?? '');
  if (condition === undefined || started === undefined) return true;
  const changed = parseTime(condition.lastTransitionTime ?? '') ?? 0;
  if (started + CPU_INITIALIZATION_MS > now) return condition.status === 'False' || at < changed + windowMs;
  return condition.status === 'False' && started + INITIAL_READINESS_MS > changed;
}

interface Ratio {
  readonly ratio: number;
  readonly usage: bigint;
  readonly utilization?: number;
}
/** Throws where none of the pods that were measured is known. Source: GetResourceUtilizationRatio. */
function utilizationRatio(values: PodValues, requests: ReadonlyMap<string, bigint>, target: number): Ratio {
  let [used, requested, count] = [0n, 0n, 0n];
  for (const [name, { value }] of values) {
    const request = requests.get(name);
    if (request === undefined) continue;
    used += value;
    requested += request;
    count++;
  }
  if (requested === 0n) throw new Error('no metrics returned matched known pods');
  const utilization = Number((used * 100n) / requested);
  return { ratio: utilization / target, utilization, usage: used / count };
}
function usageRatio(values: PodValues, target: bigint): Ratio {
  let used = 0n;
  for (const { value } of values.values()) used += value;
  const usage = used / BigInt(values.size);
  return { ratio: Number(usage) / Number(target), usage };
}

/**
 * Those that say nothing, or nothing that counts yet, are taken for whatever changes least. Source: GetResourceReplicas,
 * calcPlainMetricReplicas.
 */
function conservatively(
  { pods, current, tolerances, now }: Weighed,
  values: PodValues,
  resource: string,
  ratioOf: (values: PodValues) => Ratio,
  /** What one that says nothing uses where replicas are taken away. */
  most: (name: string) => bigint,
): Proposal {
  const { ready, unready, missing, ignored } = group(pods, values, resource, now);
  const counted = new Map([...values].filter(([name]) => !unready.has(name) && !ignored.has(name)));
  if (counted.size === 0) throw new Error(NO_METRICS);
  const { ratio, ...told } = ratioOf(counted);
  const proposal = (replicas: number): Proposal => ({ ...told, replicas });
  const rises = ratio > 1;
  if (missing.size === 0 && !(unready.size > 0 && rises))
    return proposal(isWithin(tolerances, ratio) ? current : int32(Math.ceil(ratio * ready)));
  const assume = (name: string, value: bigint): void => void counted.set(name, { value, at: 0, windowMs: 0 });
  if (ratio < 1) for (const name of missing) assume(name, most(name));
  if (rises) for (const name of [...missing, ...unready]) assume(name, 0n);
  const next = ratioOf(counted).ratio;
  if (isWithin(tolerances, next) || (ratio < 1 && next > 1) || (rises && next < 1)) return proposal(current);
  const replicas = int32(Math.ceil(next * counted.size));
  const turns = (next < 1 && replicas > current) || (next > 1 && replicas < current);
  return proposal(turns ? current : replicas);
}

/** For a share of what is requested, in percent. Throws: Error whose text goes into the condition. */
export function byUtilization(weighed: Weighed, values: PodValues, resource: string, container: string, target: number): Proposal {
  if (weighed.pods.length === 0) throw new Error(NO_PODS);
  // Asked only once there is something to compare with.
  let known: ReadonlyMap<string, bigint> | undefined;
  const requests = (): ReadonlyMap<string, bigint> => (known ??= new Map(weighed.pods.map((pod) => [pod.metadata.name ?? '', requestOf(pod, container, resource)])));
  const fallback = BigInt(Math.max(100, target));
  return conservatively(
    weighed, values, resource,
    (counted) => utilizationRatio(counted, requests(), target),
    (name) => ((requests().get(name) ?? 0n) * fallback) / 100n,
  );
} // prettier-ignore
/** For an amount a pod, in thousandths; `resource`: '' where it is none. Throws likewise. */
export function byAverage(weighed: Weighed, values: PodValues, resource: string, target: bigint): Proposal {
  if (weighed.pods.length === 0) throw new Error(NO_PODS);
  return conservatively(weighed, values, resource, (counted) => usageRatio(counted, target), () => target); // prettier-ignore
}
/** For an amount of the whole. Source: getUsageRatioReplicaCount. */
export function byValue({ pods, current, tolerances }: Weighed, usage: bigint, target: bigint): Proposal {
  const ratio = Number(usage) / Number(target);
  if (current === 0) return { usage, replicas: int32(Math.ceil(ratio)) };
  if (isWithin(tolerances, ratio)) return { usage, replicas: current };
  if (pods.length === 0) throw new Error(`unable to calculate ready pods: ${NO_PODS}`);
  const ready = pods.filter((pod) => pod.status?.phase === 'Running' && isPodReady(pod)).length;
  return { usage, replicas: int32(Math.ceil(ratio * ready)) };
}
/** For an amount of the whole for each of the pods that there are. Source: GetObjectPerPodMetricReplicas. */
export function byShare(replicas: number, tolerances: Tolerances, usage: bigint, target: bigint): Proposal {
  const ratio = Number(usage) / (Number(target) * replicas);
  const average = usage >= MAX_INT64 ? usage : replicas === 0 ? 0n : BigInt(Math.ceil(Number(usage) / replicas));
  // Without a pod the ratio is no number, or none that could be within.
  if (isWithin(tolerances, ratio)) return { usage: average, replicas };
  return { usage: average, replicas: int32(Math.ceil(Number(usage) / Number(target))) };
}

/** In thousandths. Throws where a container does not request anything. Source: calculateRequests. */
function requestOf(pod: Pod, container: string, resource: string): bigint {
  const { name = '' } = pod.metadata;
  if (container === '' && hasPodLevelRequests(pod)) {
    const request = pod.spec?.resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing pod-level request for ${resource} in Pod ${name}`);
    return milliOf(request);
  }
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? []).filter(isSidecar)];
  const chosen = container === '' ? containers : containers.filter((c) => c.name === container);
  if (container !== '' && chosen.length === 0) throw new Error(`container ${container} not found in Pod ${name}`);
  return chosen.reduce((sum, c) => {
    const request = c.resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${c.name} of Pod ${name}`);
    return sum + milliOf(request);
  }, 0n);
}
