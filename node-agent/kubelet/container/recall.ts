import type { Pod } from '../../../schemas/generated/core-v1.ts';
import { formatTime } from '../../../schemas/meta/time.ts';
import type { ContainerRuntime, RuntimeStatus } from '../../runtime/interface.ts';
import { terminatedState } from './ending.ts';
import type { ContainerRecord } from './record.ts';

/**
 * Corrects what a pod's status says of its containers by what the runtime knows of them, which may be newer: a kubelet
 * before this one may have ended between the two. `sandbox`: the pod's present one. Runtimes that keep nothing beyond
 * their process change nothing. Source: kubelet convertToAPIContainerStatuses, computePodActions.
 */
export function recall(records: readonly ContainerRecord[], runtime: ContainerRuntime, pod: Pod, sandbox: string | undefined): void {
  if (runtime.sweep === undefined) return;
  const podUid = pod.metadata.uid ?? '';
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const runs = runtime.containersOf(podUid).flatMap((id) => runtime.containerStatus(id) ?? []);
  for (const record of records) {
    const own = runs.filter(({ details }) => details?.name === record.spec.name);
    const newest = own.at(-1);
    const given = statuses.find(({ name, containerID }) => name === record.spec.name && containerID?.endsWith(newest?.id ?? ' ') === true);
    // What it was given by the kubelet before this one, which may not be what it asks for now.
    if (given?.allocatedResources !== undefined) record.spec = { ...record.spec, resources: { ...record.spec.resources, requests: given.allocatedResources, ...(given.resources?.limits && { limits: given.resources.limits }) } };
    if (newest === undefined) forgetRun(record);
    else takeUp(record, newest, own.at(-2), runtime.name, sandbox);
  }
} // prettier-ignore
function takeUp(
  record: ContainerRecord,
  newest: RuntimeStatus,
  before: RuntimeStatus | undefined,
  runtime: string,
  sandbox: string | undefined,
): void {
  const { attempt = 0, image, imageID } = newest.details ?? {};
  const isKnown = record.id === newest.id && record.state.running !== undefined;
  record.id = newest.id;
  record.previous = before?.id;
  record.image = image || record.image;
  record.imageID = imageID || record.imageID;
  record.restartCount = Math.max(attempt, record.restartCount);
  record.runs = record.restartCount + 1;
  if (before?.state === 'exited') record.lastState = terminatedState(before, runtime);
  record.inSandbox = newest.state !== 'created' && newest.details?.sandbox === sandbox;
  const { startupProbe, readinessProbe } = record.spec;
  const isRunning = newest.state === 'running';
  // Who has passed its probes before need not do so again because the kubelet is another.
  record.started = isRunning && (isKnown ? record.started : startupProbe === undefined);
  record.ready = isRunning && (isKnown ? record.ready : record.started && readinessProbe === undefined);
  if (isRunning) record.state = { running: { startedAt: formatTime(newest.startedAt) } };
  else if (newest.state === 'exited') record.state = terminatedState(newest, runtime);
}
/** The status tells of a run of which the runtime knows nothing any more. */
function forgetRun(record: ContainerRecord): void {
  const { running, terminated } = record.state;
  // An init container that is done is done, though nothing is left of it.
  record.inSandbox = record.role === 'init' && terminated?.exitCode === 0;
  if (terminated !== undefined) return;
  record.id = undefined;
  if (running === undefined) return;
  record.state = { waiting: { reason: 'ContainerCreating' } };
  record.lastState = {
    terminated: {
      exitCode: 137,
      reason: 'ContainerStatusUnknown',
      message: 'The container could not be located when the pod was deleted.  The container used to be Running',
    },
  };
  record.restartCount++;
  record.started = false;
  record.ready = false;
} // prettier-ignore
