import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { claimsOfPod } from '../../../schemas/helpers/volume-binding.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { toStatus } from '../../../schemas/meta/status.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { BY_CLAIM, byClaim } from '../../runtime/pod-volumes.ts';
import { persistentVolumeClaims, pods as podsResource } from '../../runtime/resources.ts';
import { needs } from './reconcile.ts';

/** Makes the claims of pods' ephemeral volumes; they belong to their pods and go with them. */
export function startEphemeralVolumeController(deps: ControllerDeps): Controller {
  const client = deps.client('controller:ephemeral-volume');
  const recorder = deps.recorderFor(client, 'ephemeral_volume');
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_CLAIM, byClaim);
  const counter = (what: string) => deps.metrics?.counter({ name: `ephemeral_volume_controller_${what}`, stability: 'ALPHA', help: 'Number of PersistentVolumeClaim creation requests' }).at({}); // prettier-ignore
  const attempts = counter('create_total');
  const failures = counter('create_failures_total');
  return startController({
    name: 'ephemeral-volume',
    ...deps,
    client,
    recorder,
    workers: 10,
    sources: [
      // The volumes of a pod never change, so its arrival is all that counts.
      source(pods, (pod, old) => (old === undefined && claimsOfPod(pod).some((c) => c.isEphemeral) ? [keyOf(pod)] : [])),
      // A claim that was in the way, or that somebody has deleted.
      source(claims, (claim, old) => (old === undefined ? [...pods.byIndex(BY_CLAIM, keyOf(claim))].map(keyOf) : [])),
    ],
    sync: async ({ key, execute, signal }) => {
      const pod = pods.get(key);
      if (pod === undefined) return;
      const claimOf = (name: string): PersistentVolumeClaim | undefined => claims.get(`${pod.metadata.namespace}/${name}`);
      for (const { volume, claim, create, problem } of needs(pod, claimOf)) {
        let why = problem;
        try {
          if (create) {
            if (attempts) attempts.n++;
            await execute([create]);
          }
        } catch (error) {
          signal.throwIfAborted();
          if (failures) failures.n++;
          why = `create PVC ${claim}: ${toStatus(error).message}`;
        }
        if (why === undefined) continue;
        recorder.event(pod, 'Warning', 'FailedBinding', `ephemeral volume ${volume}: ${why}`);
        throw new Error(`pod ${key}, ephemeral volume ${volume}: ${why}`);
      }
    },
  });
} // prettier-ignore
