import type { OwnerReference } from '../../../schemas/meta/object.ts';
import { parseApiVersion } from '../../../schemas/meta/object.ts';
import { decided, type Deciding } from '../authorization/deciding.ts';
import type { AdmissionAttributes, AdmissionPlugin, RequestInfo } from '../request.ts';
import { forbid, isOn, operations, type AdmissionContext } from './common.ts';

const same = (a: OwnerReference, b: OwnerReference): boolean => a.uid === b.uid;
const blocking = (refs: readonly OwnerReference[] | undefined): OwnerReference[] =>
  (refs ?? []).filter((r) => r.blockOwnerDeletion === true);
const infoOf = (more: Pick<RequestInfo, 'verb' | 'group' | 'resource' | 'name'> & Partial<RequestInfo>): RequestInfo => ({
  isResource: true, path: '', version: '*', subresource: '', namespace: '', ...more,
}); // prettier-ignore
/** Who may finalize whatever there is may name owners of kinds that are not known here. */
const ANYTHING = infoOf({ verb: 'update', group: '*', resource: '*', subresource: 'finalizers', name: '*' });

/**
 * Only who may delete an object changes its owners; only who may set an owner's finalizers blocks that owner's deletion.
 * Source: kubernetes plugin/pkg/admission/gc.
 */
export function ownerReferencesPermission(context: AdmissionContext): AdmissionPlugin {
  const { authorizer, registry } = context;
  function* check(a: AdmissionAttributes): Deciding<void> {
    const next = a.object?.metadata.ownerReferences;
    const old = a.old?.metadata.ownerReferences;
    const { group, resource } = a.resource;
    if (a.operation === 'UPDATE') {
      const own = infoOf({ verb: 'delete', group, resource, subresource: a.subresource?.name ?? '', name: a.name, namespace: a.namespace }); // prettier-ignore
      const { allowed, reason, error } = yield authorizer.authorize(a.user, own);
      if (allowed !== 'yes')
        throw forbid(a, `cannot set an ownerRef on a resource you can't delete: ${reason}, ${error ?? '<nil>'}`);
    }
    const before = blocking(old);
    const added = blocking(next).filter((r) => !before.some((b) => same(b, r)));
    if (added.length === 0 || (yield authorizer.authorize(a.user, ANYTHING)).allowed === 'yes') return;
    for (const ref of added) {
      const { group: ownerGroup, version } = parseApiVersion(ref.apiVersion);
      const owner = registry.byKind({ group: ownerGroup, version, kind: ref.kind });
      if (owner === undefined)
        throw forbid(
          a,
          `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${ref.apiVersion} Kind ${ref.kind}: no matches for kind ${JSON.stringify(ref.kind)} in version ${JSON.stringify(ref.apiVersion)}`,
        );
      const namespace = owner.namespaced ? a.namespace : '';
      const finalizers = infoOf({ verb: 'update', group: owner.group, resource: owner.resource, subresource: 'finalizers', name: ref.name, namespace }); // prettier-ignore
      const { allowed, reason, error } = yield authorizer.authorize(a.user, finalizers);
      if (allowed !== 'yes')
        throw forbid(
          a,
          `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${reason}, ${error ?? '<nil>'}`,
        );
    }
  }
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    handles: operations('CREATE', 'UPDATE'),
    validate(a) {
      const next = a.object?.metadata.ownerReferences;
      const old = a.old?.metadata.ownerReferences;
      // Most have none, or keep those they have.
      if (next === old || JSON.stringify(next ?? []) === JSON.stringify(old ?? [])) return;
      // Kubelets of old lose owners there; what stands behind keeps them.
      if (isOn(a, '', 'pods', 'status')) return;
      return decided(check(a));
    },
  };
}
