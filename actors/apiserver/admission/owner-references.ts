import type { OwnerReference } from '../../../schemas/meta/object.ts';
import { parseApiVersion } from '../../../schemas/meta/object.ts';
import type { AdmissionAttributes, AdmissionPlugin } from '../request.ts';
import { forbid, operations, type AdmissionContext } from './common.ts';

const same = (a: OwnerReference, b: OwnerReference): boolean => a.uid === b.uid;
const blocking = (refs: readonly OwnerReference[]): OwnerReference[] =>
  refs.filter((r) => r.blockOwnerDeletion === true);

/**
 * Only who may delete an object changes its owners; only who may set an owner's finalizers blocks that owner's deletion.
 * Source: kubernetes plugin/pkg/admission/gc.
 */
export function ownerReferencesPermission(context: AdmissionContext): AdmissionPlugin {
  const may = (a: AdmissionAttributes, verb: string, group: string, resource: string, subresource: string, name: string, namespace: string): boolean =>
    context.authorizer.authorize(a.user, {
      isResource: true, path: '', verb, group, version: '*', resource, subresource, namespace, name,
    }).allowed === 'yes'; // prettier-ignore
  return {
    name: 'OwnerReferencesPermissionEnforcement',
    handles: operations('CREATE', 'UPDATE'),
    validate(a) {
      const next = a.object?.metadata.ownerReferences ?? [];
      const old = a.old?.metadata.ownerReferences ?? [];
      const { group, resource } = a.resource;
      if (a.operation === 'UPDATE' && JSON.stringify(next) !== JSON.stringify(old)) {
        const own = a.subresource?.name ?? '';
        if (!may(a, 'delete', group, resource, own, a.name, a.namespace))
          throw forbid(a, "cannot set an ownerRef on a resource you can't delete: , <nil>");
      }
      const before = blocking(old);
      for (const ref of blocking(next).filter((r) => !before.some((b) => same(b, r)))) {
        const { group: ownerGroup, version } = parseApiVersion(ref.apiVersion);
        const owner = context.registry.byKind({ group: ownerGroup, version, kind: ref.kind });
        if (owner === undefined)
          throw forbid(
            a,
            `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${ref.apiVersion} Kind ${ref.kind}: no matches for kind ${JSON.stringify(ref.kind)} in version ${JSON.stringify(ref.apiVersion)}`,
          );
        const namespace = owner.namespaced ? a.namespace : '';
        if (!may(a, 'update', owner.group, owner.resource, 'finalizers', ref.name, namespace))
          throw forbid(
            a,
            "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>",
          );
      }
    },
  };
}
