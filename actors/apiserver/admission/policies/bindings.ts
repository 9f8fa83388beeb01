import type { DynamicObject } from '../../../../schemas/meta/object.ts';
import type { Resource } from '../../../../schemas/resource.ts';
import { notFound } from '../../errors.ts';
import { namespaces } from '../../../runtime/resources.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { find, type AdmissionContext } from '../common.ts';
import { admissionRequest, optionsOf } from '../webhooks/review.ts';

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
