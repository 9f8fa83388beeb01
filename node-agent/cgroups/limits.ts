import type { Container, Pod } from '../../schemas/generated/core-v1.ts';
import { podQuantities } from '../../schemas/helpers/pod-quantities.ts';
import { amount, podRequests, qosClass } from '../../schemas/helpers/pod-resources.ts';
import type { ContainerResources } from '../runtime/cri/parts.ts';

/** What a group may use; what is undefined is left as it is. */
export interface Limits {
  /** 2 to 262144, in 1024ths of a processor: what it gets where processors are short. */
  readonly cpuShares?: number | undefined;
  /** µs of processor time in each period; -1: any. */
  readonly cpuQuota?: number | undefined;
  /** µs. */
  readonly cpuPeriod?: number | undefined;
  /** Bytes. */
  readonly memory?: number | undefined;
  readonly pids?: number | undefined;
}
const MIN_SHARES = 2;
const MAX_SHARES = 262_144;
export const PERIOD = 100_000;
const MIN_QUOTA = 1_000;

/** Source: kubelet cm MilliCPUToShares. */
export const sharesOf = (milli: number): number =>
  milli === 0 ? MIN_SHARES : Math.min(Math.max(Math.floor((milli * 1024) / 1000), MIN_SHARES), MAX_SHARES);
/** 0: no limit. Source: kubelet cm MilliCPUToQuota. */
export const quotaOf = (milli: number, period = PERIOD): number =>
  milli === 0 ? 0 : Math.max(Math.floor((milli * period) / 1000), MIN_QUOTA);
/** Of cgroup v2, 1 to 10000. Source: kubelet cm getCPUWeight. */
export const weightOf = (shares: number): number =>
  shares >= MAX_SHARES ? 10_000 : 1 + Math.floor(((shares - 2) * 9999) / 262_142);

/** Whether each container says a limit, or the pod itself does: only then has the pod one. */
export function isLimited({ spec }: Pod, resource: string): boolean {
  if (spec === undefined) return false;
  if (amount(resource, spec.resources?.limits?.[resource]) > 0) return true;
  return [...spec.containers, ...(spec.initContainers ?? [])].every(
    (container) => amount(resource, container.resources?.limits?.[resource]) > 0,
  );
}
/** Of a whole pod. Pure. Source: kubelet cm ResourceConfigForPod. */
export function podLimits(pod: Pod, o: { readonly pids?: number | undefined } = {}): Limits {
  const pids = o.pids === undefined || o.pids <= 0 ? {} : { pids: o.pids };
  const qos = qosClass(pod);
  if (qos === 'BestEffort') return { cpuShares: MIN_SHARES, ...pids };
  const limits = podQuantities(pod, 'limits', { overhead: true });
  const quota = quotaOf(amount('cpu', limits['cpu']));
  const memory = amount('memory', limits['memory']);
  return {
    cpuShares: sharesOf(podRequests(pod).get('cpu') ?? 0),
    ...(quota > 0 && isLimited(pod, 'cpu') && { cpuQuota: quota, cpuPeriod: PERIOD }),
    ...(memory > 0 && isLimited(pod, 'memory') && { memory }),
    ...pids,
  };
}
/** Of all pods of a node together. Pure. Source: kubelet cm getCgroupConfigInternal. */
export const allocatableLimits = (allocatable: Readonly<Record<string, string>>): Limits => ({
  cpuShares: sharesOf(amount('cpu', allocatable['cpu'])),
  ...(allocatable['memory'] !== undefined && { memory: amount('memory', allocatable['memory']) }),
});
/** Of one container. Pure. Source: kubelet kuberuntime generateLinuxContainerResources. */
export function containerLimits(pod: Pod, container: Container, machineMemory: number): ContainerResources {
  const { requests, limits } = container.resources ?? {};
  const shared = pod.spec?.resources?.limits;
  const cpuLimit = amount('cpu', limits?.['cpu']) || amount('cpu', shared?.['cpu']);
  const memoryLimit = amount('memory', limits?.['memory']) || amount('memory', shared?.['memory']);
  const cpu = requests?.['cpu'] === undefined ? cpuLimit : amount('cpu', requests['cpu']);
  return {
    cpuPeriod: PERIOD,
    // Nothing is said where there is no limit: 0 is what the runtime takes for that.
    cpuQuota: quotaOf(cpuLimit),
    cpuShares: sharesOf(cpu),
    ...(memoryLimit > 0 && { memoryLimitInBytes: memoryLimit }),
    oomScoreAdj: oomScoreAdjust(pod, container, machineMemory),
  };
}

const GUARANTEED = -997;
const BEST_EFFORT = 1000;
const SYSTEM_CRITICAL_PRIORITY = 2_000_000_000;
const SOURCE = 'kubernetes.io/config.source';
const MIRROR = 'kubernetes.io/config.mirror';

/** One that the node should run whatever happens. Source: kubelet types IsCriticalPod. */
export function isCritical({ metadata, spec }: Pod): boolean {
  const { annotations } = metadata;
  const source = annotations?.[SOURCE];
  if (source !== undefined && source !== 'api') return true;
  return annotations?.[MIRROR] !== undefined || (spec?.priority ?? 0) >= SYSTEM_CRITICAL_PRIORITY;
}
const memoryOf = (container: Container): number => amount('memory', container.resources?.requests?.['memory']);

/** Which processes the kernel ends first where memory is short, -1000 to 1000. Pure. Source: kubelet qos/policy.go. */
export function oomScoreAdjust(pod: Pod, container: Container, machineMemory: number): number {
  const spec = pod.spec;
  if (spec === undefined) return BEST_EFFORT;
  if (isCritical(pod) && spec.priorityClassName === 'system-node-critical') return GUARANTEED;
  const qos = qosClass(pod);
  if (qos === 'Guaranteed') return GUARANTEED;
  if (qos === 'BestEffort') return BEST_EFFORT;
  const rest = remainderEach(pod);
  const score = (bytes: number): number => 1000 - Math.trunc((1000 * (bytes + rest)) / machineMemory);
  let adjusted = score(memoryOf(container));
  const isSidecar = container.restartPolicy === 'Always' && (spec.initContainers ?? []).some(({ name }) => name === container.name); // prettier-ignore
  if (isSidecar) adjusted = Math.min(adjusted, score(Math.min(...spec.containers.map(memoryOf))));
  if (adjusted < 1000 + GUARANTEED) return 1000 + GUARANTEED;
  return adjusted === BEST_EFFORT ? BEST_EFFORT - 1 : adjusted;
}
/** What the pod itself requests beyond its containers, in equal parts. Source: kubelet qos remainingPodMemReqPerContainer. */
function remainderEach(pod: Pod): number {
  const { resources, containers = [], initContainers = [] } = pod.spec ?? {};
  const own = amount('memory', resources?.requests?.['memory']);
  if (own === 0) return 0;
  const { overhead: _, ...spec } = pod.spec!;
  const asked = podRequests({ ...pod, spec }, { skipPodLevel: true }).get('memory') ?? 0;
  return Math.trunc((own - asked) / (containers.length + initContainers.length));
}
