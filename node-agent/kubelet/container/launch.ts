import type { EphemeralContainer } from '../../../schemas/generated/core-v1.ts';
import { RuntimeError } from '../../runtime/interface.ts';
import type { NodeContext } from '../context.ts';
import type { PodWorker } from '../pod/worker.ts';
import type { ContainerRecord } from './record.ts';

/** Makes a container's next run and starts it; its record is that run's from then on. Source: kuberuntime startContainer. */
export async function launch(
  node: NodeContext,
  pod: PodWorker,
  record: ContainerRecord,
  event: (type: 'Normal', reason: string, message: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { metrics, runtime } = node;
  const { sandbox } = pod;
  if (sandbox === undefined) throw new RuntimeError('CreateContainerError', 'the pod has no sandbox');
  const attempt = Math.max(record.runs, nextAttempt(node, pod.uid, record.spec.name));
  const config = { pod: pod.allocated, container: record.spec, attempt, target: targetOf(pod, record) };
  const id = await runtime.createContainer(sandbox.id, config, signal);
  if (signal.aborted) await runtime.removeContainer(id);
  signal.throwIfAborted();
  // The last run but one is kept for its logs.
  if (record.previous !== undefined) void runtime.removeContainer(record.previous).catch(() => undefined);
  record.previous = record.id;
  record.id = id;
  record.runs = attempt + 1;
  record.restartCount = attempt;
  record.inSandbox = true;
  delete record.actuated;
  delete record.again;
  event('Normal', 'Created', 'Container created');
  await runtime.startContainer(id, signal);
  const details = runtime.containerStatus(id)?.details;
  record.image = details?.image || record.image;
  record.imageID = details?.imageID || record.imageID;
  metrics.containerStarted(record.role === 'init' || record.role === 'sidecar');
  event('Normal', 'Started', 'Container started');
  return id;
}
/** Names of containers have the number of the run in them; one that was made and then given up has taken its own. */
function nextAttempt({ runtime }: NodeContext, podUid: string, name: string): number {
  if (runtime.sweep === undefined) return 0;
  const all = runtime.containersOf(podUid).map((id) => runtime.containerStatus(id)?.details);
  return Math.max(-1, ...all.filter((one) => one?.name === name).map((one) => one!.attempt)) + 1;
}
/** Id of the container whose processes an ephemeral one is to see. */
function targetOf(pod: PodWorker, { role, spec }: ContainerRecord): string | undefined {
  const { targetContainerName } = spec as EphemeralContainer;
  if (role !== 'ephemeral' || !targetContainerName) return undefined;
  const id = pod.container(targetContainerName)?.record.id;
  if (id === undefined) throw new RuntimeError('CreateContainerConfigError', `unable to find target container ${targetContainerName}`); // prettier-ignore
  return id;
}
