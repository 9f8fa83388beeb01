import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { claimsOfPod, notForPod } from '../../../schemas/helpers/volume-binding.ts';
import type { Intent } from '../../runtime/intent.ts';
import { controllerReference } from '../../runtime/owners.ts';
import { persistentVolumeClaims } from '../../runtime/resources.ts';

/** What one of a pod's ephemeral volumes needs. */
export interface VolumeNeed {
  readonly volume: string;
  readonly claim: string;
  /** The claim is to be made; or: why there will be none. */
  readonly create?: Intent;
  readonly problem?: string;
}
/** The ephemeral volumes of a pod that have no claim of their own yet. Pure. Source: pkg/controller/volume/ephemeral. */
export function* needs(
  pod: Pod,
  claimOf: (name: string) => PersistentVolumeClaim | undefined,
): Generator<VolumeNeed, void, undefined> {
  if (pod.metadata.deletionTimestamp !== undefined) return;
  for (const { name, volume, isEphemeral } of claimsOfPod(pod)) {
    if (!isEphemeral) continue;
    const known = claimOf(name);
    if (known === undefined) {
      yield { volume, claim: name, create: { op: 'create', gvr: persistentVolumeClaims, object: claimFor(pod, volume, name) } };
      continue;
    }
    const problem = notForPod(known, pod);
    if (problem !== undefined) yield { volume, claim: name, problem };
  }
} // prettier-ignore
function claimFor(pod: Pod, volume: string, name: string): PersistentVolumeClaim {
  const { metadata, spec } = pod.spec!.volumes!.find((each) => each.name === volume)!.ephemeral!.volumeClaimTemplate!;
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: {
      name,
      namespace: pod.metadata.namespace,
      ownerReferences: [controllerReference(pod)],
      ...(metadata?.annotations && { annotations: metadata.annotations }),
      ...(metadata?.labels && { labels: metadata.labels }),
    },
    spec,
  };
}
