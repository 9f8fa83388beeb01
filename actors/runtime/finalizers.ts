import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import type { Intent } from './intent.ts';

/**
 * The write that an object's protection by a finalizer needs: one that lacks it gets it, one that is being deleted loses it
 * as soon as nobody uses it. Source: pkg/volume/util/finalizer.go, pkg/util/volume/protection.
 */
export function protect(
  gvr: GroupVersionResource,
  object: KubeObject,
  finalizer: string,
  isUsed: boolean,
): readonly Intent[] {
  const { metadata } = object;
  const present = metadata.finalizers ?? [];
  const isDeleting = metadata.deletionTimestamp !== undefined;
  if (present.includes(finalizer) ? !isDeleting || isUsed : isDeleting) return [];
  const finalizers = isDeleting ? present.filter((name) => name !== finalizer) : [...present, finalizer];
  // Those who protect may update, not patch.
  return [{ op: 'update', gvr, object: { ...object, metadata: { ...metadata, finalizers } }, tolerate: ['NotFound'] }];
}
