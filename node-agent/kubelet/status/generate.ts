import type { ContainerStatus, Pod, PodCondition, PodStatus } from '../../../schemas/generated/core-v1.ts';
import { qosClass } from '../../../schemas/helpers/pod-resources.ts';
import type { ContainerRecord, Role } from '../container/record.ts';
import { conditionsOf } from './conditions.ts';
import { containerStatuses, type DetailsOf } from './container-status.ts';
import { phaseOf } from './phase.ts';

export interface StatusInput {
  /** Newest known; its status is the base that others' fields are kept from. */
  readonly pod: Pod;
  readonly records: readonly ContainerRecord[];
  readonly runtime: string;
  /** undefined: it has no more to say than its records. */
  readonly detailsOf?: DetailsOf | undefined;
  /** Of a resize that waits or is under way. */
  readonly resizing?: readonly PodCondition[] | undefined;
  /** The node's own one first. */
  readonly hostIPs: readonly string[];
  /** Of its sandbox, the first one first. */
  readonly podIPs: readonly string[];
  readonly startTime: string;
  readonly hasSandbox: boolean;
  /** What it has as a whole, where it says so itself. */
  readonly podLevel?: Pick<PodStatus, 'resources' | 'allocatedResources'> | undefined;
  /** No container will be started again. */
  readonly ending: boolean;
  /** Nothing runs and nothing will: what has not succeeded has failed. */
  readonly over: boolean;
  /** The kubelet gave the pod up: DeadlineExceeded, Evicted, OutOfcpu, ... */
  readonly failure?: Failure | undefined;
  /** A container's end has made all of them begin anew. */
  readonly restartingAll?: boolean | undefined;
  /** As the API writes it. */
  readonly now: string;
}

/** Why a kubelet gives a pod up. */
export interface Failure {
  readonly reason: string;
  readonly message: string;
  /** It is not the pod's own fault. Source: core/v1 PodReasonTerminationByKubelet. */
  readonly isDisruption?: boolean;
}
/** The whole status of a pod as its kubelet reports it. Pure. Source: kubelet generateAPIPodStatus. */
export function podStatus(input: StatusInput): PodStatus {
  const { pod, records } = input;
  const spec = pod.spec!;
  const old = pod.status ?? {};
  const isOver = old.phase === 'Succeeded' || old.phase === 'Failed';
  const now = phaseOf(spec, records, input.ending);
  const phase = isOver ? old.phase! : input.failure || (input.over && now !== 'Succeeded') ? 'Failed' : now;
  const why = input.failure ?? (phase === old.phase ? { reason: old.reason, message: old.message } : undefined);
  const podIPs = spec.hostNetwork === true ? input.hostIPs : input.podIPs;
  const ips = podIPs.length > 0 ? podIPs.map((ip) => ({ ip })) : (old.podIPs ?? []);
  const statusesOf = (...roles: readonly Role[]): ContainerStatus[] =>
    containerStatuses(records, roles, input.runtime, input.detailsOf);
  const inits = statusesOf('init', 'sidecar');
  const ephemeral = statusesOf('ephemeral');
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditionsOf(
      {
        pod,
        records,
        phase,
        hasSandbox: input.hasSandbox,
        resizing: input.resizing,
        restartingAll: input.restartingAll,
        now: input.now,
      },
      input.failure?.isDisruption === true
        ? disrupted(old.conditions ?? [], input.failure, input)
        : (old.conditions ?? []),
    ),
    ...(why?.message && { message: why.message }),
    ...(why?.reason && { reason: why.reason }),
    hostIP: input.hostIPs[0]!,
    hostIPs: input.hostIPs.map((ip) => ({ ip })),
    ...(ips.length > 0 && { podIP: ips[0]!.ip, podIPs: ips }),
    startTime: old.startTime ?? input.startTime,
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: statusesOf('main'),
    qosClass: qosClass(pod),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    ...input.podLevel,
    ...claimsOf(old),
  };
}
function disrupted(old: readonly PodCondition[], { message }: Failure, { pod, now }: StatusInput): PodCondition[] {
  const [before] = old.filter(({ type }) => type === DISRUPTED);
  const since = before?.status === 'True' ? (before.lastTransitionTime ?? now) : now;
  const generation = pod.metadata.generation;
  const condition: PodCondition = { type: DISRUPTED, status: 'True', reason: 'TerminationByKubelet', message, lastTransitionTime: since, ...(generation !== undefined && { observedGeneration: generation }) };
  return [...old.filter(({ type }) => type !== DISRUPTED), condition];
} // prettier-ignore
const DISRUPTED = 'DisruptionTarget';
/** Which claims stand for the pod's is not a node's to change. Source: kubelet status_manager.go. */
const claimsOf = ({ resourceClaimStatuses, extendedResourceClaimStatus }: PodStatus): PodStatus => ({
  ...(resourceClaimStatuses && { resourceClaimStatuses }),
  ...(extendedResourceClaimStatus && { extendedResourceClaimStatus }),
});
/** What a pod that was never let in shows. Source: kubelet rejectPod. */
export const rejectedStatus = (pod: Pod, { reason, message }: Failure, startTime: string): PodStatus => ({
  ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
  ...(pod.status?.conditions && { conditions: pod.status.conditions }),
  phase: 'Failed',
  reason,
  message: `Pod was rejected: ${message}`,
  startTime,
  qosClass: qosClass(pod),
  ...claimsOf(pod.status ?? {}),
});
