import type { GroupVersionResource, KubeObject, OwnerReference } from '../../schemas/meta/object.ts';
import type { Selector } from '../../schemas/meta/selectors.ts';
import { ApiError } from '../../schemas/meta/status.ts';
import type { ApiClient } from './api-client.ts';
import type { SyncContext } from './controller.ts';
import type { Intent } from './intent.ts';

/** The managing controller's reference, if the object has one. */
export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata.ownerReferences?.find((owner) => owner.controller === true);

/** What an object that `owner` manages carries. Source: metav1.NewControllerRef. */
export const controllerReference = (owner: KubeObject): OwnerReference => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name!,
  uid: owner.metadata.uid!,
  controller: true,
  blockOwnerDeletion: true,
});

export interface Claim<T extends KubeObject> {
  /** Owned and matching, adopted ones included. */
  readonly claimed: readonly T[];
  readonly adoptions: readonly Intent[];
  readonly releases: readonly Intent[];
}
export interface ClaimOptions<T extends KubeObject> {
  /** What must hold beside the selector. */
  readonly belongs?: (object: T) => boolean;
  /** One that managed objects have, and lose when they are released. */
  readonly finalizer?: string;
}
/**
 * Sorts out which objects a controller manages: its own that still match, orphans that match (adopted), own that match no
 * more (released). Source: pkg/controller/controller_ref_manager.go ClaimObject.
 */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  selector: Selector,
  gvr: GroupVersionResource,
  objects: Iterable<T>,
  { belongs = () => true, finalizer }: ClaimOptions<T> = {},
): Claim<T> {
  const claimed: T[] = [];
  const adoptions: Intent[] = [];
  const releases: Intent[] = [];
  const { uid, namespace, deletionTimestamp } = owner.metadata;
  const patch = (object: T, reference: unknown, finalizers?: object): Extract<Intent, { op: 'patch' }> => ({
    op: 'patch',
    gvr,
    namespace: object.metadata.namespace,
    name: object.metadata.name!,
    type: 'strategic',
    patch: { metadata: { uid: object.metadata.uid, ownerReferences: [reference], ...(finalizer && finalizers) } },
    tolerate: ['NotFound', 'Invalid'],
  });
  for (const object of objects) {
    if (object.metadata.namespace !== namespace) continue;
    const controller = controllerOf(object);
    const matches = selector.matches(object.metadata.labels) && belongs(object);
    if (controller) {
      if (controller.uid !== uid) continue;
      if (matches) claimed.push(object);
      else if (!deletionTimestamp)
        releases.push(patch(object, { $patch: 'delete', uid }, { '$deleteFromPrimitiveList/finalizers': [finalizer] }));
    } else if (matches && !deletionTimestamp && !object.metadata.deletionTimestamp) {
      claimed.push(object);
      adoptions.push({
        ...patch(object, controllerReference(owner), { finalizers: [finalizer] }),
        tolerate: ['NotFound'],
      });
    }
  }
  return { claimed, adoptions, releases };
}

/**
 * Carries out what `claim` found: releases and adoptions. Resolves to whether there were any: who goes on to change what was
 * claimed waits then for its next sync, which sees the objects as they are. Throws Conflict when the owner is gone.
 */
export async function settleClaims(
  owner: KubeObject,
  claims: readonly Pick<Claim<KubeObject>, 'adoptions' | 'releases'>[],
  o: Pick<SyncContext, 'execute' | 'signal'> & { readonly client: ApiClient; readonly gvr: GroupVersionResource },
): Promise<boolean> {
  const changes = claims.flatMap(({ releases, adoptions }) => [...releases, ...adoptions]);
  if (changes.length === 0) return false;
  if (claims.some(({ adoptions }) => adoptions.length > 0)) await mayAdopt(o.client, o.gvr, owner, o.signal);
  await o.execute(changes);
  return true;
}
/**
 * Asks the API whether the owner is still there before it adopts: the cache may not know yet that it is being deleted, and
 * what is adopted then would be deleted with it. Throws Conflict when it is gone. Source: RecheckDeletionTimestamp.
 */
async function mayAdopt(
  client: ApiClient,
  gvr: GroupVersionResource,
  owner: KubeObject,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name, uid } = owner.metadata;
  const fresh = await client.get<KubeObject>(gvr, name!, namespace, { signal });
  if (fresh.metadata.uid !== uid || fresh.metadata.deletionTimestamp)
    throw new ApiError('Conflict', `${namespace}/${name} has just been deleted`);
}
