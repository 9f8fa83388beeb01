/** A request as webhooks are told of it and as expressions see it. Source: apiserver pkg/admission/plugin/webhook/request. */
import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { namespaces } from '../../../runtime/resources.ts';
import { notFound } from '../../errors.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { find, type AdmissionContext } from '../common.ts';
import { kindOf } from './versioned.ts';

/** As whoever writes has them: a patch is a creation or an update to all behind it. */
export function optionsOf({ operation, options, resource, old }: AdmissionAttributes): object | null {
  if (operation === 'CONNECT') return null;
  if (operation === 'DELETE') {
    // A namespace is deleted as the one that was found. Source: pkg/registry/core/namespace/storage Delete.
    const uid = resource.resource === 'namespaces' && resource.group === '' && old?.metadata.uid;
    const same = uid && { preconditions: { uid, ...(options['preconditions'] as object | undefined) } };
    return { ...options, ...same, kind: 'DeleteOptions', apiVersion: 'meta.k8s.io/v1' };
  }
  const { force: _force, ...rest } = options;
  return { ...rest, kind: operation === 'CREATE' ? 'CreateOptions' : 'UpdateOptions' };
}
/** The AdmissionRequest; expressions of policies and match conditions see it too, without the objects. */
export function admissionRequest(a: AdmissionAttributes, uid: string, as: Resource): Record<string, unknown> {
  const names = (r: Resource): object => ({ group: r.group, version: r.version, resource: r.resource });
  const subresource = a.subresource?.name;
  const { name, uid: userUid, groups, extra } = a.user;
  return {
    uid,
    kind: kindOf(a, as),
    resource: names(as),
    ...(subresource !== undefined && { subResource: subresource }),
    requestKind: kindOf(a),
    requestResource: names(a.resource),
    ...(subresource !== undefined && { requestSubResource: subresource }),
    ...(a.name !== '' && { name: a.name }),
    ...(a.namespace !== '' && { namespace: a.namespace }),
    operation: a.operation,
    userInfo: {
      ...(name !== '' && { username: name }),
      ...(userUid && { uid: userUid }),
      ...(groups.length > 0 && { groups }),
      ...(extra && Object.keys(extra).length > 0 && { extra }),
    },
  };
}
/** What expressions see as `request`. */
export function requestOf(a: AdmissionAttributes, as: Resource): object {
  const { uid: _uid, ...request } = admissionRequest(a, '', as);
  return { ...request, dryRun: a.dryRun, options: optionsOf(a) };
}
const SEEN = [
  'name', 'generateName', 'namespace', 'uid', 'resourceVersion', 'generation', 'creationTimestamp', 'deletionTimestamp',
  'deletionGracePeriodSeconds', 'labels', 'annotations', 'finalizers',
]; // prettier-ignore
/** The namespace as expressions see it. Throws NotFound. Source: apiserver pkg/admission/plugin/cel CreateNamespaceObject. */
export async function namespaceOf(context: AdmissionContext, a: AdmissionAttributes): Promise<object | undefined> {
  if (a.namespace === '' || (a.resource.kind === 'Namespace' && a.resource.group === '')) return undefined;
  const resource = context.registry.lookup(namespaces)!;
  const found = await find<DynamicObject>(context, resource, '', a.namespace);
  if (found === undefined) throw notFound(resource, a.namespace);
  const metadata = found.metadata as unknown as Readonly<Record<string, unknown>>;
  return {
    metadata: Object.fromEntries(SEEN.filter((key) => metadata[key] !== undefined).map((key) => [key, metadata[key]])),
    spec: found['spec'] ?? {},
    status: found['status'] ?? {},
  };
}
