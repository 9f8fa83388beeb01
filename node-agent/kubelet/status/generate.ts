import type { ContainerStatus, Pod, PodStatus, VolumeMountStatus } from '../../../schemas/generated/core-v1.ts';
import { qosClass } from '../../../schemas/helpers/pod-resources.ts';
import type { ContainerRecord } from '../container/record.ts';
import { conditionsOf } from './conditions.ts';
import { phaseOf } from './phase.ts';

export interface StatusInput {
  /** Newest known; its status is the base that others' fields are kept from. */
  readonly pod: Pod;
  readonly records: readonly ContainerRecord[];
  readonly runtime: string;
  readonly hostIP: string;
  readonly podIP: string | undefined;
  readonly startTime: string;
  readonly hasSandbox: boolean;
  /** No container will be started again. */
  readonly ending: boolean;
  /** Nothing runs and nothing will: what has not succeeded has failed. */
  readonly over: boolean;
  /** The kubelet gave the pod up: DeadlineExceeded, Evicted, OutOfcpu, ... */
  readonly failure?: { readonly reason: string; readonly message: string } | undefined;
  /** As the API writes it. */
  readonly now: string;
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
  const podIP = spec.hostNetwork === true ? input.hostIP : (input.podIP ?? old.podIP);
  const inits = records.filter((c) => c.role !== 'main').map((c) => containerStatus(c, input));
  return {
    ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
    phase,
    conditions: conditionsOf(
      { pod, records, phase, hasSandbox: input.hasSandbox, now: input.now },
      old.conditions ?? [],
    ),
    ...(why?.message && { message: why.message }),
    ...(why?.reason && { reason: why.reason }),
    hostIP: input.hostIP,
    hostIPs: [{ ip: input.hostIP }],
    ...(podIP && { podIP, podIPs: [{ ip: podIP }] }),
    startTime: old.startTime ?? input.startTime,
    ...(inits.length > 0 && { initContainerStatuses: inits }),
    containerStatuses: records.filter((c) => c.role === 'main').map((c) => containerStatus(c, input)),
    qosClass: qosClass(pod),
    ...(old.ephemeralContainerStatuses && { ephemeralContainerStatuses: old.ephemeralContainerStatuses }),
    ...claimsOf(old),
  };
}
/** Which claims stand for the pod's is not a node's to change. Source: kubelet status_manager.go. */
const claimsOf = ({ resourceClaimStatuses, extendedResourceClaimStatus }: PodStatus): PodStatus => ({
  ...(resourceClaimStatuses && { resourceClaimStatuses }),
  ...(extendedResourceClaimStatus && { extendedResourceClaimStatus }),
});
/** What a pod that was never let in shows. Source: kubelet rejectPod. */
export const rejectedStatus = (pod: Pod, reason: string, message: string, startTime: string): PodStatus => ({
  ...(pod.metadata.generation !== undefined && { observedGeneration: pod.metadata.generation }),
  ...(pod.status?.conditions && { conditions: pod.status.conditions }),
  phase: 'Failed',
  reason,
  message: `Pod was rejected: ${message}`,
  startTime,
  qosClass: qosClass(pod),
  ...claimsOf(pod.status ?? {}),
});

function containerStatus(c: ContainerRecord, { runtime }: StatusInput): ContainerStatus {
  const resources = c.spec.resources ?? {};
  const mounts = c.spec.volumeMounts?.map((mount): VolumeMountStatus => ({
    name: mount.name,
    mountPath: mount.mountPath,
    ...(mount.readOnly && { readOnly: true, recursiveReadOnly: 'Disabled' }),
  }));
  return {
    name: c.spec.name,
    state: c.state,
    lastState: c.lastState ?? {},
    ready: c.role === 'init' ? c.state.terminated?.exitCode === 0 : c.ready,
    restartCount: c.restartCount,
    image: c.image,
    imageID: c.imageID,
    ...(c.id !== undefined && { containerID: `${runtime}://${c.id}` }),
    started: c.started,
    ...(c.id !== undefined && {
      ...(resources.requests && { allocatedResources: resources.requests }),
      resources,
    }),
    ...(mounts && mounts.length > 0 && { volumeMounts: mounts }),
    ...(c.state.running !== undefined && { user: { linux: { uid: 0, gid: 0, supplementalGroups: [0] } } }),
  };
}
