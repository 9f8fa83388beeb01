import type { StatefulSet } from '../../../schemas/generated/apps-v1.ts';
import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import type { SyncContext } from '../../runtime/controller.ts';
import { isAlreadyExists } from '../../runtime/errors.ts';
import type { EventRecorder } from '../../runtime/events.ts';
import { persistentVolumeClaims } from '../../runtime/resources.ts';
import type { Step } from './steps.ts';

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Carries out one step and tells the set's users how it went. Rejects with what went wrong. Source: stateful_pod_control.go. */
export function carrier(
  set: StatefulSet,
  recorder: EventRecorder,
  { execute, signal }: Pick<SyncContext, 'execute' | 'signal'>,
): (step: Step) => Promise<void> {
  const name = set.metadata.name;
  async function makeClaim(pod: Pod, claim: PersistentVolumeClaim): Promise<void> {
    const what = claim.metadata.name;
    try {
      await execute([{ op: 'create', gvr: persistentVolumeClaims, object: claim }]);
    } catch (error) {
      signal.throwIfAborted();
      if (!isAlreadyExists(error))
        recorder.event(set, 'Warning', 'FailedCreate', `Create Claim ${what} for Pod ${pod.metadata.name} in StatefulSet ${name} failed error: ${textOf(error)}`); // prettier-ignore
      throw new Error(`failed to create PVC ${what}: ${textOf(error)}`, { cause: error });
    }
    recorder.event(set, 'Normal', 'SuccessfulCreate', `Create Claim ${what} Pod ${pod.metadata.name} in StatefulSet ${name} success`); // prettier-ignore
  }
  return async ({ verb, pod, claims, endingClaim, intents }) => {
    const about = `${verb} Pod ${pod.metadata.name} in StatefulSet ${name}`;
    try {
      for (const claim of claims) await makeClaim(pod, claim);
      if (endingClaim !== undefined) throw new Error(`pvc ${endingClaim} is being deleted`);
      await execute(intents);
    } catch (error) {
      signal.throwIfAborted();
      // The cache lags behind; the next look will see it.
      if (verb && !isAlreadyExists(error))
        recorder.event(set, 'Warning', `Failed${verb}`, `${about} failed error: ${textOf(error)}`);
      throw error;
    }
    if (verb) recorder.event(set, 'Normal', `Successful${verb}`, `${about} successful`);
  };
}
