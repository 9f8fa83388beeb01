import type { PersistentVolumeClaim, Pod } from '../../../schemas/generated/core-v1.ts';
import { keyOf } from '../../../schemas/meta/object.ts';
import { startController, type Controller } from '../../runtime/controller.ts';
import { source } from '../../runtime/source.ts';
import type { ControllerDeps } from '../../runtime/controller-deps.ts';
import { protect } from '../../runtime/finalizers.ts';
import { persistentVolumeClaims, pods as podsResource } from '../../runtime/resources.ts';
import { BY_NAMESPACE, byNamespace } from '../../runtime/store.ts';
import { claimsOf, keeps } from './reconcile.ts';

const FINALIZER = 'kubernetes.io/pvc-protection';

/** Lets claims that are being deleted go once no pod uses them any more. */
export function startPvcProtection(deps: ControllerDeps): Controller {
  const client = deps.client('controller:pvc-protection');
  const claims = deps.informers.for<PersistentVolumeClaim>(persistentVolumeClaims);
  const pods = deps.informers.for<Pod>(podsResource);
  pods.addIndex(BY_NAMESPACE, byNamespace);
  const isDeleting = (key: string): boolean => claims.get(key)?.metadata.deletionTimestamp !== undefined;

  return startController({
    name: 'pvc-protection',
    ...deps,
    client,
    sources: [
      source(claims, (claim) => [keyOf(claim)]),
      source(pods, (pod) => claimsOf(pod).map((name) => `${pod.metadata.namespace}/${name}`).filter(isDeleting)),
    ],
    sync: async ({ key, signal, execute }) => {
      const claim = claims.get(key);
      if (claim === undefined) return {};
      const isKept = (all: Iterable<Pod>): boolean => [...all].some((pod) => keeps(pod, claim));
      let isUsed = false;
      if (isDeleting(key)) {
        const { namespace } = claim.metadata;
        isUsed = isKept(pods.byIndex(BY_NAMESPACE, namespace!));
        // The cache may be behind a pod that has just got its node.
        if (!isUsed) isUsed = isKept((await client.list<Pod>(podsResource, { namespace, signal })).items);
      }
      await execute(protect(persistentVolumeClaims, claim, FINALIZER, isUsed));
      return {};
    },
  });
} // prettier-ignore
