import type { LabelSelector } from '../../../../schemas/generated/meta-v1.ts';
import { selectorFromObject, type Labels } from '../../../../schemas/meta/selectors.ts';
import type { AdmissionAttributes } from '../../request.ts';
import { notFound } from '../../errors.ts';
import { namespaces } from '../../../runtime/resources.ts';
import { find, type AdmissionContext } from '../common.ts';

const isNamespace = (a: AdmissionAttributes): boolean => a.resource.resource === 'namespaces';

/**
 * Whether the request's namespace is selected; of what has none always. Returns what is wrong if the namespace is not
 * there: it counts only where the rules match. Source: apiserver pkg/admission/plugin/webhook/predicates/namespace.
 */
export function selectsNamespace(
  context: AdmissionContext,
  selector: LabelSelector | undefined,
  a: AdmissionAttributes,
): boolean | Promise<boolean | Error> {
  if (a.namespace === '' && !isNamespace(a)) return true;
  const compiled = selectorFromObject(selector ?? {});
  if (compiled.empty) return true;
  // The new one's, for the cache does not know it yet.
  if (isNamespace(a) && a.subresource === undefined && (a.operation === 'CREATE' || a.operation === 'UPDATE'))
    return compiled.matches(a.object?.metadata.labels);
  const resource = context.registry.lookup(namespaces)!;
  const known = context.cache.get(resource, '', a.namespace);
  if (known !== undefined) return compiled.matches(known.metadata.labels);
  return find(context, resource, '', a.namespace).then((found) =>
    found === undefined ? notFound(resource, a.namespace) : compiled.matches(found.metadata.labels),
  );
}
/** Whether the object, or what it was, is selected. */
export function selectsObject(selector: LabelSelector | undefined, a: AdmissionAttributes): boolean {
  const compiled = selectorFromObject(selector ?? {});
  if (compiled.empty) return true;
  const has = (
    object: { readonly metadata?: { readonly labels?: Labels | undefined } | undefined } | undefined,
  ): boolean => object?.metadata !== undefined && compiled.matches(object.metadata.labels);
  return has(a.object) || has(a.old);
}
