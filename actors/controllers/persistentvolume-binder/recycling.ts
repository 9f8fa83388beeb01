import type { PersistentVolume, Pod } from '../../../schemas/generated/core-v1.ts';
import { sizeOf } from '../../../schemas/helpers/volume-binding.ts';
import { quantityValue } from '../../../schemas/meta/quantity.ts';
import type { Intent } from '../../runtime/intent.ts';
import { pods } from '../../runtime/resources.ts';
import { unbound } from './binding.ts';
import { failed } from './volume.ts';

/** Where pods that empty volumes run. */
export const RECYCLER_NAMESPACE = 'default';
const PREFIX = 'recycler-for-';
export const recyclerOf = (volume: string): string => `${PREFIX}${volume}`;
/** The volume that a pod of this name empties. */
export const recycledBy = (pod: string): string | undefined =>
  pod.startsWith(PREFIX) ? pod.slice(PREFIX.length) : undefined;
const IMAGE = 'registry.k8s.io/build-image/debian-base:bookworm-v1.0.6';
const EMPTY_IT = 'test -e /scrub && find /scrub -mindepth 1 -delete && test -z "$(ls -A /scrub)" || exit 1';
/** On a simulated node there is nothing to empty; a real one does not know the word. */
const SIMULATED = { 'kubus.dev/simulate': '{"exitAfterMs":0}' };
const GIB = 2 ** 30;
const MIN_SECONDS = 30;
const SECONDS_PER_GIB = 10;

export interface Recycling {
  readonly intents: readonly Intent[];
  /** The pod is made by now, or is no more. */
  readonly isDone: boolean;
  /** It is to be looked at again though nothing changes. */
  readonly again: boolean;
}
/**
 * Empties a released volume by a pod that mounts it, then takes back its claim. `own`: uid of the pod that this controller
 * has made; another of its name is somebody's trick or an earlier leader's, and goes first. `users`: pods that still name
 * the claim. Pure. Source: recycleVolumeOperation, pkg/volume/util/recyclerclient.
 */
export function recycle(
  volume: PersistentVolume,
  pod: Pod | undefined,
  own: string | undefined,
  users: readonly string[],
): Recycling {
  if (users.length > 0) {
    const message = `Volume is used by pods: ${users.join(',')}`;
    return { intents: [event(volume, 'Normal', 'VolumeFailedRecycle', message)], isDone: true, again: true };
  }
  const fail = (why: string): Intent[] => failed(volume, 'VolumeFailedRecycle', `Recycle failed: ${why}`);
  if (pod === undefined) {
    if (own === undefined)
      return {
        intents: [{ op: 'create', gvr: pods, object: recyclerPod(volume) as Pod }],
        isDone: false,
        again: false,
      };
    return { intents: fail('failed to recycle volume: recycler pod was deleted'), isDone: true, again: true };
  }
  const { name, namespace, uid, deletionTimestamp } = pod.metadata;
  const away: Intent[] = deletionTimestamp === undefined ? [{ op: 'delete', gvr: pods, namespace, name: name!, uid }] : [];
  if (uid !== own) return { intents: [...away, ...fail('old recycler pod found, will retry later')], isDone: true, again: true };
  const { phase, message } = pod.status ?? {};
  if (phase === 'Succeeded')
    return { intents: [...away, event(volume, 'Normal', 'VolumeRecycled', 'Volume recycled'), unbound(volume)], isDone: true, again: false };
  if (phase === 'Failed')
    return { intents: [...away, ...fail(`failed to recycle volume: ${message || 'pod failed, pod.Status.Message unknown'}`)], isDone: true, again: true };
  return { intents: [], isDone: false, again: false };
} // prettier-ignore
function recyclerPod(volume: PersistentVolume): object {
  const { hostPath, nfs } = volume.spec!;
  const seconds = Math.trunc(quantityValue(sizeOf(volume)) / GIB) * SECONDS_PER_GIB;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: recyclerOf(volume.metadata.name!), namespace: RECYCLER_NAMESPACE, annotations: SIMULATED },
    spec: {
      activeDeadlineSeconds: Math.max(seconds, MIN_SECONDS),
      restartPolicy: 'Never',
      volumes: [
        { name: 'vol', ...(hostPath ? { hostPath: { path: hostPath.path } } : { nfs: { server: nfs!.server, path: nfs!.path } }) },
      ],
      containers: [
        {
          name: 'pv-recycler',
          image: IMAGE,
          command: ['/bin/sh'],
          args: ['-c', EMPTY_IT],
          volumeMounts: [{ name: 'vol', mountPath: '/scrub' }],
        },
      ],
    },
  };
} // prettier-ignore
const event = (regarding: PersistentVolume, type: 'Normal' | 'Warning', reason: string, message: string): Intent => ({
  op: 'event',
  type,
  regarding,
  reason,
  message,
});
