import type { GroupVersionResource, KubeObject } from '../../schemas/meta/object.ts';
import type { Written } from './executor.ts';
import type { Informer } from './informer.ts';

/**
 * What each key has written and its caches have not shown yet. A key is not synced again before they have: a reconciler
 * that reads a cache older than its own writes would make everything twice. One revision a cache is enough, because
 * a watch shows changes in the order of their revisions; a delete has no revision of its own, so the object itself is
 * looked at. (client-go controllers keep counted expectations for the same end.)
 */
export interface OwnWrites {
  note(key: string, written: Written): void;
  areSeen(key: string): boolean;
  forget(key: string): void;
}
interface Pending {
  readonly revisions: Map<Informer<KubeObject>, number>;
  readonly deletes: Map<string, { readonly informer: Informer<KubeObject>; readonly uid: string | undefined }>;
}
const idOf = (gvr: GroupVersionResource): string => `${gvr.group}/${gvr.resource}`;

export function createOwnWrites(informers: readonly Informer<KubeObject>[]): OwnWrites {
  const caches = new Map(informers.map((informer) => [idOf(informer.gvr), informer]));
  const pending = new Map<string, Pending>();

  const isGone = (informer: Informer<KubeObject>, key: string, uid: string | undefined): boolean => {
    const object = informer.get(key);
    return (
      object === undefined ||
      object.metadata.deletionTimestamp !== undefined ||
      (uid !== undefined && object.metadata.uid !== uid)
    );
  };
  return {
    note(key, written) {
      const informer = caches.get(idOf(written.gvr));
      if (!informer) return;
      let p = pending.get(key);
      if (!p) pending.set(key, (p = { revisions: new Map(), deletes: new Map() }));
      if ('deleted' in written) p.deletes.set(written.deleted.key, { informer, uid: written.deleted.uid });
      else if (written.revision > (p.revisions.get(informer) ?? 0)) p.revisions.set(informer, written.revision);
    },
    areSeen(key) {
      const p = pending.get(key);
      if (!p) return true;
      for (const [informer, revision] of p.revisions) if (informer.revision < revision) return false;
      p.revisions.clear();
      // Stopping at the first that is not gone keeps all checks of a key together linear in its deletes.
      for (const [object, { informer, uid }] of p.deletes) {
        if (!isGone(informer, object, uid)) return false;
        p.deletes.delete(object);
      }
      pending.delete(key);
      return true;
    },
    forget: (key) => void pending.delete(key),
  };
}
