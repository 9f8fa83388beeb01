import type { KubeObject } from '../../schemas/meta/object.ts';
import type { SyncContext } from './controller.ts';
import { isNamespaceTerminating } from './errors.ts';
import type { EventRecorder } from './events.ts';
import type { Intent } from './intent.ts';

export interface PodFailure {
  readonly error: unknown;
  readonly message: string;
}
/**
 * Creates or deletes pods for their owner (a call does one of both) and tells of each. What goes wrong is told and given
 * back, so that the owner's status can say it; undefined when all went well or the namespace is on its way out and
 * refuses pods: soon there is nobody to make them for. Source: pkg/controller/controller_utils.go RealPodControl.
 */
export async function writePods(
  owner: KubeObject,
  intents: readonly Intent[],
  recorder: EventRecorder,
  { execute, signal }: Pick<SyncContext, 'execute' | 'signal'>,
): Promise<PodFailure | undefined> {
  try {
    await execute(intents, {
      onCreated: (pod) => recorder.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`),
      onDeleted: (pod) => recorder.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod}`),
    });
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (isNamespaceTerminating(error)) return undefined;
    const message = error instanceof Error ? error.message : String(error);
    if (intents[0]?.op === 'create') {
      recorder.event(owner, 'Warning', 'FailedCreate', `Error creating: ${message}`);
      return { error, message };
    }
    recorder.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${message}`);
    return { error, message: `unable to delete pods: ${message}` };
  }
}
